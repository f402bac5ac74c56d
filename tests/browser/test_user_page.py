"""The user page: three columns, and what a click in one does to the others."""

from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from penchant.records import Event
from tests.serving.fake_model import ODD_USER


def opened(page: Page, user_id: str = "reader-7") -> Page:
    page.goto(f"/users/{quote(user_id, safe='')}")
    settled(page)
    return page


def settled(page: Page) -> None:
    expect(page.locator("[aria-busy=true], .leaving")).to_have_count(0)


def offered(page: Page) -> list[str]:
    return page.locator(".offer h3 a").all_inner_texts()


def test_history_interests_and_recommendations_stand_side_by_side(page):
    opened(page)
    boxes = [page.get_by_role("region", name=name, exact=True).bounding_box()
             for name in ("History", "Interests", "Recommendations")]  # fmt: skip
    lefts = [box["x"] for box in boxes]
    assert lefts == sorted(lefts)
    assert max(box["y"] for box in boxes) - min(box["y"] for box in boxes) < 2
    assert page.locator(".trail li").count() == 11
    assert page.locator(".interest").count() == 4
    assert page.locator(".offer").count() == 10
    expect(page.get_by_role("heading", level=1)).to_have_text("reader-7")
    expect(page.locator("#leaning")).to_have_text("Leans to crime, food & travel 🍜 and popular science.")


def test_a_score_is_drawn_as_parts_that_add_up(page):
    opened(page)
    offer = page.locator(".offer").first
    parts = [float(text.replace("−", "-")) for text in offer.locator(".reasons .number").all_inner_texts()]
    assert sum(parts) == pytest.approx(float(offer.locator(".score").inner_text()), abs=0.011)
    track = offer.locator(".parts").bounding_box()
    widths = [segment.bounding_box()["width"] for segment in offer.locator(".parts i").all()]
    assert sum(widths) == pytest.approx(track["width"], abs=2)
    assert widths[0] / widths[1] == pytest.approx(parts[0] / parts[1], rel=0.02)


def test_not_interested_takes_the_item_away_and_is_stored_with_its_slate(page, stores):
    first = offered(opened(page))[0]
    page.get_by_role("button", name=f"Not interested: {first}").click()
    expect(page.locator(".trail li").first).to_contain_text("not interested")
    settled(page)
    assert first not in offered(page)
    expect(page.locator(".trail li").first).to_contain_text(first)
    expect(page.get_by_role("status")).to_contain_text(f"Not interested: {first}")
    (logged,) = list(stores.log())
    assert logged.entry.event_type == "not_interested"
    slate = stores.slate(logged.entry.slate_id)
    assert slate.user_id == "reader-7"
    assert slate.items[0].title == first


def test_reading_a_book_moves_it_to_the_history(page):
    third = offered(opened(page))[2]
    page.get_by_role("button", name=f"Read it: {third}").click()
    expect(page.locator(".trail li").first).to_contain_text(third)
    settled(page)
    assert third not in offered(page)


def test_more_changes_the_list_and_reset_brings_it_back(page):
    before = offered(opened(page, "reader-0"))
    page.get_by_role("button", name="More epic fantasy").click()
    expect(page.get_by_text("set by hand").first).to_be_visible()
    settled(page)
    assert float(page.locator(".offer .score").first.inner_text()) > 4
    assert page.evaluate("document.activeElement.dataset.key") == "more epic fantasy"
    page.get_by_role("button", name="Reset epic fantasy").click()
    expect(page.get_by_text("set by hand")).to_have_count(0)
    settled(page)
    assert offered(page) == before


def test_mute_hides_every_item_of_an_interest_until_it_is_taken_back(page):
    before = offered(opened(page, "reader-0"))
    page.get_by_role("button", name="Mute epic fantasy").click()
    expect(page.get_by_role("button", name="Reset epic fantasy")).to_have_text("Unmute")
    settled(page)
    assert before[0] not in offered(page)
    assert page.locator(".offer small").count() > 0  # the movement of ranks is shown
    page.get_by_role("button", name="Reset epic fantasy").click()
    expect(page.get_by_role("button", name="Mute epic fantasy")).to_be_visible()
    settled(page)
    assert offered(page) == before


def test_a_pin_is_told_and_can_be_taken_back(page):
    before = offered(opened(page))
    page.get_by_role("button", name="Pin popular science").click()
    expect(page.get_by_role("button", name="Reset popular science")).to_have_text("Unpin")
    expect(page.locator(".interest").first).to_contain_text("pinned")
    settled(page)
    assert offered(page) != before
    page.get_by_role("button", name="Undo: Pinned: popular science").click()
    expect(page.get_by_role("button", name="Reset popular science")).to_have_count(0)
    settled(page)
    assert offered(page) == before


