"""What users write moves their interests, and with these the slate."""

from dataclasses import replace

import numpy as np
import pytest

from penchant.data.dataset import Events
from penchant.interests.text.reading import TextReader
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel
from penchant.pipeline.sayings import BLOCK, RememberingReader, Written, read_sayings
from penchant.pipeline.timeline import Timeline
from penchant.records import Event, Interest
from tests.pipeline.conftest import NOW, SETTINGS
from tests.worlds import GENRES, genre_world


def wrote(
    user: str, text: str, *, item: str | None = None, kind: str = "comment", event_id: str | None = None
) -> Event:
    return Event(user_id=user, item_id=item, event_type=kind, text=text, event_id=event_id)


def searched(user: str, text: str, event_id: str | None = None) -> Event:
    return wrote(user, text, kind="search", event_id=event_id)


def interest(model: InterestModel, user: str, name: str) -> Interest | None:
    return next((i for i in model.interests(user).interests if i.concept == name), None)


def genres(model: InterestModel, user: str, k: int = 10) -> list[str]:
    return [item.item_id.split("-")[0] for item in model.recommend(user, k).items]


def test_a_negative_review_lowers_the_concept_it_names_and_a_glad_one_lifts_it(model):
    before = interest(model, "u-0", "cozy mystery")
    assert before is not None
    model.observe([wrote("u-0", "I hate cozy mystery, it is boring and awful.", event_id="bad")])
    after = interest(model, "u-0", "cozy mystery")
    assert after is not None
    assert after.strength < before.strength - 0.1
    [told] = [e for e in after.evidence if e.event_id == "bad"]
    assert told.effect < 0
    assert told.item_id is None
    assert told.title.startswith("I hate cozy mystery")

    model.observe([wrote("u-0", "I love chess! Wonderful chess.", event_id="good")])
    glad = interest(model, "u-0", "chess")
    assert glad is not None
    assert glad.source == "text"
    assert [e.effect > 0 for e in glad.evidence if e.event_id == "good"] == [True]


def test_a_review_that_damns_its_item_speaks_against_it_and_one_that_praises_it_for_it(model):
    chess = str(GENRES.index("chess"))
    words = {
        "bad": "I hate chess, terrible boring chess. The worst.",
        "fine": "It arrived on Monday.",
        "good": "Wonderful, I love it.",
    }
    before = genres(model, "u-1").count(chess)
    item = next(f"{chess}-{n}" for n in range(2, 15) if model.live.timeline.dataset.items.row(f"{chess}-{n}") >= 0)
    found = {}
    for name, text in words.items():
        other = InterestModel(config=model.config, now=lambda: NOW).start(model.fitted)
        other.observe([wrote("u-1", text, item=item, kind="review", event_id=name)])
        told = interest(other, "u-1", "chess")
        found[name] = 0.0 if told is None else told.strength
        [kept] = [event for event in other.history("u-1") if event.event_id == name]
        assert (kept.event_type, kept.item_id) == ("review", item)
        assert (genres(other, "u-1").count(chess) > before) == (name != "bad")
    assert found["bad"] < 0.2 < found["fine"] < found["good"] + 1e-9
    rated = InterestModel(config=model.config, now=lambda: NOW).start(model.fitted)
    rated.observe([Event(user_id="u-1", item_id=item, event_type="review", text=words["bad"], value=5.0)])
    assert rated.live.consumption(rated.live.timeline.history("u-1")).all()  # a rating says it itself


def test_one_who_only_writes_gets_what_he_writes_of_on_top_with_the_texts_behind_it(model):
    texts = ["I love cookery so much, great cookery books", "I saw some chess", "What a wonderful cookery lesson"]
    model.observe([wrote("writer", text, event_id=f"w{n}") for n, text in enumerate(texts)])
    profile = model.interests("writer")
    assert not profile.cold
    assert profile.interests[0].concept == "cookery"
    assert profile.interests[0].source == "text"
    assert {e.event_id for e in profile.interests[0].evidence} == {"w0", "w2"}
    slate = model.recommend("writer", 10)
    assert not slate.cold
    assert genres(model, "writer").count(str(GENRES.index("cookery"))) >= 5
    for item in slate.items:
        assert sum(r.contribution for r in item.reasons) + item.other + item.residual == pytest.approx(item.score)


