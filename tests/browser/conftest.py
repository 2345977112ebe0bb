# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real browser, without a screen, that notes whatever a report should not do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, Request, sync_playwright

# pytest's importlib mode, which the unit tests need, leaves the folder of a test off the path.
sys.path.insert(0, str(Path(__file__).parent))

from ansible_collections.cordon.docker.plugins.plugin_utils._report.html import write_report
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._report.made_case import (
    Size,
    make_case,
)

CHROMIUM = "/usr/bin/chromium"
VIEW = {"width": 1440, "height": 900}
SECONDS = 30_000  # milliseconds: room for a machine under load, no measure


@dataclass
class Opened:
    """A report on the screen, and what it did besides."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def ready(self) -> None:
        """Wait until it can be used and what paper needs is there."""
        self.page.wait_for_selector("html[data-filled]")

    def innocent(self) -> None:
        """It said nothing to the console, asked for nothing but itself, and ran nothing of the evidence."""
        assert self.complaints == []
        assert len(self.requests) == 1
        assert self.page.evaluate("window.pwned") is None


@contextmanager
def opened(browser: Browser, report: Path, **options: object) -> Iterator[Opened]:
    """The report from the disk, as from a USB stick."""
    context = browser.new_context(viewport=VIEW, **options)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    seen = Opened(page)

    def asked(request: Request) -> None:
        seen.requests.append(request.url)

    def dismissed(dialog: Dialog) -> None:
        seen.complaints.append("a dialog")
        dialog.dismiss()

    page.on("console", lambda message: seen.complaints.append(message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("dialog", dismissed)
    page.on("request", asked)
    page.goto(report.as_uri())
    try:
        yield seen
    finally:
        context.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.fail("These tests need Debian's chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        # As root there is no sandbox to be had, and a small /dev/shm must not matter.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def case_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_case(tmp_path_factory.mktemp("cases") / "INC-7", Size())


@pytest.fixture(scope="session")
def report(case_dir: Path) -> Path:
    return write_report(case_dir)


@pytest.fixture
def shown(browser: Browser, report: Path) -> Iterator[Opened]:
    with opened(browser, report) as seen:
        seen.ready()
        yield seen
        seen.innocent()