def test_an_interest_is_added_by_typing_and_what_was_meant_can_be_chosen(page):
    opened(page, "reader-0")
    page.get_by_role("textbox", name="Add an interest by typing it").fill("science")
    page.keyboard.press("Enter")
    expect(page.locator(".meant")).to_contain_text("“science” is taken for popular science.")
    expect(page.locator(".announcer")).to_contain_text("taken for popular science")
    page.locator(".meant").get_by_role("button").first.click()
    expect(page.locator(".meant")).to_have_count(0)
    settled(page)
    expect(page.get_by_role("article", name="epic fantasy")).to_contain_text("set by hand")
    expect(page.get_by_role("button", name="Reset popular science")).to_have_count(0)


def test_words_near_nothing_are_refused_in_words(page, faults):
    opened(page, "reader-0")
    page.get_by_role("textbox", name="Add an interest by typing it").fill("juggling")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("juggling")
    faults.clear()


def test_an_event_is_forgotten_and_brought_back(page, stores):
    opened(page, "reader-0")
    first = page.locator(".trail li").first
    title = first.locator(".title").inner_text()
    first.get_by_role("button", name=f"Forget {title}").click()
    expect(page.locator(".trail li")).to_have_count(3)
    settled(page)
    assert next(stores.log()).entry.action == "forget"
    page.get_by_role("button", name="Undo: Forgotten an event").click()
    expect(page.locator(".trail li")).to_have_count(4)


def test_the_events_behind_an_interest_open_by_keyboard(page):
    opened(page)
    button = page.locator(".interest .open").first
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".evidence").first).to_be_visible()
    assert page.locator(".evidence").first.locator("li").count() == 5
    page.keyboard.press("Enter")
    expect(page.locator(".evidence").first).to_be_hidden()


def test_a_long_history_loads_more_without_a_gap(page, model):
    model.observe([Event(user_id="reader-1", item_id="book-0", event_type="read", event_id=f"x{n}") for n in range(40)])
    opened(page, "reader-1")
    assert page.locator(".trail li").count() == 15
    page.get_by_role("button", name="Load more").click()
    expect(page.locator(".trail li")).to_have_count(45)
    expect(page.get_by_role("button", name="Load more")).to_have_count(0)
    assert page.locator(".trail .meta .number").last.inner_text() == "#1"


def test_more_recommendations_on_request(page):
    opened(page, "reader-0")
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(".offer")).to_have_count(20)


def test_an_odd_id_is_a_user_like_any_other(page):
    opened(page, ODD_USER)
    expect(page.get_by_role("heading", level=1)).to_have_text(ODD_USER)
    page.get_by_role("button", name="Not interested").first.click()
    expect(page.locator(".trail li").first).to_contain_text("not interested")


def test_an_unknown_user_is_met_with_words(page):
    opened(page, "nobody")
    expect(page.locator("#leaning")).to_contain_text("Nothing is known")
    expect(page.locator("#history")).to_contain_text("No events yet")
    expect(page.get_by_role("note")).to_contain_text("nobody is not known")
    assert page.locator(".offer").count() == 10


def test_a_title_that_is_a_script_is_only_words(page):
    opened(page)
    expect(page.locator(".trail")).to_contain_text("<script>alert('x')</script> & <b>Sons</b>")
    assert page.locator(".trail b, .trail script").count() == 0


def test_a_server_that_fails_says_so_and_can_be_asked_again(page, faults, model, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(model, "decide", lambda *_, **__: 1 / 0)
        opened(page)
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("The server failed")
        expect(alert).to_contain_text("Request ")
        assert page.locator(".interest").count() == 4
    assert all("500" in fault for fault in faults)
    faults.clear()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".offer")).to_have_count(10)


def test_a_click_that_is_refused_says_why_and_changes_nothing(page, faults, model, monkeypatch):
    before = offered(opened(page))
    monkeypatch.setattr(model, "observe", lambda _: 1 / 0)
    page.get_by_role("button", name="Not interested").first.click()
    expect(page.get_by_role("alert")).to_contain_text("The server failed")
    assert offered(page) == before
    faults.clear()


def test_nothing_runs_out_of_the_window(page):
    opened(page)
    for width in (400, 820, 1100, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_dial_asks_for_explored_items_and_they_say_why(page, model):
    opened(page)
    expect(page.locator("#dial .share")).to_have_text("as set")
    page.get_by_label("Explore").fill("30")
    page.get_by_label("Explore").dispatch_event("change")
    settled(page)
    assert model.wishes["explore"] == 0.3
    expect(page.locator("#dial .share")).to_have_text("30 %")
    expect(page.locator(".offer .exploring")).to_have_text("exploring: crime; many come to it")
    page.get_by_role("button", name="Surprise me").click()
    settled(page)
    assert model.wishes["explore"] == 1.0
    page.get_by_label("Explore").fill("0")
    page.get_by_label("Explore").dispatch_event("change")
    settled(page)
    assert model.wishes["explore"] == 0.0  # off, also where the model is set to explore


def test_what_is_worth_a_try_can_be_asked_for(page, model):
    opened(page, "reader-0")
    first = page.locator(".discoveries li").first
    name = first.locator("b").inner_text()
    first.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text(f"More of {name}")
    assert (model.log[-1].action, model.log[-1].concept_id) == ("more", name)
