"""Dagster's UI in a real Chromium, for the tests that look at it and for the pictures in docs.

The browser is the machine's own: Playwright's download is not needed. Its profile is a fresh one,
so that whatever the UI shows to somebody who sees it for the first time is seen here, too.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
MISSING: Final = (
    "The tests look at the UI in Chromium: install it (Debian: apt-get install chromium)."
)
OPTIONS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PICTURES: Final = Path(__file__).parents[2] / "docs" / "images"
# Read when pytest collects: while a test runs, a fixture hides the developer's settings.
TAKE_PICTURES: Final = bool(os.environ.get("JIRA_ASSETS_SCREENSHOTS"))
PATIENCE_MILLISECONDS: Final = 60_000
_LOADING: Final = "[class*=Spinner_spinner], [class*=Skeleton_skeleton], [class*=Skeleton_shimmer]"


@dataclass(frozen=True)
class Ui:
    """One window of the UI."""

    page: Page
    url: str
    folder: Path
    """Where its pictures go."""

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")

    def button(self, name: str, *, exact: bool = False) -> Locator:
        """Find a button; its name begins with that of its icon, if it has one."""
        return self.page.get_by_role("button", name=name, exact=exact)

    def picture(self, name: str) -> None:
        """Take a picture of the window once nothing on it is loading any more."""
        expect(self.page.locator(_LOADING)).to_have_count(0)
        self.page.mouse.move(0, 0)
        self.page.screenshot(path=self.folder / f"{name}.png", animations="disabled")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the machine's Chromium; without one, the test fails and says what to install."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None) or pytest.fail(MISSING)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def window(
    browser: Browser,
    url: str,
    folder: Path,
    *,
    size: tuple[int, int] = (1600, 1000),
    scale: int = 1,
) -> Iterator[Ui]:
    """Open a window of a fresh profile, in the light theme; ``scale`` is pixels a CSS pixel."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        device_scale_factor=scale,
        color_scheme="light",
        locale="en-GB",
        timezone_id="UTC",
    )
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    try:
        yield Ui(context.new_page(), url, folder)
    finally:
        context.close()
