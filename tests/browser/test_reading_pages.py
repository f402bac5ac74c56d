"""The pages to read: why an item is here, the concepts, a user's interests through time."""

from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import CONTRAST
from tests.serving.fake_model import ODD_ITEM, ODD_USER


def opened(page: Page, path: str) -> Page:
    page.goto(path)
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    return page


def test_reasons_lead_to_the_explanation(page):
    opened(page, f"/users/{quote(ODD_USER, safe='')}")
    title = page.locator(".offer h3 a").first.inner_text()
    page.locator(".offer .why").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    region = page.get_by_role("region", name="The score is a sum")
    score = float(region.locator(".aside").inner_text().split(",")[0].replace("−", "-"))
    parts = [float(text.replace("−", "-")) for text in region.locator(".reasons .number").all_inner_texts()]
    assert sum(parts) == pytest.approx(score, abs=0.01)
    page.get_by_role("link", name=ODD_USER).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(ODD_USER)


def test_an_explanation_tells_what_would_be_and_what_was_looked_at(page):
    opened(page, f"/users/reader-7/explanations/{quote(ODD_ITEM, safe='')}")
    expect(page.locator("h1")).to_have_text("<script>alert('x')</script> & <b>Sons</b>")
    expect(page.get_by_role("region", name="If it were otherwise")).to_contain_text("this would be rank 17")
    looked = page.get_by_role("region", name="What the tracker looked at")
    assert looked.locator("tbody tr").count() > 0
    expect(page.get_by_role("region", name="What the catalogue knows")).to_contain_text("rated →")
    opened(page, "/users/nobody/explanations/book-1")
    expect(page.get_by_role("note")).to_contain_text("not known")


def test_an_explanation_of_nothing(page, faults):
    opened(page, "/users/reader-7/explanations/nothing")
    expect(page.get_by_role("alert").first).to_contain_text("No item 'nothing'")
    faults.clear()


def test_concepts_are_searched_as_one_types(page):
    opened(page, "/concepts")
    expect(page.locator(".concept-card")).to_have_count(6)
    page.locator("#words").fill("dyst")
    expect(page.locator(".concept-card")).to_have_count(1)
    expect(page.locator(".concept-card")).to_contain_text("under epic fantasy")
    page.locator("#words").fill("zzz")
    expect(page.get_by_text("No concept matches.")).to_be_visible()
    page.locator("#words").fill("")
    page.locator("#level").select_option("broad")
    expect(page.locator(".concept-card")).to_have_count(1)
    expect(page.locator(".concept-card")).to_contain_text("Below it:")


def test_interests_through_time(page):
    opened(page, f"/users/{quote(ODD_USER, safe='')}")
    page.get_by_role("link", name="Interests through time").click()
    expect(page.locator(".timeline svg path").first).to_be_visible()
    lines = page.locator(".series button").count()
    assert page.locator(".timeline path:not(.long)").count() == lines > 1
    page.locator(".series button").first.click()
    expect(page.locator(".timeline path.faint")).to_have_count(2 * (lines - 1))
    expect(page.locator("table")).to_contain_text("after")
    opened(page, "/users/nobody/replay")
    expect(page.get_by_text("nothing to replay")).to_be_visible()


@pytest.mark.parametrize("path", ["/users/reader-7/explanations/book-4", "/concepts", "/users/reader-7/replay"])
def test_words_stand_out_from_the_paper(page, path):
    opened(page, path)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(CONTRAST) == [], scheme
