# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a responder reads of a hunt: a line as each host answers, and at the end who has what. Pure.

Every word that came from a host passes through plain() here, and nowhere else is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.cordon.docker.plugins.plugin_utils._case.hosts import COLLECTED, HostRow
from ansible_collections.cordon.docker.plugins.plugin_utils._case_hits import Hit
from ansible_collections.cordon.docker.plugins.plugin_utils._report.grid import grid, wrap
from ansible_collections.cordon.docker.plugins.plugin_utils._report.missing import count, fitted, missing
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain

SHOWN = 200  # rows of the table; all are in hits.jsonl
_WHATS = 3  # of one indicator in one container
_GAPS = 20


@dataclass(frozen=True)
class Hunted:
    """Everything the text says. `hits` are the first of `count`; `gaps` are host, container, item and reason."""

    case: str
    hosts: Sequence[HostRow]
    hits: Sequence[Hit]
    count: int
    gaps: Sequence[tuple[str, str, str, str]]
    file: str
    indicators: int
    unknown: Sequence[str] = ()


def answered(host: str, hits: Mapping[str, int], containers: int, seconds: float) -> str:
    """One line for a host that has just answered."""
    name, where = plain(host, 128), f"in {count(containers, 'container')}, {seconds:.1f} s"
    found = [f"{kind} {number}" for kind, number in hits.items() if number]
    total = sum(hits.values())
    return (
        f"{name}: {count(total, 'hit')} ({', '.join(found)}) {where}" if found else f"{name}: nothing {where}"
    )


def render(hunted: Hunted, width: int) -> str:
    """The text, for a terminal of that many columns."""
    width = fitted(width)
    blocks = [
        _hits(hunted, width),
        _clean(hunted, width),
        missing(
            "Not reached", [row for row in hunted.hosts if row.status != COLLECTED], len(hunted.hosts), width
        ),
        _gaps(hunted, width),
        [f"Case         {hunted.case}", f"Hits         {hunted.file}"],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _hits(hunted: Hunted, width: int) -> list[str]:
    if not any(row.status == COLLECTED for row in hunted.hosts):
        return ["No host answered."]
    if not hunted.count:
        return [f"Nothing was found: {count(hunted.indicators, 'indicator')} were looked for."]
    grouped: dict[tuple[str, tuple[str, str], str, str], list[str]] = {}
    for hit in hunted.hits:
        grouped.setdefault((hit.host, hit.container, hit.kind, hit.indicator), []).append(hit.what)
    rows = [[["HOST"], ["CONTAINER"], ["KIND"], ["FOUND"]]]
    for (host, container, kind, indicator), whats in list(grouped.items())[:SHOWN]:
        rows.append([[plain(host, 128)], [plain(container[1], 128)], [kind], _found(indicator, whats)])
    share = max(8, (width - 12) // 4)
    holders = {(hit.host, hit.container[0]) for hit in hunted.hits}
    title = f"Found: {count(hunted.count, 'hit')} in {count(len(holders), 'container')}"
    lines = [title, "", *("  " + line for line in grid(rows, (share, share, 7), width - 2))]
    if hunted.count > len(hunted.hits) or len(grouped) > SHOWN:
        lines += ["", f"  There are more; all are in {hunted.file}."]
    return lines


def _found(indicator: str, whats: Sequence[str]) -> list[str]:
    different = list(dict.fromkeys(whats))
    told = [plain(what, 200) for what in different[:_WHATS]]
    if len(whats) > len(told):
        told.append(f"And {count(len(whats) - len(told), 'hit')} more.")
    return [*told, f"by {plain(indicator, 200)}"]


def _clean(hunted: Hunted, width: int) -> list[str]:
    good = [row for row in hunted.hosts if row.status == COLLECTED]
    if not good or hunted.count > len(hunted.hits):
        return []
    total = sum(row.containers for row in good)
    holders = {(hit.host, hit.container[0]) for hit in hunted.hits}
    clean = max(0, total - len(holders))
    hosts = count(len(good), "host")
    return wrap(f"{count(clean, 'container')} of {total} on {hosts} have none of it.", width)


def _gaps(hunted: Hunted, width: int) -> list[str]:
    lines: list[str] = []
    for host, container, item, reason in hunted.gaps[:_GAPS]:
        where = "/".join(plain(part, 128) for part in (host, container) if part)
        lines += wrap(f"{where}: {plain(item, 64)} was not looked at in full: {plain(reason, 300)}", width)
    if len(hunted.gaps) > _GAPS:
        lines.append(f"And {len(hunted.gaps) - _GAPS} more, as is said in outcomes.jsonl of each bag.")
    if hunted.unknown:
        names = ", ".join(plain(name, 128) for name in hunted.unknown)
        lines += wrap(f"No host that was reached has a container named {names}.", width)
    return lines
