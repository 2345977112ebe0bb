# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was asked of a host, what came of it, and what the host says of itself, for report.html."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import BagEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_case import rows, short

MAX_EVENTS = 300
MAX_BAGS = 200
_MAX_DOCUMENT = 1 << 20
_OUTCOME = ("item", "status", "reason", "path", "bytes", "seconds", "started")


@dataclass
class Outcomes:
    """The rows of a bag's outcomes.jsonl by the first twelve digits of the container's ID; the host's own
    under an empty text."""

    bag: str
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def of(self, container: str) -> list[dict[str, Any]]:
        return self.rows.get(container, [])


def outcomes(bag: Path) -> Outcomes:
    """What became of everything that was asked for in this run."""
    found = Outcomes(bag.name)
    for row in rows(bag / "data" / "outcomes.jsonl"):
        owner = values.text(values.record(row.get("container")).get("id"), 64)[:12]
        kept = {name: short(row.get(name)) for name in _OUTCOME}
        found.rows.setdefault(owner, []).append({"k": "outcome", **kept})
    return found


def host_rows(case_dir: Path, bag: BagEvidence, asked: Outcomes) -> Iterator[dict[str, Any]]:
    """The rows of a host's block."""
    host = _document(bag.path / "data" / "host.json")
    engine = values.record(host.get("engine"))
    known = {
        "bag": bag.name,
        "hostname": short(host.get("hostname"), 255),
        "os": short(host.get("os"), 255),
        "kernel": short(host.get("kernel"), 255),
        "engine": short(engine.get("version"), 64),
        "driver": short(engine.get("driver"), 64),
        "rootless": short(engine.get("rootless")),
        "clock": short(host.get("clock_offset_seconds")),
        "boot": short(host.get("boot_time"), 40),
        "cpus": short(host.get("cpus")),
        "memory": short(host.get("memory_bytes")),
    }
    yield {"k": "host", **{name: value for name, value in known.items() if value is not None}}
    yield from asked.of("")
    for count, name in enumerate(_bags(case_dir / bag.host_dir)):
        if count < MAX_BAGS:
            yield {"k": "bag", "name": f"{bag.host_dir}/{name}"}
    for line, row in enumerate(rows(bag.path / "data" / "events.jsonl"), 1):
        if line > MAX_EVENTS:
            break
        actor = values.record(row.get("Actor"))
        about = values.record(actor.get("Attributes"))
        yield {
            "k": "event",
            "n": line,
            "time": short(row.get("time")),
            "what": f"{values.text(row.get('Type'), 32)} {values.text(row.get('Action'), 300)}",
            "name": short(about.get("name"), 255),
            "image": short(about.get("image"), 255),
            "id": values.text(actor.get("ID"), 64)[:12],
        }


def _bags(home: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in home.iterdir() if entry.is_dir() and not entry.is_symlink())
    except OSError:
        return []


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            return values.record(values.parse(stream.read(_MAX_DOCUMENT)))
    except OSError:
        return {}
