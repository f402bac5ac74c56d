"""The Python API on a world whose right answers are known."""

import numpy as np
import pytest

from penchant.errors import ConfigError, NotFoundError
from penchant.interfaces import top_k
from penchant.pipeline.interest_model import InterestModel
from penchant.records import Event

SPACE, MYSTERY, COOKERY, CHESS = 0, 1, 2, 3


def genres(slate) -> list[str]:
    return [item.item_id.split("-")[0] for item in slate.items]


def event(user, item, kind="interaction", **more) -> Event:
    return Event(user_id=user, item_id=item, event_type=kind, **more)


def test_the_next_item_of_the_walk_is_recommended(model):
    hits = 0
    for user in range(40):
        history = model.history(f"u-{user}", limit=1)
        genre, place = map(int, history[0].item_id.split("-"))
        following = f"{genre}-{(place + 1) % 15}"
        seen = {e.item_id for e in model.history(f"u-{user}")}
        if following in seen:
            continue
        hits += following in [i.item_id for i in model.recommend(f"u-{user}", 3).items]
    assert hits >= 25


def test_a_slate_has_k_distinct_unseen_items_by_falling_score(model):
    slate = model.recommend("u-0", 10)
    ids = [item.item_id for item in slate.items]
    assert len(set(ids)) == 10
    assert not set(ids) & {e.item_id for e in model.history("u-0")}
    scores = [item.score for item in slate.items]
    assert scores == sorted(scores, reverse=True)
    assert [item.rank for item in slate.items] == list(range(1, 11))


def test_seen_items_stay_by_option(model):
    slate = model.recommend("u-0", 60, exclude_seen=False)
    assert len(slate.items) == 60


def test_k_above_the_catalogue_gives_what_is_left(model):
    seen = {e.item_id for e in model.history("u-0")}
    assert len(model.recommend("u-0", 10_000).items) == 60 - len(seen)


def test_k_below_one_is_refused(model):
    with pytest.raises(ConfigError, match="k is 0"):
        model.recommend("u-0", 0)


def test_two_stages_give_the_full_ranking(model, fitted):
    """The candidates of the first stage lose nothing: the slate is the brute-force order of the model's own scores and
    the belief's corrections.
    """
    learned, _ = fitted
    for user in range(0, 60, 7):
        history = learned.dataset.histories(np.array([user]))
        shift = learned.population.deviation * model.live.correction(f"u-{user}", history)
        gate = learned.model.gates(history).tracker_B[0]
        scores = learned.model.score(history) + (gate * (learned.vocabulary.activations @ shift)).astype(np.float32)
        scores[0, history.items] = -np.inf
        brute = top_k(scores, 10, ties=model.live.ties)
        slate = model.recommend(f"u-{user}", 10)
        assert [item.item_id for item in slate.items] == [learned.dataset.items.ids[i] for i in brute.items[0]]
        assert np.allclose([item.score for item in slate.items], brute.scores[0], atol=1e-4)
        assert set(slate.timings_ms) == {"retrieve", "score", "rerank", "choose", "explain"}


def test_reasons_add_up_to_the_score(model):
    for user in range(0, 40, 5):
        for item in model.recommend(f"u-{user}", 10).items:
            total = sum(reason.contribution for reason in item.reasons) + item.other + item.residual
            assert abs(total - item.score) <= 1e-6 * max(1.0, abs(item.score))
            assert item.reasons


def test_reasons_name_events_of_the_user(model):
    mine = {e.event_id for e in model.history("u-3")}
    named = [e for item in model.recommend("u-3", 5).items for reason in item.reasons for e in reason.evidence]
    assert named
    assert set(named) <= mine


def test_interests_follow_the_users_genres(model):
    profile = model.interests("u-0")
    assert profile.interests[0].concept == "cozy mystery"
    assert {i.concept for i in profile.interests} <= {"space opera", "cozy mystery"}
    first = profile.interests[0]
    assert first.strength > 0.4
    assert first.trend == "rising"
    assert first.evidence
    assert "7 items" in first.summary


def test_as_of_reads_the_profile_as_it_was(model):
    then = model.interests("u-0", as_of=7)
    assert then.as_of == 7
    assert then.interests[0].concept == "space opera"
    assert then.events == 7
    assert model.interests("u-0", as_of=0).cold
    model.observe([Event(user_id="u-0", item_id=None, event_type="search", text="chess")])
    assert model.interests("u-0", as_of=-100).interests == model.interests("u-0", as_of=0).interests


def test_profiles_have_a_sign_and_a_confidence(model):
    for user in range(8):
        for interest in model.interests(f"u-{user}").interests:
            assert 0 <= interest.confidence <= 1
            assert interest.source == "behaviour"


def test_an_observed_burst_moves_profile_and_slate(model):
    """Within five events of a new genre, the profile and the top of the list have moved to it."""
    before = genres(model.recommend("u-0", 5)).count(str(CHESS))
    result = model.observe([event("u-0", f"{CHESS}-{n}", event_id=f"x{n}") for n in range(5)])
    assert (result.accepted, result.duplicates, result.rejected) == (5, 0, ())
    assert model.interests("u-0").interests[0].concept == "chess"
    after = genres(model.recommend("u-0", 5)).count(str(CHESS))
    assert after > before
    assert after >= 3
    assert model.history("u-0")[0].event_id == "x4"


