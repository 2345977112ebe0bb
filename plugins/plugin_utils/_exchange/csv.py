# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""findings.csv: the findings for a spreadsheet, in which no cell can become a formula."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.found import Found, read_findings
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.sorting import replaced
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain

CSV = "findings.csv"
COLUMNS = (
    *("severity", "confidence", "kind", "host", "container", "container_id", "image", "rule", "technique"),
    *("sentence", "evidence", "next", "suppressed", "id"),
)
_LONGEST = 30_000  # spreadsheets take 32,767 characters in a cell
# What begins a formula or a link to other programs; the wide forms are taken for the plain ones where those are typed.
_ACTIVE = frozenset("=+-@|%\t\r\n＝＋－＠")


def write_csv(case_dir: Path) -> Path:
    """Write findings.csv (0600) into the case, whole or not at all, and return its path. Raises OSError.

    The findings are those of findings.jsonl: write that first. It is UTF-8 with a mark that says so, as spreadsheets
    want it.
    """
    target = case_dir / CSV
    with replaced(target) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="backslashreplace", newline="")
        lines = csv.writer(text, quoting=csv.QUOTE_ALL)
        lines.writerow(COLUMNS)
        for finding in read_findings(case_dir):
            lines.writerow([cell(value) for value in _row(finding)])
        text.flush()
        text.detach()
    return target


def cell(value: str) -> str:
    """A text that every spreadsheet shows as it is: on one line, and with an apostrophe before what it would run."""
    shown = plain(value, _LONGEST)
    return f"'{shown}" if shown.lstrip()[:1] in _ACTIVE and shown.strip() else shown


def _row(finding: Found) -> list[str]:
    refs = [f"{ref.bag}/{ref.path}" + (f":{ref.line}" if ref.line else "") for ref in finding.evidence]
    container = finding.container
    return [
        *(finding.severity, finding.confidence, finding.kind, finding.host),
        *(container.name, container.id, container.image, finding.rule, finding.technique),
        *(finding.sentence, " ".join(refs), finding.next, finding.suppressed or "", finding.id),
    ]
