# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a responder reads when containers were contained or released: each container, then the hosts. Pure.

Every word that came from a host passes through plain() here, and nowhere else is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.cordon.docker.plugins.plugin_utils._case import containments
from ansible_collections.cordon.docker.plugins.plugin_utils._case.containments import ContainmentRow
from ansible_collections.cordon.docker.plugins.plugin_utils._case.hosts import DONE, INCOMPLETE, HostRow
from ansible_collections.cordon.docker.plugins.plugin_utils._report.grid import grid, wrap
from ansible_collections.cordon.docker.plugins.plugin_utils._report.missing import count, fitted, missing
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain

_WORDS = {
    "pause": "paused",
    "isolate": "isolated",
    "disconnect": "disconnected",
    "link_down": "links down",
    "kill": "killed",
    "commit": "committed",
    "release": "released",
}
# The worst first: what a container's line is headed by.
_WORST = (
    containments.FAILED,
    containments.REFUSED,
    containments.GONE,
    containments.PLANNED,
    containments.DONE,
    containments.ALREADY,
)
_STEPS = 6
_WAITING = 8
Container = tuple[str, str]


@dataclass(frozen=True)
class ContainmentSummary:
    """Everything the text says. `hosts` are those of the run so far, `waiting` those it did not ask; `commands` are
    to be pasted, each with what for."""

    case: str
    verb: str
    rows: Sequence[ContainmentRow]
    hosts: Sequence[HostRow]
    waiting: Sequence[str] = ()
    unknown: Sequence[str] = ()
    commands: Sequence[tuple[str, str]] = ()
    check: bool = False
    fault: str | None = None


