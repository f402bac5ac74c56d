"""The console in real Chromium, over the fake model."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from penchant.feedback import Stores, open_stores
from penchant.serving import create_app
from penchant.serving.server import Server, address, bind
from tests.serving.fake_model import FakeModel

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium fonts-noto-cjk fonts-noto-color-emoji")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    with open_stores(tmp_path / "store.sqlite") as stores:
        yield stores


@pytest.fixture
def site(model: FakeModel, stores: Stores) -> Iterator[str]:
    ready = Flag()
    with bind("127.0.0.1", 0) as listener:
        server = Server(create_app(model, stores), started=ready.set)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        assert ready.wait(10)
        yield address(listener)
        server.stop()
        thread.join(10)


class Faults(list[str]):
    """What the page complained of; a test that provokes a complaint clears it."""


@pytest.fixture
def faults() -> Iterator[Faults]:
    faults = Faults()
    yield faults
    assert not faults, "the page complained"


@pytest.fixture
def page(browser: Browser, site: str, faults: Faults) -> Iterator[Page]:
    context = browser.new_context(base_url=site, viewport={"width": 1300, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
    page.on("request", lambda sent: None if sent.url.startswith(site) else faults.append(f"left home: {sent.url}"))
    page.add_init_script(
        "addEventListener('securitypolicyviolation', (e) => console.error('CSP', e.violatedDirective, e.blockedURI))"
    )
    yield page
    context.close()