def test_a_repeated_event_id_counts_once(model):
    first = model.observe([event("u-0", "1-3", event_id="a"), event("u-0", "1-3", event_id="a")])
    assert (first.accepted, first.duplicates) == (1, 1)
    assert model.observe([event("u-0", "1-3", event_id="a")]).duplicates == 1


def test_an_event_id_of_the_imported_history_counts_as_a_repeat(model):
    had = model.history("u-0")[0]
    assert model.observe([event("u-0", had.item_id, event_id=had.event_id)]).duplicates == 1
    assert model.observe([event("u-0", "1-3", event_id="e007")]).accepted == 1


def test_a_client_that_counts_its_events_as_we_name_imported_ones_loses_none(model):
    had = model.history("u-0")[0]
    other = next(item for item in ("1-3", "1-4") if item != had.item_id)
    refused = model.observe([event("u-0", other, event_id=had.event_id)])
    assert (refused.accepted, refused.duplicates) == (0, 0)
    assert refused.rejected[0].column == "event_id"
    assert had.item_id in refused.rejected[0].reason
    assert model.observe([event("u-1", other, event_id=had.event_id), event("new", other, event_id="e0")]).accepted == 2
    assert model.observe([event("new", other, event_id="e0")]).duplicates == 1


def test_a_new_user_is_found_first_by_the_exact_id(model):
    model.observe([event("1", "1-3")])
    assert model.find_users("1", 5)[0].user_id == "1"


def test_bad_events_are_named_and_good_ones_kept(model):
    result = model.observe(
        [
            event("u-0", "no-such-item"),
            event("", "1-1"),
            event("u-0", None),
            event("u-0", "1-1", value=float("nan")),
            event("u-0", "1-1", ""),
            event("u-0", None, "search", text="endgames"),
            event("u-0", "1-1"),
        ]
    )
    assert result.accepted == 2
    assert [(r.index, r.column) for r in result.rejected] == [
        (0, "item_id"),
        (1, "user_id"),
        (2, "item_id"),
        (3, "value"),
        (4, "event_type"),
    ]


def test_not_interested_removes_the_item_and_lowers_its_concept(model):
    slate = model.recommend("u-0", 5)
    turned_down = slate.items[0].item_id
    before = {i.concept: i.strength for i in model.interests("u-0").interests}
    model.observe([event("u-0", turned_down, "not_interested")])
    assert turned_down not in [i.item_id for i in model.recommend("u-0", 60, exclude_seen=False).items]
    after = {i.concept: i.strength for i in model.interests("u-0").interests}
    assert after["cozy mystery"] < before["cozy mystery"] - 0.2
    told = next(i for i in model.interests("u-0").interests if i.concept == "cozy mystery")
    [turned] = [e for e in told.evidence if e.event_type == "not_interested"]
    assert turned.effect == pytest.approx(after["cozy mystery"] - before["cozy mystery"], abs=0.1)


def test_an_item_that_was_only_shown_changes_nothing(model):
    before = model.recommend("u-0", 5)
    shown = before.items[0].item_id
    model.observe([event("u-0", shown, "impression")])
    after = model.recommend("u-0", 5)
    assert [i.item_id for i in after.items] == [i.item_id for i in before.items]
    assert [i.score for i in after.items] == pytest.approx([i.score for i in before.items], abs=1e-5)


def test_items_that_were_only_shown_are_in_no_profile(model):
    """Neither as an interest, nor as recent events beside which older interests fade."""
    before = model.interests("u-0")
    model.observe([event("u-0", f"3-{n}", "impression") for n in range(12)])
    after = model.interests("u-0")
    assert [(i.concept, i.trend, i.count) for i in after.interests] == [
        (i.concept, i.trend, i.count) for i in before.interests
    ]
    assert after.events == before.events
    assert not [e for i in after.interests for e in i.evidence if e.event_type == "impression"]
    model.observe([event("onlooker", "3-1", "impression")])
    assert model.interests("onlooker").cold


def test_the_vector_kept_for_a_user_is_the_one_read_from_his_history(model):
    live = model.live

    def fresh():
        return live.fitted.model.tracker.user_vectors(live.consumed(live.timeline.history("u-0")))

    np.testing.assert_allclose(live.user_vector("u-0", live.timeline.history("u-0")), fresh(), atol=1e-5)
    for item, kind in (("2-3", "interaction"), ("1-1", "not_interested"), ("2-4", "interaction")):
        model.observe([event("u-0", item, kind)])
        for _ in range(2):
            kept = live.user_vector("u-0", live.consumed(live.timeline.history("u-0")))
            np.testing.assert_allclose(kept, fresh(), atol=1e-6)