def render(summary: ContainmentSummary, width: int) -> str:
    """The text, for a terminal of that many columns."""
    width = fitted(width)
    blocks = [
        _containers(summary, width),
        _idle(summary, width),
        _lost(summary, width),
        _waiting(summary, width),
        _gaps(summary, width),
        _places(summary),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def wave(summary: ContainmentSummary) -> str:
    """One line for a wave that went well, before the next."""
    done = len({(row.host, row.id) for row in summary.rows})
    hosts = count(len(summary.hosts), "host")
    return f"{hosts} done without a failure ({count(done, 'container')}); {len(summary.waiting)} to go."


def _containers(summary: ContainmentSummary, width: int) -> list[str]:
    grouped: dict[Container, list[ContainmentRow]] = {}
    for row in summary.rows:
        grouped.setdefault((row.host, row.id or row.name), []).append(row)
    if not grouped:
        return [
            "Nothing had to be released." if summary.verb == "release" else "There was nothing to contain."
        ]
    cells = [[["HOST"], ["CONTAINER"], ["RESULT"], ["WHAT WAS DONE" if not summary.check else "PLAN"]]]
    cells += [_cells(rows) for rows in sorted(grouped.values(), key=_gravity)]
    share = max(8, (width - 14) // 5)
    title = "Nothing was changed: this is what would be done" if summary.check else "Containers"
    return [title, "", *("  " + line for line in grid(cells, (share, share, 12), width - 2))]


def _gravity(rows: Sequence[ContainmentRow]) -> tuple[int, str, str]:
    return min(_WORST.index(row.status) for row in rows), rows[0].host, rows[0].name


def _cells(rows: Sequence[ContainmentRow]) -> list[list[str]]:
    name = [plain(rows[0].name, 128), *([rows[0].id[:12]] if rows[0].id else [])]
    said = [line for row in rows for line in _said(row, alone=len(rows) == 1)]
    notes = dict.fromkeys(notice for row in rows for notice in row.notices)
    notes_shown = [f"Note: {plain(notice, 400)}" for notice in notes]
    return [[plain(rows[0].host, 128)], name, _results(rows), [*said, *notes_shown]]


def _results(rows: Sequence[ContainmentRow]) -> list[str]:
    return list(dict.fromkeys(_result(row) for row in rows))


def _result(row: ContainmentRow) -> str:
    if row.status in (containments.REFUSED, containments.FAILED, containments.GONE, containments.PLANNED):
        return row.status
    return _WORDS.get(row.action, row.action)


def _said(row: ContainmentRow, alone: bool) -> list[str]:
    """The count first, then each step, then why not."""
    head = "" if alone else f"{_WORDS.get(row.action, row.action).capitalize()}: "
    if row.status == containments.GONE:
        return [
            f"{head}The container was removed since it was triaged. Triage again to see what replaced it."
        ]
    lines = [f"{head}{_counted(row)}"] if row.steps or row.status == containments.ALREADY else []
    shown = row.steps if len(row.steps) <= _STEPS else row.steps[:_STEPS]
    lines += [plain(sentence, 400) + _mark(status) for sentence, status in shown]
    if len(row.steps) > _STEPS:
        lines.append(f"And {count(len(row.steps) - _STEPS, 'more step')}.")
    if row.reason:
        lines.append(f"{'' if lines else head}{plain(row.reason, 1500)}")
    if row.image:
        lines.append(f"Image: {plain(row.image, 200)}")
    return lines


def _counted(row: ContainmentRow) -> str:
    states = [status for _sentence, status in row.steps]
    if not states:
        return "Nothing had to be done." if row.action != "release" else "There was nothing to take back."
    planned = states.count("planned")
    if planned:
        return f"{planned} planned, 0 done."
    verified = states.count("verified")
    done = verified + states.count("left") + states.count("undone")
    parts = [
        f"{len(states)} planned",
        f"{done} done",
        f"{verified} verified",
        f"{states.count('undone')} undone",
    ]
    gone, failed = states.count("gone"), states.count("failed")
    parts += [f"{failed} failed"] * bool(failed) + [f"{gone} no longer there"] * bool(gone)
    parts += [f"{states.count('left')} could not be taken back"] * bool(states.count("left"))
    return f"{', '.join(parts)}."


def _mark(status: str) -> str:
    return "" if status in ("verified", "planned") else f" [{plain(status, 20)}]"


def _idle(summary: ContainmentSummary, width: int) -> list[str]:
    busy = {row.host for row in summary.rows}
    idle = [row for row in summary.hosts if row.status == DONE and row.host not in busy]
    if not idle or not summary.rows:
        return []
    what = "had nothing to take back" if summary.verb == "release" else "had nothing to contain"
    return wrap(f"{count(len(idle), 'host')} {what}.", width)


def _lost(summary: ContainmentSummary, width: int) -> list[str]:
    lost = [row for row in summary.hosts if row.status not in (DONE, INCOMPLETE)]
    title = "Not released" if summary.verb == "release" else "Not contained"
    return missing(title, lost, len(summary.hosts), width)


def _waiting(summary: ContainmentSummary, width: int) -> list[str]:
    if not summary.waiting:
        return []
    names = ", ".join(plain(host, 128) for host in summary.waiting[:_WAITING])
    more = len(summary.waiting) - _WAITING
    rest = f" and {more} more" if more > 0 else ""
    stopped = f"Stopped after a failure: {count(len(summary.waiting), 'host')} not asked"
    return wrap(f"{stopped} ({names}{rest}).", width)


def _gaps(summary: ContainmentSummary, width: int) -> list[str]:
    lines: list[str] = []
    if summary.fault is not None:
        lines += wrap(f"The evidence is safe, but it could not be evaluated: {plain(summary.fault)}", width)
    if summary.unknown:
        names = ", ".join(plain(name, 128) for name in summary.unknown)
        lines += wrap(f"No host that was reached has a container named {names}.", width)
    return lines


def _places(summary: ContainmentSummary) -> list[str]:
    """Not wrapped: paths and commands have to survive being copied."""
    lines = [f"Case         {summary.case}"]
    if any(row.outstanding for row in summary.rows) and not summary.check:
        lines.append(f"Undo records {summary.case}/records")
    for what, command in summary.commands:
        lines += ["", what, f"  {command}"]
    return lines
