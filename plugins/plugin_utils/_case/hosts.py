# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""hosts.jsonl: what became of each host that was asked, in every run. A host that did not answer is a row."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_line
from ansible_collections.cordon.docker.plugins.plugin_utils._case import files

HOSTS = "hosts.jsonl"

ASKED = "asked"  # nothing heard yet: what stays so was cut off
COLLECTED = "collected"
FAILED = "failed"
UNREACHABLE = "unreachable"


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


def of_run(case_dir: Path, run: str) -> dict[str, HostRow]:
    """The last row of each host of a run, by its name in the inventory, in the order they were asked."""
    rows: dict[str, HostRow] = {}
    with (case_dir / HOSTS).open("rb") as log:
        for line in log:
            row = _row(line)
            if row is not None and row.run == run:
                rows[row.host] = row
    return rows


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
