# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long report.html takes to write and until it can be used, for a fleet.

.venv/bin/python bench/report.py [--hosts 50] [--containers 10] [--log-lines 1000]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from ansible_collections.cordon.docker.plugins.plugin_utils._report.html import write_report
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._report.made_case import (
    Size,
    make_case,
)

CHROMIUM = "/usr/bin/chromium"
WAIT = 120_000  # milliseconds


def usable(browser: Browser, report: Path) -> tuple[float, float, float]:
    """Seconds from opening until it can be used, and a search over everything; megabytes of the page's heap."""
    page = browser.new_page()
    page.set_default_timeout(WAIT)
    begin = time.perf_counter()
    page.goto(report.as_uri(), wait_until="commit")
    page.wait_for_selector("html[data-usable]", state="attached")
    opened = time.perf_counter() - begin
    page.wait_for_selector("html[data-filled]", state="attached")
    begin = time.perf_counter()
    page.locator("#query").fill("nowhere-to-be-found")
    page.wait_for_selector("#results[data-done]", state="attached")
    searched = time.perf_counter() - begin
    heap = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    page.close()
    return opened, searched, heap


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--containers", type=int, default=10)
    parser.add_argument("--log-lines", type=int, default=1000)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        size = Size(wanted.hosts, wanted.containers, wanted.log_lines, wanted.events)
        case = make_case(Path(folder) / "BENCH", size)
        evidence = sum(path.stat().st_size for path in case.rglob("*") if path.is_file())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begin = time.perf_counter()
        report = write_report(case)
        written = time.perf_counter() - begin
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"{wanted.hosts} hosts x {wanted.containers} containers, {evidence / 1e6:.0f} MB of evidence")
        grown, size_mb = (after - before) / 1024, report.stat().st_size / 1e6
        print(f"written in {written:.2f} s, {size_mb:.1f} MB, {grown:.0f} MiB more memory")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
            )
            runs = [usable(browser, report) for _dummy in range(wanted.runs)]
            browser.close()
        opened, searched, heap = (statistics.median(column) for column in zip(*runs, strict=True))
        print(
            f"usable after {opened:.2f} s, all evidence searched in {searched:.2f} s, {heap:.0f} MB of heap"
        )


if __name__ == "__main__":
    main()
