# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""timeline.jsonl: everything in a case that has a time, from all hosts and from the case itself, in order.

Made of the case alone, so that the same case gives the same bytes; sorted on disk, so that memory does not grow with
the evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._engine.moments import parse_moment
from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.clocks import (
    MICRO,
    Clock,
    clock_of,
    micros,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import (
    BagEvidence,
    CaseEvidence,
    ContainerEvidence,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import EvidenceRef
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.found import (
    Found,
    read_findings,
    read_rows,
    severities,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.sorting import replaced, sorted_lines
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.timeline_lines import Entry, unpacked
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.timeline_sources import (
    LOGS,
    Place,
    entries_of,
    time_of,
)

TIMELINE = "timeline.jsonl"
CUSTODY = "custody.jsonl"
_SAME_START_US = (
    2 * MICRO
)  # the kernel counts from its start, which is told anew, and a little off, at each visit
Lines = dict[tuple[str, str], set[int]]


@dataclass(frozen=True)
class Window:
    """What is kept, in microseconds since 1970, both ends inclusive; None is no bound."""

    first: int | None = None
    last: int | None = None

    @classmethod
    def of(cls, first: str | None, last: str | None, now: float) -> Window:
        """From timeline_from and timeline_to: a moment of RFC 3339, or a time before `now` such as 2h.

        Raises InvalidOption, which names the option.
        """
        begin = parse_moment("timeline_from", first or None, now)
        end = parse_moment("timeline_to", last or None, now)
        if begin is not None and end is not None and begin > end:
            raise InvalidOption(f"timeline_from ({first}) is after timeline_to ({last}): swap them.")
        return cls(*(None if time is None else round(time * MICRO) for time in (begin, end)))

    def holds(self, us: int) -> bool:
        return (self.first is None or us >= self.first) and (self.last is None or us <= self.last)


def write_timeline(case_dir: Path, window: Window | None = None) -> Path:
    """Write timeline.jsonl (0600) into the case, whole or not at all, and return its path. Raises OSError.

    The findings are those of findings.jsonl: write that first.
    """
    target, kept = case_dir / TIMELINE, window or Window()
    packed = (line for entry in entries(case_dir) if kept.holds(entry.us) and (line := entry.packed()))
    with sorted_lines(packed, case_dir) as ordered, replaced(target) as stream:
        last = b""
        for line in ordered:
            _dummy, same, told = unpacked(line)
            if same != last:
                stream.write(told)
            last = same
    return target


def entries(case_dir: Path) -> Iterator[Entry]:
    """All entries of the case in no particular order, some of them twice."""
    found = list(read_findings(case_dir))
    graded, wanted = severities(found), _wanted(found)
    case = CaseEvidence(case_dir)
    clocks: dict[str, Clock] = {}
    for bags in _by_host(case):
        # One clock a host: of bags of the same host no line may differ by what their clocks were taken for.
        newest = clock_of(bags[0].path)
        for bag in bags:
            clocks[bag.name] = Clock(newest.ahead_us, clock_of(bag.path).collected_us)
            yield from _engine_events(bag, clocks[bag.name])
        for versions in _by_container(bags, case):
            yield from _container(versions, clocks, graded, wanted)
    yield from _findings(case_dir, found, clocks, _times(case_dir, wanted))
    yield from _actions(case_dir)


def _wanted(found: Iterable[Found]) -> Lines:
    """Lines of evidence that findings name, by bag and path."""
    wanted: Lines = {}
    for finding in found:
        for ref in finding.evidence:
            if ref.line is not None:
                wanted.setdefault((ref.bag, ref.path), set()).add(ref.line)
    return wanted


def _by_host(case: CaseEvidence) -> Iterator[list[BagEvidence]]:
    """The bags of each host, the newest first."""
    bags: list[BagEvidence] = []
    for bag in case.bags():
        if bags and bags[0].host_dir != bag.host_dir:
            yield bags
            bags = []
        bags.append(bag)
    if bags:
        yield bags


def _by_container(bags: Iterable[BagEvidence], case: CaseEvidence) -> list[list[ContainerEvidence]]:
    """The same container in all bags of a host, the newest first."""
    found: dict[str, list[ContainerEvidence]] = {}
    for bag in bags:
        for container in bag.containers(case):
            found.setdefault(container.id, []).append(container)
    return list(found.values())


def _container(
    versions: Iterable[ContainerEvidence],
    clocks: Mapping[str, Clock],
    graded: Mapping[EvidenceRef, str],
    wanted: Lines,
) -> Iterator[Entry]:
    started: dict[str, int] = {}
    for container in versions:
        place = Place(container, clocks[container.bag.name], graded)
        lines = {
            item: frozenset(wanted.get((container.bag.name, f"data/containers/{container.id}/{item}"), ()))
            for item in LOGS
        }
        for entry in entries_of(place, lines):
            if entry.kind == "process":
                # By what is said of it, PID included: a process that is seen again has not started again.
                known = started.setdefault(entry.message, entry.us)
                if known != entry.us and abs(known - entry.us) < _SAME_START_US:
                    continue
            yield entry
        container.forget()


def _engine_events(bag: BagEvidence, clock: Clock) -> Iterator[Entry]:
    for line, row in read_rows(bag.path / "data" / "events.jsonl"):
        us = _event_us(row)
        if us is None:
            continue
        actor = values.record(row.get("Actor"))
        attributes = values.record(actor.get("Attributes"))
        kind, name = values.text(row.get("Type"), 32), values.text(attributes.get("name"), 255)
        subject = values.text(actor.get("ID"), 255)
        container = (subject[:12], name or subject[:12]) if kind == "container" else None
        image = values.text(attributes.get("image"), 255)
        action = values.text(row.get("Action"), 400)
        message = f"Engine: {kind} {action}: {name or subject[:64]}{f' ({image})' if image else ''}"
        yield Entry(
            us=us - clock.ahead_us,
            timestamp_desc="Event Time",
            kind="engine",
            data_type="engine:event",
            message=message,
            host=bag.host,
            container=container,
            ref=EvidenceRef(bag.name, "data/events.jsonl", line),
            corrected=clock.ahead_us / MICRO,
        )


def _event_us(row: dict[str, Any]) -> int | None:
    nanoseconds, seconds = values.integer(row.get("timeNano")), values.integer(row.get("time"))
    if nanoseconds:
        return nanoseconds // 1000
    return seconds * MICRO if seconds else None


def _times(case_dir: Path, wanted: Lines) -> dict[EvidenceRef, int]:
    """When what each named line tells happened, by its host's clock."""
    found: dict[EvidenceRef, int] = {}
    for (bag, path), lines in sorted(wanted.items()):
        for line, row in read_rows(case_dir / bag / path, frozenset(lines)):
            us = time_of(path, row)
            if us is not None:
                found[EvidenceRef(bag, path, line)] = us
    return found


def _findings(
    case_dir: Path, found: Iterable[Found], clocks: Mapping[str, Clock], times: Mapping[EvidenceRef, int]
) -> Iterator[Entry]:
    """Each finding at the time of the first thing that it names, else at the time of its evidence."""
    for finding in found:
        bags = [ref.bag for ref in finding.evidence]
        clock = clocks.get(bags[0]) if bags else None
        if clock is None:
            clock = clock_of(case_dir / bags[0]) if bags else Clock(0, None)
        dated = [times[ref] - clock.ahead_us for ref in finding.evidence if ref in times]
        us = min(dated, default=clock.collected_us)
        if us is None:
            continue
        aside = f" Known, so no alarm: {finding.suppressed}" if finding.suppressed else ""
        yield Entry(
            us=us,
            timestamp_desc="Evidence Time" if dated else "Collection Time",
            kind="finding",
            data_type=f"finding:{finding.kind}",
            message=f"{finding.severity} {finding.rule}: {finding.sentence}{aside}",
            host=finding.host,
            container=(finding.container.id, finding.container.name),
            severity="info" if finding.suppressed else finding.severity,
            ref=finding.evidence[0] if finding.evidence else None,
            more={"finding": finding.id, **({"suppressed": True} if finding.suppressed else {})},
        )


def _actions(case_dir: Path) -> Iterator[Entry]:
    """What we did ourselves, by the controller's clock."""
    for line, row in read_rows(case_dir / CUSTODY):
        us = micros(row.get("time"))
        if us is None:
            continue
        container = values.record(row.get("container"))
        id12, host = values.text(container.get("id"), 64)[:12], values.text(row.get("host"), 255)
        name = values.text(container.get("name"), 255)
        where = " ".join(part for part in (host, name) if part)
        reason = values.text(row.get("reason"), 400)
        message = f"{values.text(row.get('actor'), 128)}: {values.text(row.get('action'), 128)}"
        message += f" on {where}" * bool(where) + f": {reason}" * bool(reason)
        yield Entry(
            us=us,
            timestamp_desc="Recorded Time",
            kind="action",
            data_type="action:custody",
            message=message + (" (not verified)" if row.get("verified") is False else ""),
            host=host or None,
            container=(id12, name or id12) if id12 or name else None,
            ref=EvidenceRef("", CUSTODY, line),
        )
