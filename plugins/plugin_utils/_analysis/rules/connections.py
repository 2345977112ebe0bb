# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections to elsewhere, opened by programs that have no business there."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import wording
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    Confidence,
    EvidenceRef,
    Severity,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge import places, programs
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.processes import Process, is_declared
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.rules.processes import (
    service_above,
    stdio_socket,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import Sign
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.sockets import Socket


def outbound_by_shells(container: ContainerEvidence) -> Iterator[Sign]:
    """A shell, a network tool, or an interpreter below a service that talks to another machine."""
    for process, socket in _outbound(container):
        grade = _grade(container, process, socket)
        if grade is None or stdio_socket(container, process)[1] is not None:
            continue  # a shell whose streams are the socket is told of by itself
        severity, confidence = grade
        yield Sign(
            rule="shell-connection",
            key=f"{process.kind} {socket.remote}",
            severity=severity,
            confidence=confidence,
            sentence=f"{wording.plain(process.program, 40)} (PID {process.pid}) holds a connection to "
            f"{wording.plain(socket.remote)}.",
            technique="T1095",
            evidence=_refs(container, process, socket),
            module="container_top_info",
        )


def outbound_by_deleted(container: ContainerEvidence) -> Iterator[Sign]:
    """A program whose file is gone, or never was on disk, that talks to another machine."""
    for process, socket in _outbound(container):
        if process.exe_state not in ("deleted", "memfd") or stdio_socket(container, process)[1] is not None:
            continue
        what = "is deleted" if process.exe_state == "deleted" else "exists in memory only"
        yield Sign(
            rule="deleted-executable-connection",
            key=f"{process.program} {socket.remote}",
            severity="high",
            confidence="medium",
            sentence=f"{wording.plain(process.program, 40)} (PID {process.pid}), whose file {what}, holds a "
            f"connection to {wording.plain(socket.remote)}.",
            technique="T1071",
            evidence=_refs(container, process, socket),
            module="container_top_info",
        )


def _outbound(container: ContainerEvidence) -> Iterator[tuple[Process, Socket]]:
    for pid, sockets in container.sockets.by_pid.items():
        process = container.processes.by_pid.get(pid)
        if process is None:
            continue
        for socket in sockets:
            if container.sockets.is_outbound(socket) and not socket.is_loopback:
                yield process, socket


def _grade(
    container: ContainerEvidence, process: Process, socket: Socket
) -> tuple[Severity, Confidence] | None:
    trade = container.processes.trade(process)
    below_service = service_above(container.processes, process) is not None
    if trade == "interpreter" and below_service:
        return "high", "medium"
    if _is_improvised(process) and not is_declared(container.processes, process):
        return ("low", "low") if socket.remote_port in programs.AWAITED_PORTS else ("high", "medium")
    if trade not in ("shell", "network tool"):
        return None
    if is_declared(container.processes, process):
        return "low", "low"  # a container that was made to pass something on does so
    if not below_service and socket.remote_port in programs.AWAITED_PORTS:
        return "low", "low"  # wait-for-it and its kin look whether the database is there yet
    if below_service:
        return "high", "high"
    return "high" if trade == "shell" else "medium", "medium"


def _is_improvised(process: Process) -> bool:
    """Whether an interpreter talks by a program on its command line, or by one from a folder for temporary files."""
    if process.kind not in programs.RUN_SCRIPTS - programs.SHELLS:
        return False
    if process.script:
        return process.script.startswith(places.TEMPORARY)
    return programs.OPENS_SOCKETS.search(process.written_command[:4096]) is not None


def _refs(container: ContainerEvidence, process: Process, socket: Socket) -> list[EvidenceRef]:
    return [
        container.ref("processes.jsonl", process.line),
        container.ref("sockets.jsonl", socket.line),
    ]
