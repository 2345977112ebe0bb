# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shells whose input and output another program carries to and from the network, over pipes or a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import wording
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import Confidence, Severity
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge import programs, tunnels
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.processes import (
    Process,
    starts_shells_by_trade,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.rules.processes import (
    ITEM,
    stdio_socket,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import Sign
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.sockets import Socket

_STEPS = 4  # programs between the shell and the one that holds the connection
_DIRECT = ("pipe:", "/dev/pts/", "socket:", "/dev/ptmx")


def relayed(container: ContainerEvidence) -> Iterator[Sign]:
    """A shell that waits for commands, of which another program of the container is the other end and holds a
    connection: what `nc` does without -e, and socat, openssl, node and java."""
    for shell in container.processes:
        waits = container.processes.trade(shell) == "shell" and shell.awaits_commands
        if not waits or stdio_socket(container, shell)[1] is not None:
            continue
        found = _carrier(container, shell)
        if found is not None:
            yield _sign(container, shell, *found)


def _carrier(container: ContainerEvidence, shell: Process) -> tuple[Process, Socket, str] | None:
    """The program at the other end, its socket, and how the two are joined."""
    for joined, candidates in (
        ("pipes", _over_pipes(container, shell)),
        ("its parent", _parents(container, shell)),
    ):
        for other in candidates:
            socket = _socket_of(container, other)
            if socket is not None:
                return other, socket, joined
    return None


def _over_pipes(container: ContainerEvidence, shell: Process) -> Iterator[Process]:
    """Programs that have an end of a pipe of the shell as a standard stream, also through `cat` and its kin."""
    seen, pipes = {shell.pid}, shell.stdio_pipes()
    for _dummy in range(_STEPS):
        beyond: set[str] = set()
        for other in container.processes:
            if other.pid in seen or pipes.isdisjoint(other.stdio_pipes()):
                continue
            seen.add(other.pid)
            if _carries(other):
                yield other
            elif other.kind in tunnels.BETWEEN and not other.script:
                beyond |= other.stdio_pipes()
        pipes |= beyond


def _parents(container: ContainerEvidence, shell: Process) -> Iterator[Process]:
    """Programs that started the shell, where its streams are theirs to give: pipes, a terminal, a pair of sockets."""
    if not shell.stdio.get("0", "").startswith(_DIRECT):
        return
    for ancestor in container.processes.ancestors(shell):
        trade = container.processes.trade(ancestor)
        if trade == "launcher" or (trade == "shell" and ancestor.awaits_commands):
            return
        if trade != "shell" and ancestor.kind not in tunnels.BETWEEN:
            yield ancestor
            return


def _carries(process: Process) -> bool:
    kind = process.kind
    return (
        kind in programs.NETWORK_TOOLS or kind in tunnels.CARRIERS or process.exe_state not in ("image", "")
    )


def _socket_of(container: ContainerEvidence, process: Process) -> Socket | None:
    """A connection it opened to elsewhere, else, for a network tool, a port on which it waits."""
    sockets = container.sockets.by_pid.get(process.pid, [])
    for socket in sockets:
        if container.sockets.is_outbound(socket) and not socket.is_loopback:
            return socket
    waits = _carries(process)
    return next(
        (socket for socket in sockets if waits and (socket.is_listening or socket.is_connected)), None
    )


def _sign(container: ContainerEvidence, shell: Process, other: Process, socket: Socket, joined: str) -> Sign:
    severity, confidence = _grade(shell, other)
    outbound = container.sockets.is_outbound(socket)
    if outbound:
        does = f"is connected to {socket.remote}"
    elif socket.is_listening:
        does = f"waits for a connection to port {socket.local_port}"
    else:
        does = f"has a connection from {socket.remote}"
    through = "through pipes" if joined == "pipes" else "which started it,"
    sentence = (
        f"{wording.plain(shell.program, 40)} (PID {shell.pid}) takes its commands from "
        f"{wording.plain(other.program, 40)} (PID {other.pid}), {through} and that {does}."
    ).replace("), through pipes and", ") through pipes, and")
    return Sign(
        rule="relayed-shell" if outbound else "bind-shell",
        key=f"{shell.kind} {other.kind} {socket.remote if outbound else socket.local_port}",
        severity=severity,
        confidence=confidence,
        sentence=sentence,
        technique="T1059.004",
        evidence=[
            container.ref(ITEM, shell.line),
            container.ref(ITEM, other.line),
            container.ref("sockets.jsonl", socket.line),
        ],
        module="container_top_info",
    )


def _grade(shell: Process, other: Process) -> tuple[Severity, Confidence]:
    """A service that opens terminals for a living says little; what only exists to carry bytes says all."""
    if _carries(other):
        return "critical", "high"
    if starts_shells_by_trade(other):
        return "low", "low"
    asked = any(word.startswith("-") and "i" in word for word in shell.arguments)
    return ("critical", "high") if asked or other.runs_inline_code() else ("high", "medium")
