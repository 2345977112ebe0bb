# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was changed so that a program starts again, or somebody gets in again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values, wording
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    Confidence,
    EvidenceRef,
    Severity,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge import places, starting
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge.starting import Place
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.rules.files import (
    host_file,
    is_read_only,
    row_for,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import Sign

_ITEMS = ("layer.jsonl", "volumes.jsonl")
_START_UP_SECONDS = 60.0
_MAX_TOLD = 50


@dataclass(frozen=True)
class _File:
    path: str
    place: Place
    on_host: str  # the path on the host of a file that is mounted, else empty
    after: float | None  # seconds between the container's start and the change
    bad: str  # what its content does, empty where that is nothing remarkable
    packaged: bool
    ref: EvidenceRef


def changed(container: ContainerEvidence) -> Iterator[Sign]:
    """Keys, jobs of cron, what shells and systems read when they start, and ld.so.preload; also the host's."""
    packages: bool | None = None
    told = 0
    for item in _ITEMS:
        for line, row in container.stream(item, starting.PIECES):
            path = values.text(row.get("path"))
            place = next((place for place in starting.PLACES if place.pattern.search(path)), None)
            if row.get("type") != "file" or place is None or told == _MAX_TOLD:
                continue
            if item == "volumes.jsonl" and is_read_only(container, path):
                continue  # the host's own people wrote it
            if packages is None:
                packages = _has_installed(container)
            told += 1
            yield from _sign(_file(container, item, line, row, place, packages))


def preloaded(container: ContainerEvidence) -> Iterator[Sign]:
    """Programs that were told to load a library before all others, which the image does not hold."""
    told: set[str] = set()
    for process in container.processes:
        for library in process.preload.replace(":", " ").split()[:20]:
            if library in told or not library.startswith("/") or len(told) == _MAX_TOLD:
                continue
            told.add(library)
            refs = [container.ref("processes.jsonl", process.line)]
            row = next((row for row in (row_for(container, item, library) for item in _ITEMS) if row), None)
            temporary = library.startswith(places.TEMPORARY)
            if row is None and not temporary:
                continue
            yield Sign(
                rule="preload",
                key=library,
                severity="high",
                confidence="high" if temporary else "medium",
                sentence=f"{wording.plain(process.program, 40)} (PID {process.pid}) was started with "
                f"{wording.plain(library, 120)} loaded before all other libraries (LD_PRELOAD), and the image does "
                "not hold that.",
                technique="T1574.006",
                evidence=refs,
                module="container_top_info",
            )


def _has_installed(container: ContainerEvidence) -> bool:
    return any(row_for(container, "layer.jsonl", path) is not None for path in starting.PACKAGES)


def _file(
    container: ContainerEvidence, item: str, line: int, row: dict[str, Any], place: Place, packages: bool
) -> _File:
    path = values.text(row.get("path"))
    changed_at, started = values.moment(row.get("ctime")), container.started
    return _File(
        path=path,
        place=place,
        on_host=host_file(container, path) if item == "volumes.jsonl" else "",
        after=None if changed_at is None or started is None else changed_at - started,
        bad=_bad(place, values.text(row.get("head"), 8192)),
        packaged=packages and item == "layer.jsonl",
        ref=container.ref(item, line),
    )


def _bad(place: Place, head: str) -> str:
    """What the content does that nobody writes with good intent."""
    uncommented = "\n".join(line for line in head.splitlines() if not line.lstrip().startswith("#"))
    known = (starting.BAD_JOB, *starting.BAD) if place.rule == "cron" else starting.BAD
    return next((does for pattern, does in known if pattern.search(uncommented)), "")


def _sign(file: _File) -> Iterator[Sign]:
    grade = _grade(file)
    if grade is None:
        return
    severity, confidence = grade
    shown = wording.plain(file.on_host or file.path, 160)
    whose = f"{shown} of the host" if file.on_host else shown
    bad = f" and {file.bad}" if file.bad else ""
    yield Sign(
        rule="host-persistence" if file.on_host else file.place.rule,
        key=file.path,
        severity=severity,
        confidence=confidence,
        sentence=f"{whose}, {file.place.called}, was written {_when(file.after)}{bad}.",
        technique="T1611" if file.on_host else file.place.technique,
        evidence=[file.ref],
        module="container_diff_info",
    )


def _grade(file: _File) -> tuple[Severity, Confidence] | None:
    """None where it is everyday. Start scripts write such files from their settings, packages bring them along."""
    at_start = file.after is not None and file.after < _START_UP_SECONDS
    if file.on_host:
        return ("critical", "high") if file.bad else ("medium", "low")
    if file.bad or file.place.rule == "preload":
        return "high", "high" if file.bad else "medium"
    if file.packaged:
        return None
    if at_start:
        return "low", "low"
    return ("high", "medium") if file.place.rule == "ssh-key" else ("low", "medium")


def _when(seconds: float | None) -> str:
    if seconds is None:
        return "at an unknown time"
    if seconds < 0:
        return "before the container was last started"
    return f"{wording.duration(seconds)} after the container started"