def test_an_unknown_user_gets_the_popular_items_and_is_told(model):
    slate = model.recommend("nobody", 3)
    assert slate.cold
    assert "not known" in slate.note
    counts = {i: model.item(i).events for i in model.fitted.dataset.items.ids}
    assert [counts[i.item_id] for i in slate.items] == sorted(counts.values(), reverse=True)[:3]
    assert slate.items[0].reasons[0].source == "popularity"
    assert model.interests("nobody").cold
    assert model.history("nobody") == []


def test_a_new_user_is_served_from_his_first_events(model):
    model.observe([event("newcomer", f"{CHESS}-{n}") for n in range(3)])
    slate = model.recommend("newcomer", 5)
    assert not slate.cold
    assert genres(slate).count(str(CHESS)) >= 3
    assert [(u.user_id, u.events) for u in model.find_users("newcomer")] == [("newcomer", 3)]


def test_more_and_less_move_the_slate_and_reset_restores_it(model):
    plain = model.recommend("u-0", 10)
    concept = "tags:chess"
    for _ in range(3):
        model.edit("u-0", concept, "more")
    more = model.recommend("u-0", 10)
    assert genres(more).count(str(CHESS)) > genres(plain).count(str(CHESS))
    assert any(r.source == "edit" for item in more.items for r in item.reasons)
    told = next(i for i in model.interests("u-0").interests if i.concept_id == concept)
    assert told.source == "explicit"
    model.edit("u-0", concept, "reset")
    again = model.recommend("u-0", 10)
    assert [(i.item_id, i.score) for i in again.items] == [(i.item_id, i.score) for i in plain.items]


def test_an_edit_moves_only_items_with_its_concept(model):
    before = {i.item_id: i.score for i in model.recommend("u-0", 60).items}
    model.edit("u-0", "tags:chess", "less")
    after = {i.item_id: i.score for i in model.recommend("u-0", 60).items}
    for item_id, score in after.items():
        if item_id.startswith(f"{CHESS}-"):
            assert score < before[item_id]
        else:
            assert score == before[item_id]


def test_mute_takes_every_item_of_the_concept_away(model):
    profile = model.edit("u-0", "tags:cozy-mystery", "mute")
    assert next(i for i in profile.interests if i.concept == "cozy mystery").muted
    assert str(MYSTERY) not in genres(model.recommend("u-0", 60, exclude_seen=False))
    model.edit("u-0", "tags:cozy-mystery", "reset")
    assert str(MYSTERY) in genres(model.recommend("u-0", 60, exclude_seen=False))


def test_edits_shift_a_cold_slate_too(model):
    model.edit("nobody", "tags:cookery", "more")
    slate = model.recommend("nobody", 5)
    assert genres(slate) == [str(COOKERY)] * 5
    for item in slate.items:
        assert sum(r.contribution for r in item.reasons) == pytest.approx(item.score)


def test_unknown_concepts_actions_and_items_are_refused(model):
    with pytest.raises(NotFoundError, match="tags:juggling"):
        model.edit("u-0", "tags:juggling", "more")
    with pytest.raises(ConfigError, match="wipe"):
        model.edit("u-0", "tags:chess", "wipe")
    with pytest.raises(NotFoundError):
        model.similar("juggling")
    with pytest.raises(NotFoundError):
        model.item("juggling")


def test_similar_items_share_the_genre_more_often_than_chance(model):
    for genre in range(4):
        near = model.similar(f"{genre}-3", 5)
        assert len(near) == 5
        assert f"{genre}-3" not in [n.item_id for n in near]
    share = np.mean([n.item_id[0] == "2" for i in range(15) for n in model.similar(f"2-{i}", 3)])
    assert share > 0.5
    near = model.similar("2-3", 1000)
    assert len(near) == 59
    assert [n.similarity for n in near] == sorted((n.similarity for n in near), reverse=True)


def test_search(model):
    assert [u.user_id for u in model.find_users("U-11")][:1] == ["u-11"]
    assert len(model.find_users("", 7)) == 7
    found = model.find_items("chess volume 3")
    assert found[0].title == "chess volume 3"
    assert model.find_items("3-7")[0].item_id == "3-7"
    assert model.find_items("no such thing") == []


def test_history_pages_back(model):
    first = model.history("u-0", limit=5)
    assert [e.position for e in first] == [13, 12, 11, 10, 9]
    rest = model.history("u-0", limit=100, before=first[-1].position)
    assert [e.position for e in rest] == list(range(8, -1, -1))
    assert model.history("u-0", limit=5, before=0) == []


def test_the_card_counts_what_was_observed(model):
    before = model.card()
    model.observe([event("newcomer", "1-1")])
    after = model.card()
    assert (after.events, after.users) == (before.events + 1, before.users + 1)
    assert after.concepts == 4
    assert after.clock == "position"


def test_an_unfitted_model_says_what_to_do():
    with pytest.raises(ConfigError, match="not been fitted"):
        InterestModel().recommend("u")


def test_slates_are_dated_by_the_clock_handed_in(model):
    assert model.recommend("u-0", 1).generated_at == "2026-01-02T03:04:05+00:00"
