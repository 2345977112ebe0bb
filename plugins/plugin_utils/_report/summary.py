# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a responder reads at the end of a run: first what to look at, last where everything lies. Pure.

Every word that came from a host passes through plain() here, and nowhere else is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.ranking import RankedContainer
from ansible_collections.cordon.docker.plugins.plugin_utils._case.hosts import COLLECTED, HostRow
from ansible_collections.cordon.docker.plugins.plugin_utils._report.grid import grid, wrap
from ansible_collections.cordon.docker.plugins.plugin_utils._report.missing import count, fitted, missing
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain

_REASONS = 3
_WAYS_OUT = 1  # reasons of a container that is merely exposed
_EXPOSURES = 10  # rows of containers that are merely exposed


@dataclass(frozen=True)
class Summary:
    """Everything the text says. `hosts` are those of this run, None where no host was asked; `next_command` is to be
    pasted; `fault` is why there are no findings, where evaluating failed; `notes` tell how was evaluated."""

    case: str
    hosts: Sequence[HostRow] | None
    ranked: Sequence[RankedContainer]
    findings: str | None
    inventory: str | None
    compromised: Sequence[str]
    threshold: str
    next_command: str | None
    unknown: Sequence[str] = ()
    fault: str | None = None
    notes: Sequence[str] = ()
    report: str | None = None


def render(summary: Summary, width: int) -> str:
    """The text, for a terminal of that many columns."""
    width = fitted(width)
    blocks = [
        _suspects(summary, width),
        _exposed(summary, width),
        _quiet(summary, width),
        _not_collected(summary, width),
        _gaps(summary, width),
        [line for note in summary.notes for line in wrap(plain(note), width)],
        _places(summary),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _suspects(summary: Summary, width: int) -> list[str]:
    if summary.fault is not None:
        return wrap(f"The evidence is safe, but it could not be evaluated: {plain(summary.fault)}", width)
    if summary.hosts is not None and not any(row.bag for row in summary.hosts):
        return ["Nothing was collected."]
    suspects = [entry for entry in summary.ranked if entry.suspicious]
    if not suspects:
        return ["No signs of a break-in were found."]
    return _table("Signs of a break-in", suspects, _REASONS, width)


def _exposed(summary: Summary, width: int) -> list[str]:
    exposed = [entry for entry in summary.ranked if entry.exposed]
    if not exposed:
        return []
    title = "No sign of a break-in, but an intruder could get out of"
    lines = _table(title, exposed[:_EXPOSURES], _WAYS_OUT, width)
    if len(exposed) > _EXPOSURES:
        lines += ["", f"  and {count(len(exposed) - _EXPOSURES, 'container')} more."]
    return lines


def _table(title: str, entries: Sequence[RankedContainer], most: int, width: int) -> list[str]:
    rows = [[["HOST"], ["CONTAINER"], ["SEVERITY"], ["REASONS"]]]
    for entry in entries:
        names = [plain(entry.container.name, 128), plain(entry.container.image, 128)]
        # An exposure may be graver than the sign of a break-in, but it is not why the container stands here.
        severity = (entry.intrusion if entry.suspicious else None) or entry.severity
        rows.append([[plain(entry.host, 128)], names, [severity], _reasons(entry, most)])
    share = max(8, (width - 12) // 4)
    return [title, "", *("  " + line for line in grid(rows, (share, share, 8), width - 2))]


def _reasons(entry: RankedContainer, most: int) -> list[str]:
    sentences = [plain(sentence, 300) for sentence in dict.fromkeys(entry.reasons)]
    more = len(sentences) - most
    return [*sentences[:most], f"And {count(more, 'more finding')}."] if more > 0 else sentences


def _quiet(summary: Summary, width: int) -> list[str]:
    collected = [row for row in summary.hosts or () if row.status == COLLECTED]
    if not collected or summary.fault is not None:
        return []
    here = {row.host for row in collected}
    containers = sum(row.containers for row in collected)
    shown = [entry for entry in summary.ranked if entry.host in here and (entry.suspicious or entry.exposed)]
    quiet = max(0, containers - len(shown))
    if containers == 0:
        return wrap(f"There are no containers on {_hosts(len(collected))}.", width)
    where = _hosts(len(collected))
    return wrap(f"{count(quiet, 'container')} of {containers} on {where} gave no cause for concern.", width)


def _not_collected(summary: Summary, width: int) -> list[str]:
    asked = summary.hosts or ()
    lost = [row for row in asked if row.status != COLLECTED]
    return missing("Not collected", lost, len(asked), width)


def _gaps(summary: Summary, width: int) -> list[str]:
    lines: list[str] = []
    for row in summary.hosts or ():
        if row.status == COLLECTED and row.reason:
            lines += wrap(f"{plain(row.host, 128)}: {plain(row.reason, 600)}", width)
        failed, cut = row.items.get("failed", 0), row.items.get("truncated", 0)
        parts = [f"{count(failed, 'item')} failed"] * bool(failed) + [
            f"{count(cut, 'item')} cut short"
        ] * bool(cut)
        if parts and row.bag:
            lines += wrap(f"{plain(row.host, 128)}: {' and '.join(parts)}, as is said in", width)
            lines.append(f"  {summary.case}/{row.bag}/data/outcomes.jsonl")
    if summary.unknown:
        names = ", ".join(plain(name, 128) for name in summary.unknown)
        lines += wrap(f"No host that was reached has a container named {names}.", width)
    return lines


def _places(summary: Summary) -> list[str]:
    """Not wrapped: paths and commands have to survive being copied."""
    lines = [f"Case         {summary.case}"]
    if summary.report:
        lines.append(f"Report       {summary.report}")
    if summary.findings:
        lines.append(f"Findings     {summary.findings}")
    if summary.inventory:
        some = f"{_hosts(len(summary.compromised))} with a finding of {summary.threshold} or above"
        lines += [f"Inventory    {summary.inventory}", f"             {some}"]
    if summary.next_command:
        lines += ["", "To look at those hosts again:", f"  {summary.next_command}"]
    return lines


def _hosts(number: int) -> str:
    return count(number, "host")