def test_a_search_moves_the_slate_and_forgetting_it_takes_that_back(model):
    plain = model.recommend("u-0", 10)
    for n in range(4):
        model.observe([searched("u-0", "chess", f"s{n}")])
    moved = model.recommend("u-0", 10)
    assert [i.score for i in moved.items] != [i.score for i in plain.items]
    for n in range(4):
        model.edit("u-0", action="forget", event_id=f"s{n}")
    assert not model.live.timeline.texts("u-0")
    again = model.recommend("u-0", 10)
    assert [i.item_id for i in again.items] == [i.item_id for i in plain.items]
    assert [i.score for i in again.items] == pytest.approx([i.score for i in plain.items], abs=1e-5)


def test_words_said_before_a_moment_are_read_as_of_it_and_later_ones_not(model):
    events = len(model.live.timeline.history("u-2").items)
    model.observe([searched("u-2", "chess is wonderful", "early")])
    model.observe(
        [Event(user_id="u-2", item_id="0-1", event_id="x1"), Event(user_id="u-2", item_id="0-2", event_id="x2")]
    )
    model.observe([searched("u-2", "cookery is wonderful", "late")])
    then = model.live.timeline.texts("u-2", as_of=events + 1)
    assert [one.text for one in then] == ["chess is wonderful"]
    assert [one.text for one in model.live.timeline.texts("u-2")] == ["chess is wonderful", "cookery is wonderful"]
    assert not model.live.timeline.texts("u-2", as_of=events - 1)
    profile = model.interests("u-2", as_of=events + 1)
    assert all(e.event_id != "late" for i in profile.interests for e in i.evidence)


def test_texts_of_a_dataset_are_in_the_beliefs_of_its_users():
    world = genre_world(users=80)
    events = world.events
    texts = np.empty(len(events), dtype=object)
    mine = np.flatnonzero(events.users == 3)
    texts[mine[-1]] = "I love chess, chess is great"
    model = InterestModel(config=InterestModelConfig.of(SETTINGS), now=lambda: NOW)
    model.fit(replace(world, events=replace(events, texts=texts)))
    live, raw = model.live, model.live.timeline.history("u-3")
    said = live.said("u-3", raw)
    assert said is not None
    assert said.places.tolist() == [14]
    with_texts = live.beliefs.beliefs(raw, live.reading(), said).of(0)
    without = live.beliefs.beliefs(raw, live.reading()).of(0)
    kept = model.fitted.beliefs.of(3)
    np.testing.assert_allclose(kept.means, with_texts.means, atol=1e-4)
    chess = [c for c, concept in enumerate(model.fitted.vocabulary.concepts) if concept.name == "chess"]
    gained = kept.corrections(4, 14.0, model.fitted.belief.config) - without.corrections(
        4, 14.0, model.fitted.belief.config
    )
    assert gained[chess[0]] > 0
    assert np.count_nonzero(np.abs(gained) > 1e-4) == 1


def test_texts_that_say_nothing_change_nothing(model):
    plain = model.recommend("u-4", 10)
    model.observe([searched("u-4", "zzz qqq 12345", "n1"), searched("u-4", "👍", "n2")])
    assert [i.score for i in model.recommend("u-4", 10).items] == pytest.approx(
        [i.score for i in plain.items], abs=1e-4
    )


def test_observations_say_which_text_each_comes_from(model):
    model.observe(
        [
            wrote("u-6", "chess and cookery are great", event_id="t1"),
            wrote("u-6", "space opera is dull", event_id="t2"),
        ]
    )
    raw = model.live.timeline.history("u-6")
    seen = model.live.observations("u-6", raw)
    names = [concept.name for concept in model.fitted.vocabulary.concepts]
    by_text = {
        (event_id, names[int(one.concepts[0])]): one.label for _, event_id, one in seen if event_id in {"t1", "t2"}
    }
    assert by_text == {("t1", "chess"): 1.0, ("t1", "cookery"): 1.0, ("t2", "space opera"): 0.0}


def test_texts_keep_their_place_among_events_when_earlier_ones_are_forgotten(model):
    """The clock counts positions: what is left moves up, texts as well as events."""
    timeline = model.live.timeline
    model.observe([Event(user_id="new", item_id=f"0-{n}", event_id=f"a{n}") for n in range(4)])
    model.observe([wrote("new", "chess is wonderful", event_id="w")])
    model.observe([Event(user_id="new", item_id=f"1-{n}", event_id=f"b{n}") for n in range(3)])
    for n in range(3):
        model.edit("new", action="forget", event_id=f"a{n}")
    raw = timeline.history("new")
    said = model.live.said("new", raw)
    assert said is not None
    assert said.places.tolist() == [1]
    assert raw.timestamps.tolist() == [0, 2, 3, 4]
    assert [one.timestamp for one in timeline.texts("new")] == [1]
    assert [len(timeline.texts("new", as_of=n)) for n in range(4)] == [0, 1, 1, 1]


