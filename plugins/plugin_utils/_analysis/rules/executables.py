# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that run from files the image does not hold."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values, wording
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    Confidence,
    EvidenceRef,
    Severity,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.processes import Process
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.rules.files import row_for
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import Sign

ITEM = "processes.jsonl"
_DELETED = " (deleted)"
_NOT_FROM_IMAGE = frozenset({"upper", "volume", "deleted", "memfd"})
_START_UP_SECONDS = 60.0
_Verdict = tuple[Severity, Confidence, str, str]  # severity, confidence, what is so about the file, technique


def foreign(container: ContainerEvidence) -> Iterator[Sign]:
    """Running programs that were not in the image, by file."""
    groups: dict[tuple[str, str], list[Process]] = {}
    for process in container.processes:
        if process.exe_state in _NOT_FROM_IMAGE and not container.processes.is_engine_start(process):
            path = process.exe.removesuffix(_DELETED)
            groups.setdefault((process.exe_state, path), []).append(process)
    for (state, path), members in groups.items():
        found = _judge(container, state, path, members)
        if found is None:
            continue
        severity, confidence, what, technique = found[0]
        more = f" and {len(members) - 1} more" if len(members) > 1 else ""
        yield Sign(
            rule=f"{state}-executable",
            key=path,
            severity=severity,
            confidence=confidence,
            sentence=f"{wording.plain(members[0].program, 40)} (PID {members[0].pid}{more}) runs from "
            f"{wording.plain(path, 120)}, {what}.",
            technique=technique,
            evidence=[*(container.ref(ITEM, member.line) for member in members[:10]), *found[1]],
            module="container_diff_info" if state == "upper" else "container_top_info",
        )


def _judge(
    container: ContainerEvidence, state: str, path: str, members: list[Process]
) -> tuple[_Verdict, list[EvidenceRef]] | None:
    if state == "memfd":
        verdict: _Verdict = ("high", "high", "which exists in memory only", "T1620")
        return verdict, []
    if state == "volume":
        return _judge_volume(container, path)
    kind, line = _change(container, path)
    refs = [container.ref("changes.jsonl", line)] if line else []
    if state == "deleted":
        if kind in ("C", "D"):
            what = "a file of the image that was replaced or removed while it ran, as an upgrade does"
            return ("low", "medium", what, "T1070.004"), refs
        return ("high", "high", "a file that was not in the image and is deleted", "T1070.004"), refs
    if kind == "C":
        return ("high", "medium", "a file of the image that was changed after the start", "T1554"), refs
    if _ran_from_the_start(container, members):
        return ("low", "medium", "a file that was added before the container was started", "T1105"), refs
    return ("high", "medium", "a file that was not in the image", "T1105"), refs


def _judge_volume(container: ContainerEvidence, path: str) -> tuple[_Verdict, list[EvidenceRef]] | None:
    """A program from a volume is everyday, unless its file was written while the container ran. A mount that
    is no volume is a file system in memory, such as /dev/shm, which was empty when the container began."""
    if not _is_on_volume(container, path):
        return ("high", "high", "a file in memory that was not in the image", "T1105"), []
    row = row_for(container, "volumes.jsonl", path)
    changed = values.moment(row[1].get("ctime")) if row else None
    started = container.started
    if row is None or changed is None or started is None or changed < started:
        return None
    refs = [container.ref("volumes.jsonl", row[0])]
    if changed < started + _START_UP_SECONDS:  # many images unpack programs into a volume when they start
        return ("low", "low", "a file of a volume that was written as the container started", "T1105"), refs
    return (
        "high",
        "medium",
        "a file of a volume that was written after the container started",
        "T1105",
    ), refs


def _is_on_volume(container: ContainerEvidence, path: str) -> bool:
    for mount in values.items(container.inspect.get("Mounts")):
        destination = values.text(values.record(mount).get("Destination")).rstrip("/")
        if destination and mount.get("Type") != "tmpfs" and path.startswith(f"{destination}/"):
            return True
    return False


def _change(container: ContainerEvidence, path: str) -> tuple[str, int | None]:
    """What the engine's diff says about the path: A, C or D, and the line; empty where it is silent."""
    row = row_for(container, "changes.jsonl", path)
    return (values.text(row[1].get("kind"), 1), row[0]) if row else ("", None)


def _ran_from_the_start(container: ContainerEvidence, members: list[Process]) -> bool:
    """Whether the container itself was made to run the file, as `docker cp` before `docker start` does."""
    row = row_for(container, "layer.jsonl", members[0].exe)
    changed = values.moment(row[1].get("ctime")) if row else None
    return (
        members[0].container_pid == 1
        and changed is not None
        and container.started is not None
        and changed < container.started
    )
