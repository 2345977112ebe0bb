# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""containments.jsonl: what became of each container that was to be contained or released, in every run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_line
from ansible_collections.cordon.docker.plugins.plugin_utils._case import files

CONTAINMENTS = "containments.jsonl"

DONE = "done"
ALREADY = "already"  # as wanted before anything was done
PLANNED = "planned"  # check mode
REFUSED = "refused"
FAILED = "failed"
GONE = "gone"  # the container was removed since the case last saw it
BAD = (REFUSED, FAILED)


@dataclass(frozen=True)
class ContainmentRow:
    """One action on one container. `id` is the full ID; `steps` are what was or would be done, each a sentence
    with its status; `notices` are sentences; `outstanding` counts what can be taken back.

    Every text came from a host. `time` is RFC 3339 in UTC by the controller's clock."""

    run: str
    time: str
    host: str
    id: str
    name: str
    action: str
    status: str
    reason: str | None = None
    steps: tuple[tuple[str, str], ...] = ()
    notices: tuple[str, ...] = ()
    image: str | None = None
    outstanding: int = 0
    seconds: float = 0.0


def add(case_dir: Path, rows: Iterable[ContainmentRow]) -> None:
    """Append rows, all or none; processes take turns. Raises OSError."""
    block = b"".join(dump_line(asdict(row)) for row in rows)
    if block:
        with files.locked(case_dir / CONTAINMENTS) as log:
            files.append(log, block)


def of_run(case_dir: Path, run: str) -> list[ContainmentRow]:
    """The rows of a run in the order they were written; of the same action on a container only the last."""
    rows: dict[tuple[str, str, str], ContainmentRow] = {}
    try:
        log = (case_dir / CONTAINMENTS).open("rb")
    except FileNotFoundError:
        return []
    with log:
        for line in log:
            row = _row(line)
            if row is not None and row.run == run:
                rows[(row.host, row.id or row.name, row.action)] = row
    return list(rows.values())


def _row(line: bytes) -> ContainmentRow | None:
    """A row we wrote; None for a line cut short by a crash."""
    try:
        values = json.loads(line)
        steps = tuple((sentence, status) for sentence, status in values["steps"])
        return ContainmentRow(**{**values, "steps": steps, "notices": tuple(values["notices"])})
    except (ValueError, TypeError, KeyError):
        return None
