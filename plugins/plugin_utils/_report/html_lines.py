# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened, in five lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import severity_level
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.ranking import RankedContainer
from ansible_collections.cordon.docker.plugins.plugin_utils._case.hosts import GOOD, INCOMPLETE
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_case import HostState
from ansible_collections.cordon.docker.plugins.plugin_utils._report.missing import count

_NAMED = 3


@dataclass(frozen=True)
class Told:
    """What the lines are made of.

    `ranked` has the most urgent first; `times` are of signs of a break-in, RFC 3339 by their hosts' clocks; `seen`
    counts hosts with evidence; `shared` counts traces on several hosts, None where nobody looked; `gaps` are
    items that failed or were cut short.
    """

    ranked: Sequence[RankedContainer]
    hosts: Sequence[HostState]
    seen: int
    containers: int
    times: Sequence[str]
    undo: Sequence[dict[str, Any]]
    suppressed: int
    shared: int | None
    gaps: int


def lines(told: Told) -> list[dict[str, str]]:
    """The five lines, each with a word for what it is about."""
    return [
        {"about": "What", "text": _what(told)},
        {"about": "Where", "text": _where(told)},
        {"about": "When", "text": _when(told)},
        {"about": "Done", "text": _done(told)},
        {"about": "Missing", "text": _missing(told)},
    ]


def _what(told: Told) -> str:
    suspects = [entry for entry in told.ranked if entry.suspicious]
    exposed = sum(entry.exposed for entry in told.ranked)
    rest = f" {count(exposed, 'more container')} would let an intruder out to the host." if exposed else ""
    quiet = f" {count(told.suppressed, 'finding')} suppressed by a list." if told.suppressed else ""
    of = f"{count(told.containers, 'container')} on {count(told.seen, 'host')}"
    if not suspects:
        return f"No sign of a break-in was found in {of}.{rest}{quiet}"
    worst = max((entry.severity for entry in suspects), key=severity_level)
    where = len({entry.host for entry in suspects})
    signs = f"Signs of a break-in in {len(suspects)} of {of}"
    return f"{signs}; {count(where, 'host')} affected, the worst sign is {worst}.{rest}{quiet}"


def _where(told: Told) -> str:
    suspects = [entry for entry in told.ranked if entry.suspicious]
    if not suspects:
        first = next((entry for entry in told.ranked if entry.exposed), None)
        return (
            f"Look first at {_named(first)}: {first.reasons[0]}" if first else "There is nothing to point at."
        )
    first = suspects[0]
    others = ", ".join(_named(entry) for entry in suspects[1 : 1 + _NAMED])
    more = len(suspects) - 1 - _NAMED
    rest = f" and {more} more" if more > 0 else ""
    also = f" Then {others}{rest}." if others else ""
    sign = next(finding for finding in first.findings if finding.kind == "intrusion")
    return f"Start with {_named(first)}: {sign.sentence}{also}"


def _named(entry: RankedContainer) -> str:
    return f"{entry.container.name or entry.container.id} on {entry.host}"


def _when(told: Told) -> str:
    dated = sorted((moment, time) for time in told.times if (moment := values.moment(time)) is not None)
    if not dated:
        found = "No sign of a break-in carries a time."
    elif len(dated) == 1 or dated[0][1][:19] == dated[-1][1][:19]:
        found = f"The only dated sign is of {_shown(dated[0][1])}."
    else:
        found = f"The earliest sign is of {_shown(dated[0][1])}, the latest of {_shown(dated[-1][1])}."
    if told.shared is None:
        return f"{found} Hosts were not compared with each other yet."
    shared = count(told.shared, "trace") if told.shared else "No trace"
    verb = "is" if told.shared <= 1 else "are"
    return f"{found} {shared} {verb} on more than one host."


def _shown(time: str) -> str:
    return f"{time[:10]} {time[11:19]} UTC"


def _done(told: Told) -> str:
    if not told.undo:
        return "Nothing is contained by this case: the containers run as they were found."
    steps = sum(len(entry["steps"]) for entry in told.undo)
    where = len({entry["host"] for entry in told.undo})
    held = f"{count(len(told.undo), 'container')} on {count(where, 'host')}"
    return f"{held} contained; {count(steps, 'step')} can be taken back with the release command below."


def _missing(told: Told) -> str:
    lost = [state for state in told.hosts if state.status not in (*GOOD, INCOMPLETE)]
    named = ", ".join(f"{state.name} ({state.status})" for state in lost[:_NAMED])
    more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    hosts = f"{len(lost)} of {count(len(told.hosts), 'host')} not collected: {named}{more}." if lost else ""
    items = f"{count(told.gaps, 'item')} failed or cut short." if told.gaps else ""
    return (
        " ".join(part for part in (hosts, items) if part) or "Every host answered, and every item is whole."
    )
