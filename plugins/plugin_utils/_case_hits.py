# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hunts found: read from the bags of a case, and hits.jsonl, which has all of it in one place.

What a host wrote is read with the same care as triage's evidence: lines that are no hits are passed over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_line
from ansible_collections.cordon.docker.plugins.module_utils._hunt.indicators import KINDS
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import BagEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.found import read_rows
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.sorting import replaced
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain

HITS = "hits.jsonl"
_BAG = re.compile(r"[0-9]{8}T[0-9]{6}Z-hunt(?:-[0-9]{1,6})?")
_CONTAINER = re.compile(r"[0-9a-f]{12}")
_NAMES = 40_000
_LONGEST = 1000


@dataclass(frozen=True)
class Hit:
    """One line of hits.jsonl. `what` is the host's word, made plain; `time` is its clock's, None where it has none."""

    host: str
    container: tuple[str, str]
    kind: str
    indicator: str
    what: str
    time: str | None
    bag: str
    path: str
    line: int

    def to_json(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "container": {"id": self.container[0], "name": self.container[1]},
            "kind": self.kind,
            "indicator": self.indicator,
            "what": self.what,
            "time": self.time,
            "evidence": {"bag": self.bag, "path": self.path, "line": self.line},
        }


def hits_of_bag(case_dir: Path, bag: str) -> Iterator[Hit]:
    """The hits in one bag, by container and kind. Raises nothing."""
    folder = case_dir / bag
    evidence = BagEvidence(folder, folder.parent.name)
    names = _names(folder)
    for id12 in _listed(folder / "data" / "containers"):
        if not _CONTAINER.fullmatch(id12):
            continue
        for kind in KINDS:
            path = f"data/containers/{id12}/hits/{kind}.jsonl"
            for line, row in read_rows(folder / path):
                time = values.text(row.get("time"), 64)
                yield Hit(
                    host=evidence.host,
                    container=(id12, names.get(id12, id12)),
                    kind=kind,
                    indicator=plain(values.text(row.get("indicator")), _LONGEST),
                    what=plain(values.text(row.get("what")), _LONGEST),
                    time=time if values.moment(time) is not None else None,
                    bag=bag,
                    path=path,
                    line=line,
                )


def gaps_of_bag(case_dir: Path, bag: str) -> Iterator[tuple[str, str, str]]:
    """Container, item and reason of what could not be looked at in full."""
    for _line, row in read_rows(case_dir / bag / "data" / "outcomes.jsonl"):
        if row.get("status") in ("failed", "truncated"):
            container = values.record(row.get("container"))
            yield (
                values.text(container.get("name"), 255),
                values.text(row.get("item"), 64),
                values.text(row.get("reason"), 1000),
            )


def write_hits(case_dir: Path) -> Path:
    """Write hits.jsonl anew from all hunts of the case, and return its path. Raises OSError."""
    target = case_dir / HITS
    with replaced(target) as stream:
        for host in _listed(case_dir):
            for bag in _listed(case_dir / host):
                if _BAG.fullmatch(bag):
                    for hit in hits_of_bag(case_dir, f"{host}/{bag}"):
                        stream.write(dump_line(hit.to_json()))
    return target


def hits_of_run(case_dir: Path, bags: Sequence[str | None], most: int) -> tuple[list[Hit], int]:
    """The first hits of a run up to a number, and how many there are."""
    kept: list[Hit] = []
    count = 0
    for bag in bags:
        for hit in hits_of_bag(case_dir, bag) if bag else ():
            count += 1
            if len(kept) < most:
                kept.append(hit)
    return kept, count


def _names(folder: Path) -> dict[str, str]:
    """Names of containers by their short IDs, as the outcomes have them."""
    found: dict[str, str] = {}
    for _line, row in read_rows(folder / "data" / "outcomes.jsonl"):
        container = values.record(row.get("container"))
        id12, name = values.text(container.get("id"), 64)[:12], values.text(container.get("name"), 255)
        if id12 and name and len(found) < _NAMES:
            found.setdefault(id12, plain(name, 255))
    return found


def _listed(folder: Path) -> list[str]:
    """Names of real folders, in order; none where the folder cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
