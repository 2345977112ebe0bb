# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""hosts.jsonl: what became of each host that was asked, in every run. A host that did not answer is a row."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_line, utc
from ansible_collections.cordon.docker.plugins.plugin_utils._case import files

HOSTS = "hosts.jsonl"

ASKED = "asked"  # nothing heard yet: what stays so was cut off
COLLECTED = "collected"
FAILED = "failed"
UNREACHABLE = "unreachable"
DONE = "done"  # of a containment: every container that was chosen, or there was none to choose
INCOMPLETE = "incomplete"  # of a containment: a container was refused or failed, as its own row says
GOOD = (COLLECTED, DONE)

_SILENT = "No answer came back: its task ended before it could say why."


@dataclass(frozen=True)
class HostRow:
    """One host in one run. `bag` is relative to the case; `items` counts outcomes by status; `unknown` are
    containers that were named and that the host does not have; `time` is RFC 3339 in UTC."""

    run: str
    time: str
    verb: str
    host: str
    status: str
    reason: str | None = None
    bag: str | None = None
    containers: int = 0
    items: dict[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    seconds: float = 0.0


def add(case_dir: Path, rows: Iterable[HostRow]) -> None:
    """Append rows, all or none; processes take turns. Raises OSError."""
    with files.locked(case_dir / HOSTS) as log:
        files.append(log, b"".join(dump_line(asdict(row)) for row in rows))


def of_run(case_dir: Path, run: str, verb: str) -> dict[str, HostRow]:
    """The last row of each host of a run, by its name in the inventory, in the order they were asked.

    None where the case has no rows yet. A containment may have triaged a host in the same run: `verb` tells
    the rows apart.
    """
    rows: dict[str, HostRow] = {}
    if not (case_dir / HOSTS).exists():
        return rows
    with (case_dir / HOSTS).open("rb") as log:
        for line in log:
            row = _row(line)
            if row is not None and (row.run, row.verb) == (run, verb):
                rows[row.host] = row
    return rows


def settled(case_dir: Path, run: str, verb: str) -> list[HostRow]:
    """The hosts of the run; one of which nothing was heard gets a row that says so. Raises OSError."""
    rows = of_run(case_dir, run, verb)
    now = utc(time.time())
    silent = (row for row in rows.values() if row.status == ASKED)
    lost = [replace(row, time=now, status=FAILED, reason=_SILENT) for row in silent]
    if lost:
        add(case_dir, lost)
    return list({**rows, **{row.host: row for row in lost}}.values())


def tally(rows: Iterable[HostRow]) -> dict[str, int]:
    """How many hosts by status."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.status] = counts.get(row.status, 0) + 1
    return counts


def unknown_everywhere(rows: Iterable[HostRow]) -> list[str]:
    """The containers that were named and that none of the hosts that were reached has."""
    reached = [set(row.unknown) for row in rows if row.status in (*GOOD, INCOMPLETE)]
    return sorted(set.intersection(*reached)) if reached else []


def has_run(case_dir: Path, run: str) -> bool:
    """Whether the case has a row of the run."""
    try:
        return run.encode() in (case_dir / HOSTS).read_bytes()
    except OSError:
        return False


def names(case_dir: Path) -> set[str]:
    """Every host the case ever asked."""
    with (case_dir / HOSTS).open("rb") as log:
        return {row.host for row in map(_row, log) if row is not None}


def _row(line: bytes) -> HostRow | None:
    """A row we wrote; None for a line cut short by a crash."""
    try:
        values = json.loads(line)
        return HostRow(**{**values, "unknown": tuple(values["unknown"])})
    except (ValueError, TypeError, KeyError):
        return None
