# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a responder reads when evidence was preserved: how much of which host, what is lacking, how to go on. Pure.

Every word that came from a host passes through plain() here, and nowhere else is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import (
    COLLECTED,
    FAILED,
    TRUNCATED,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._case import hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.hosts import HostRow
from ansible_collections.cordon.docker.plugins.plugin_utils._report.grid import grid, wrap
from ansible_collections.cordon.docker.plugins.plugin_utils._report.missing import count, fitted, missing
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.progress import duration, size


@dataclass(frozen=True)
class Preserved:
    """Everything the text says. `bytes` are what each host's bag holds; `next_command` is to be pasted."""

    case: str
    rows: Sequence[HostRow]
    bytes: Mapping[str, int]
    next_command: str | None
    unknown: Sequence[str] = ()


def render(summary: Preserved, width: int) -> str:
    """The text, for a terminal of that many columns."""
    width = fitted(width)
    lacking = [row for row in summary.rows if row.status != hosts.COLLECTED]
    blocks = [
        _sealed(summary, width),
        missing("Not whole", lacking, len(summary.rows), width),
        _left(summary, width),
        _places(summary),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _sealed(summary: Preserved, width: int) -> list[str]:
    rows = [row for row in summary.rows if row.bag]
    if not rows:
        return ["Nothing was preserved."]
    cells = [[["HOST"], ["ITEMS"], ["SIZE"], ["TOOK"], ["BAG"]]]
    for row in rows:
        held = row.items.get(COLLECTED, 0) + row.items.get(TRUNCATED, 0)
        told = [plain(row.host, 128), str(held), size(summary.bytes.get(row.host, 0)), duration(row.seconds)]
        cells.append([[text] for text in (*told, str(row.bag))])
    return [
        "Preserved and sealed",
        "",
        *("  " + line for line in grid(cells, (max(8, width // 4), 6, 10, 12), width - 2)),
    ]


def _left(summary: Preserved, width: int) -> list[str]:
    lines: list[str] = []
    for row in summary.rows:
        failed, cut = row.items.get(FAILED, 0), row.items.get(TRUNCATED, 0)
        parts = [f"{count(failed, 'item')} failed"] * bool(failed)
        parts += [f"{count(cut, 'item')} not all there"] * bool(cut)
        if parts and row.bag:
            lines += wrap(f"{plain(row.host, 128)}: {' and '.join(parts)}, as is said in", width)
            lines.append(f"  {summary.case}/{row.bag}/data/outcomes.jsonl")
    if summary.unknown:
        names = ", ".join(plain(name, 128) for name in summary.unknown)
        lines += wrap(f"No host that was reached has a container named {names}.", width)
    return lines


def _places(summary: Preserved) -> list[str]:
    """Not wrapped: paths and commands have to survive being copied."""
    lines = [f"Case         {summary.case}"]
    if summary.next_command:
        lines += ["", "To go on from where it stopped:", f"  {summary.next_command}"]
    return lines
