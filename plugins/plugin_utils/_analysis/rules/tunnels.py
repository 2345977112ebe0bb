# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that carry connections into the container or out of it, where nobody asked for that."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import wording
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import EvidenceRef
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge import tunnels
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.processes import Process, is_declared
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import Sign


def tunnels_of_others(container: ContainerEvidence) -> Iterator[Sign]:
    """Tools for tunnels, ssh that opens ways in, and socat between two addresses. In a container that was made to
    run it such a program does its duty."""
    for process in container.processes:
        why = _why(process)
        if not why:
            continue
        duty = is_declared(container.processes, process)
        yield Sign(
            rule="tunnel",
            key=f"{_name(process)} {wording.command_line(list(process.arguments), 120)}",
            severity="low" if duty else "high",
            confidence="low" if duty else "medium",
            sentence=f"{wording.plain(_name(process), 40)} (PID {process.pid}) {why}: "
            f"`{wording.command_line(list(process.cmdline))}`"
            f"{', which the container was made to run' if duty else ''}.",
            technique="T1572",
            evidence=_refs(container, process),
            module="container_top_info",
        )


def _why(process: Process) -> str:
    name = _name(process)
    if name in tunnels.TOOLS and (name not in tunnels.COMMON_WORDS or len(process.arguments) > 1):
        return "bears the name of a tool for tunnels"
    if process.kind in tunnels.SSH:
        return _ssh_way(process)
    if process.kind == "socat":
        networks = [word for word in process.arguments if tunnels.SOCAT_NETWORK.match(word)]
        return "passes connections on" if len(networks) > 1 else ""
    return ""


def _name(process: Process) -> str:
    """The program's name, or that of its script."""
    script = process.script.rpartition("/")[2] if process.script else ""
    return script.rpartition(".")[0] or script if script and process.kind in _WRITTEN_IN else process.kind


_WRITTEN_IN = frozenset({"python", "pypy", "perl", "ruby", "node", "nodejs", "php"})


def _ssh_way(process: Process) -> str:
    """What ssh was told to open; the words after an option are its value, those after the host a command."""
    words = iter(process.arguments)
    for word in words:
        if not word.startswith("-"):
            return ""
        if tunnels.SSH_WAYS.match(word):
            return (
                "opens a way into the container for the other end" if "R" in word else "carries connections"
            )
        if len(word) == 2 and word[1] in tunnels.SSH_TAKES_WORD:
            next(words, None)
    return ""


def _refs(container: ContainerEvidence, process: Process) -> list[EvidenceRef]:
    sockets = container.sockets.by_pid.get(process.pid, [])
    refs = [container.ref("sockets.jsonl", socket.line) for socket in sockets if socket.is_connected][:5]
    return [container.ref("processes.jsonl", process.line), *refs]
