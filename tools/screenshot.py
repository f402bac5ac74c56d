"""Photograph a page of a running server in real Chromium.

    python tools/screenshot.py http://127.0.0.1:8420 /users/reader-7 docs/images/console-user.png

Fails where the page reports an error, so that a broken page is never shown.
"""

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", help="where the server is, such as http://127.0.0.1:8420")
    parser.add_argument("path", help="the page, such as /users/reader-7")
    parser.add_argument("out", type=Path, help="the PNG file to write")
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--height", type=int, default=1000)
    parser.add_argument("--scale", type=float, default=1.5, help="pixels per CSS pixel")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--full", action="store_true", help="the whole page, not only what fits")
    parser.add_argument("--click", action="append", default=[], help="CSS selector to click first; may be repeated")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("No Chromium here: apt-get install chromium fonts-inter fonts-noto-cjk fonts-noto-color-emoji")
        return 2
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        page = browser.new_page(
            viewport={"width": options.width, "height": options.height},
            device_scale_factor=options.scale,
            color_scheme="dark" if options.dark else "light",
            reduced_motion="reduce",
        )
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(options.address.rstrip("/") + options.path)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        for selector in options.click:
            page.locator(selector).first.click()
            page.wait_for_load_state("networkidle")
        options.out.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=options.out, full_page=options.full)
        browser.close()
    for fault in faults:
        print(f"the page says: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
