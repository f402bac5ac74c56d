"""The start page, the item page, the search box, and what all pages share."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.serving.fake_model import ODD_ITEM

ROOT = Path(__file__).resolve().parents[2]


def opened(page: Page, path: str) -> Page:
    page.goto(path)
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    return page


def test_the_start_page_offers_users_and_items(page):
    opened(page, "/")
    expect(page.locator("#figures")).to_contain_text("30")
    expect(page.locator("#model")).to_contain_text("Bundle shelves")
    expect(page.locator(".user-card")).to_have_count(8)
    expect(page.locator(".user-card").nth(7)).to_contain_text("food & travel 🍜")
    expect(page.locator("#items li")).to_have_count(12)
    expect(page.get_by_role("complementary")).to_contain_text("For reader-0, right now")
    page.locator(".user-card").nth(3).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("reader-3")


def test_search_as_you_type_finds_users_and_items_by_keyboard(page):
    opened(page, "/")
    page.keyboard.press("/")
    page.keyboard.type("reader-3")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    box = page.get_by_role("combobox")
    box.fill("雪国")
    expect(page.get_by_role("option", name="雪国 (Snow Country)")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    assert box.get_attribute("aria-activedescendant") == page.get_by_role("option").first.get_attribute("id")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("雪国 (Snow Country)")


def test_search_by_mouse_and_without_a_find(page):
    opened(page, "/users/reader-0")
    box = page.get_by_role("combobox")
    box.fill("zzzz")
    expect(page.get_by_text("Nobody and nothing matches “zzzz”.")).to_be_visible()
    box.fill("<script>")
    page.get_by_role("option", name="<script>alert").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("<script>alert('x')</script> & <b>Sons</b>")


def test_the_item_page(page):
    opened(page, f"/items/{quote(ODD_ITEM, safe='')}")
    expect(page.get_by_role("heading", level=1)).to_have_text("<script>alert('x')</script> & <b>Sons</b>")
    expect(page).to_have_title("<script>alert('x')</script> & <b>Sons</b> · Penchant")
    about = page.locator("#about")
    for told in ("Ann <b>Author</b>, 周", "1999", "food & travel 🍜", ODD_ITEM, "events by users"):
        expect(about).to_contain_text(told)
    expect(page.locator("#near li")).to_have_count(12)
    expect(page.locator("#near li").first).to_contain_text("Both: food & travel 🍜")
    page.locator("#near a").first.click()
    page.wait_for_url("**/items/book-*")


def test_an_item_that_is_not_there(page, faults):
    opened(page, "/items/nothing")
    expect(page.get_by_role("alert").first).to_contain_text("No item 'nothing'")
    assert all("404" in fault for fault in faults)
    faults.clear()


def test_an_address_that_is_not_there_is_a_page_for_people(page, faults):
    answer = page.goto("/no/<b>such</b>/page")
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is here.")
    assert page.locator("main b").count() == 0
    page.get_by_role("link", name="To the start page").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("leans to")
    faults.clear()  # the browser notes the 404 itself


def test_dark_and_light_follow_the_system(page):
    def paper() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    page.emulate_media(color_scheme="light")
    opened(page, "/")
    light = paper()
    page.emulate_media(color_scheme="dark")
    assert paper() != light


CONTRAST = """() => {
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const over = (colours) => {
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const faint = [];
  for (const element of document.querySelectorAll("main *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility()) continue;
    const behind = [];
    for (let at = element; at; at = at.parentElement) behind.unshift(getComputedStyle(at).backgroundColor);
    const [paper, ink] = [light(over(behind)), light(over([...behind, getComputedStyle(element).color]))];
    const ratio = (Math.max(paper, ink) + 0.05) / (Math.min(paper, ink) + 0.05);
    if (ratio < 4.5) faint.push(`${element.textContent.trim().slice(0, 30)} ${ratio.toFixed(1)}`);
  }
  return [...new Set(faint)];
}"""


@pytest.mark.parametrize("path", ["/", "/users/reader-7", "/items/book-4"])
def test_words_stand_out_from_the_paper(page, path):
    """WCAG AA: a contrast of 4.5 for every visible text."""
    opened(page, path)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(CONTRAST) == [], scheme


@pytest.mark.parametrize("path", ["/", "/users/reader-7"])
def test_everything_that_can_be_reached_has_a_name(page, path):
    opened(page, path)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("a, button, input, [role=img], [role=region]")]
          .filter((e) => !(e.getAttribute("aria-label") || e.textContent || "").trim()).map((e) => e.outerHTML)"""
    )
    assert nameless == []
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()


def test_the_screenshot_tool(site, browser, tmp_path):
    """`browser` is asked for so that the test skips where Chromium is absent."""
    out = tmp_path / "images" / "user.png"
    command = [sys.executable, "tools/screenshot.py", site, "/users/reader-7", str(out), "--width", "900"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert out.read_bytes().startswith(b"\x89PNG")