def test_what_is_written_after_a_reset_is_read_before_what_is_done_next(model):
    model.edit("u-1", action="reset")
    model.observe([wrote("u-1", "chess is wonderful", event_id="w")])
    model.observe([Event(user_id="u-1", item_id=f"0-{n}", event_id=f"b{n}") for n in range(3)])
    raw = model.live.timeline.history("u-1")
    said = model.live.said("u-1", raw)
    assert said is not None
    assert said.places.tolist() == [0]
    assert len(model.live.timeline.texts("u-1", as_of=1)) == 1


def test_texts_of_one_moment_are_read_in_one_order_however_they_arrive():
    world = replace(genre_world(users=2), clock="time")
    both = [replace(wrote("u-1", f"text {name}", event_id=name), timestamp=10**6) for name in "ab"]
    for events in (both, both[::-1]):
        timeline = Timeline(world)
        for event in events:
            timeline.observe([event], now=0)
        assert [one.text for one in timeline.texts("u-1")] == ["text a", "text b"]


def test_what_is_done_after_imported_texts_is_placed_after_them():
    """Positions of imported searches count, though a history of items does not show them."""
    world = genre_world(users=1)
    rows = np.arange(len(world.events) + 3)
    old = np.minimum(rows, len(world.events) - 1)
    events = world.events
    texts = np.empty(len(rows), dtype=object)
    texts[-3:] = "chess"
    longer = Events(
        users=events.users[old],
        items=np.where(rows < len(events), events.items[old], -1).astype(np.int32),
        types=events.types[old],
        timestamps=rows.astype(np.int64),
        values=events.values[old],
        keys=rows.astype(np.int64),
        texts=texts,
    )
    timeline = Timeline(replace(world, events=longer))
    timeline.observe([Event(user_id="u-0", item_id="0-0")], now=0)
    assert timeline.history("u-0").timestamps[-1] > max(one.timestamp for one in timeline.texts("u-0"))


def test_an_event_without_an_id_never_takes_one_that_is_in_use():
    timeline = Timeline(genre_world(users=1))
    taken = f"e{timeline.mark + 1}"
    timeline.observe([Event(user_id="u", item_id="0-0", event_id=taken)], now=0)
    timeline.observe([Event(user_id="u", item_id="0-1"), Event(user_id="u", item_id="0-2")], now=0)
    ids = [timeline.event_id(int(key)) for key in timeline.history("u").keys]
    assert len(set(ids)) == 3
    assert [timeline.observe([Event(user_id="v", item_id="0-3", event_id=one)], now=0).duplicates for one in ids] == [
        1
    ] * 3


def test_one_who_wrote_very_much_is_read_by_his_last_texts(model):
    reader, weights = model.live.text_reader, model.config.belief.text
    texts = [Written(n, n, "chess is wonderful", search=False, of_item=False) for n in range(7 * BLOCK + 3)]
    said = read_sayings([texts[::-1], texts[:3]], [np.zeros(0, dtype=np.int64)] * 2, reader, weights)
    assert said.indptr.tolist() == [0, BLOCK + 3, BLOCK + 6]
    assert said.keys[: BLOCK + 3].tolist() == list(range(6 * BLOCK, 7 * BLOCK + 3))


def test_a_reader_that_remembers_reads_as_one_that_does_not(model, monkeypatch):
    gazetteer = model.live.text_reader.gazetteer
    texts = ["I love chess", "chess without cookery", "cookery is awful", "I love chess", "", "国际象棋 chess"]
    searches = [False, True, False, True, False, False]
    plain, keen = TextReader(gazetteer), RememberingReader(gazetteer, remembered=60)
    wanted = [repr(one) for one in plain.read(texts, searches=searches)]
    read: list[int] = []
    original = TextReader.read

    def counted(self, new, **rest):
        read.append(len(new))
        return original(self, new, **rest)

    monkeypatch.setattr(TextReader, "read", counted)
    for _ in range(2):
        assert [repr(one) for one in keen.read(texts, searches=searches)] == wanted
    assert read[0] == 6
    assert 0 < read[1] < 6  # not all fit
    assert keen.held == sum(len(text) for text, _ in keen._kept) <= 60
