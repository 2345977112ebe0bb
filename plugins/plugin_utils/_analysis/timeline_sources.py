# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has a time in a container's evidence, as entries of the timeline. Nothing here raises for what a file holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.clocks import MICRO, Clock, micros
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import EvidenceRef
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.found import read_rows
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.processes import Process, ProcessTree
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.timeline_lines import Entry
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.wording import command_line, duration

LOGS = ("logs/hits.jsonl", "logs/tail.jsonl")
_MOST_FILES = 200_000  # rows of one item; a line says so where there are more
_FILE_TYPES = frozenset(("file", "symlink", "fifo", "socket", "device"))
_VERBS = {"A": "added", "C": "changed", "D": "deleted"}


@dataclass(frozen=True)
class Place:
    """A container in a bag, and what entries of it have in common. `graded` are severities by evidence."""

    evidence: ContainerEvidence
    clock: Clock
    graded: Mapping[EvidenceRef, str]

    def entry(
        self, us: int, desc: str, data_type: str, message: str, item: str, line: int | None = None
    ) -> Entry:
        """An entry about a line of an item; its time is by the host's clock as yet."""
        evidence, ref = self.evidence, self.evidence.ref(item, line)
        kind = data_type.partition(":")[0]
        return Entry(
            us=us - self.clock.ahead_us,
            timestamp_desc=desc,
            kind=kind,  # type: ignore[arg-type]
            data_type=data_type,
            message=message,
            host=evidence.bag.host,
            container=(evidence.id, evidence.name.name),
            severity=self.graded.get(ref),
            ref=ref,
            corrected=self.clock.ahead_us / MICRO,
        )


def entries_of(place: Place, log_lines: Mapping[str, frozenset[int]]) -> Iterator[Entry]:
    """Everything with a time in one container of a bag; of its logs the given lines of each item."""
    yield from _life(place)
    yield from _processes(place)
    for item in ("layer.jsonl", "volumes.jsonl"):
        yield from _files(place, item)
    for item in LOGS:
        yield from _logs(place, item, log_lines.get(item, frozenset()))


def _life(place: Place) -> Iterator[Entry]:
    """When the container was made, started and ended: the engine forgets its events, but not these."""
    document = place.evidence.inspect
    state = values.record(document.get("State"))
    image = place.evidence.name.image
    ended = f"ended with code {values.integer(state.get('ExitCode'))}"
    told = (
        (document.get("Created"), "Creation Time", f"made from {image}"),
        (state.get("StartedAt"), "Start Time", f"started ({image})"),
        (None if state.get("Running") is True else state.get("FinishedAt"), "End Time", ended),
    )
    for time, desc, what in told:
        us = micros(time)
        if us is not None:
            message = f"Container {place.evidence.name.name} {what}"
            yield place.entry(us, desc, "engine:container", message, "inspect.json")


def _processes(place: Place) -> Iterator[Entry]:
    tree = place.evidence.processes
    for process in tree:
        if process.started is not None:
            message = _process_message(process, tree)
            us = round(process.started * MICRO)
            yield place.entry(us, "Start Time", "process:start", message, "processes.jsonl", process.line)


def _process_message(process: Process, tree: ProcessTree) -> str:
    command = command_line(list(process.cmdline), 400) or f"[{process.comm}]"
    parent = tree.parent(process)
    facts = [f"PID {process.pid}"]
    if parent is not None:
        facts.append(f"child of {parent.program}, PID {parent.pid}")
    if process.exe:
        state = "" if process.exe_state in ("", "image", "unknown") else f", {process.exe_state}"
        facts.append(f"{process.exe}{state}")
    return f"Process started: {command} ({'; '.join(facts)})"


def _files(place: Place, item: str) -> Iterator[Entry]:
    """Times of files that the container added, changed or deleted; of volumes those written since its start."""
    started = place.evidence.started
    for count, (line, row) in enumerate(place.evidence.stream(item)):
        if count == _MOST_FILES:
            yield from _cut(place, item)
            return
        path, kind = values.text(row.get("path")), row.get("kind")
        changed, written = micros(row.get("ctime")), micros(row.get("mtime"))
        if changed is None:
            continue
        if item == "volumes.jsonl":
            verb = "written in a volume"
            if started is not None and max(changed, written or 0) <= started * MICRO:
                continue
        else:
            verb = _VERBS.get(kind if isinstance(kind, str) else "", "")
            if row.get("content_changed") is True:
                verb = "edited without a trace in size and time"
        if verb == "deleted" and row.get("type") == "whiteout":
            yield place.entry(changed, "Deletion Time", "file:change", f"File deleted: {path}", item, line)
        elif verb and verb != "deleted" and row.get("type") in _FILE_TYPES:
            yield from _written(place, item, line, f"File {verb}: {path}{_about(row)}", (written, changed))


def _written(
    place: Place, item: str, line: int, message: str, times: tuple[int | None, int]
) -> Iterator[Entry]:
    """One entry where both times agree; two where they do not, as after a time was set back."""
    written, changed = times
    if written is None or abs(changed - written) < MICRO:
        yield place.entry(changed, "Content Modification Time", "file:change", message, item, line)
        return
    yield place.entry(written, "Content Modification Time", "file:change", message, item, line)
    word = "earlier" if changed > written else "later"
    message = f"{message}; its content is dated {duration(abs(changed - written) / MICRO)} {word}"
    yield place.entry(changed, "Metadata Modification Time", "file:change", message, item, line)


def _about(row: dict[str, Any]) -> str:
    facts = []
    size, code, digest = values.integer(row.get("bytes")), row.get("code"), values.text(row.get("sha256"), 64)
    if size is not None:
        facts.append(f"{size} bytes")
    if row.get("executable") is True:
        facts.append("executable")
    if isinstance(code, str):
        facts.append(code[:16])
    if digest:
        facts.append(f"sha256 {digest}")
    return f" ({', '.join(facts)})" if facts else ""


def _cut(place: Place, item: str) -> Iterator[Entry]:
    if place.clock.collected_us is not None:
        message = f"More than {_MOST_FILES} rows in {item}; the times of the rest are not listed here"
        us = place.clock.collected_us + place.clock.ahead_us
        yield place.entry(us, "Collection Time", "file:cut", message, item)


def _logs(place: Place, item: str, lines: frozenset[int]) -> Iterator[Entry]:
    if not lines:
        return
    for line, row in read_rows(place.evidence.folder / item, lines):
        us = micros(row.get("time"))
        if us is not None:
            message = f"Log: {values.text(row.get('line'), 1000)}"
            yield place.entry(us, "Recorded Time", "log:line", message, item, line)


def time_of(path: str, row: Mapping[str, Any]) -> int | None:
    """When what a row of evidence tells happened, in microseconds by the host's clock; None where it says not.

    Of a file it is the time that nobody inside can set.
    """
    name = path.rpartition("/")[2]
    known = {"processes.jsonl": "started", "layer.jsonl": "ctime", "volumes.jsonl": "ctime"}
    return micros(row.get(known.get(name, "time")))
