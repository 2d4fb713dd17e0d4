"""A window of a real Chromium for tests, as wide as a phone's and as a desk's."""

import os
import shutil

import pytest

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
SIZES = {"phone": ({"width": 390, "height": 844}, "dark"), "desktop": ({"width": 1280, "height": 800}, "light")}


@pytest.fixture(params=SIZES)
def browser(request, tmp_path):
    """A window with a profile of its own, and what it asked for and complained of."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: install requirements-browser.txt")
    if not CHROMIUM:
        pytest.skip("no Chromium: apt-get install chromium, or name one in CHROMIUM")
    size, scheme = SIZES[request.param]
    with playwright.sync_playwright() as driver:
        window = driver.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=CHROMIUM,
            headless=True,
            args=list(FLAGS),
            viewport=size,
            color_scheme=scheme,
        )
        window.set_default_timeout(60_000)
        window.asked, window.complaints = [], []
        window.on("request", lambda request: window.asked.append(request.url))
        window.on("console", lambda message: window.complaints.append(message.text))
        window.on("weberror", lambda error: window.complaints.append(str(error.error)))
        yield window
        window.close()
