# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a container does against what its image declares, and against its replicas elsewhere in the fleet.

A difference accuses nobody for certain: it is where to look when one of twenty is not like the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values, wording
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import (
    CaseEvidence,
    ContainerEvidence,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import EvidenceRef, Finding
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge import programs
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.processes import Process
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import Sign, to_finding

_FEWEST = 3  # replicas that say what is usual
_MANY = 10  # of which one that differs is more than chance
_MAX_FEATURES = 2000  # of one container
_IS_CODE_OR_PROGRAM = (b'"executable":true', b'"executable": true', b'"code":"', b'"code": "')
_SERVICE_LABEL = "com.docker.compose.service"
_EPHEMERAL = 32768  # ports above are chosen by the kernel
_TELLING = frozenset({"service", "shell", "interpreter", "network tool", "downloader"})
_KINDS = {"program": "runs", "port": "listens on", "file": "has the new program or code"}

Feature = tuple[str, str]  # what kind of thing, and which


@dataclass(frozen=True)
class _Replica:
    container: ContainerEvidence
    features: dict[Feature, EvidenceRef]


def evaluate(case_dir: Path) -> list[Finding]:
    """Findings of both kinds. Raises OSError only when the case cannot be listed."""
    found: list[Finding] = []
    groups: dict[tuple[str, str, str], list[_Replica]] = {}
    for container in CaseEvidence(case_dir).containers:
        found += [to_finding(sign, container) for sign in undeclared_ports(container)]
        if values.record(container.inspect.get("State")).get("Running") is True:
            groups.setdefault(_likeness(container), []).append(_Replica(container, _features(container)))
        container.forget()
    for replicas in groups.values():
        found += [to_finding(sign, replica.container) for replica, sign in _odd_ones(replicas)]
    return found


def undeclared_ports(container: ContainerEvidence) -> Iterator[Sign]:
    """Ports that something listens on for the network, where the image or the start declares others only."""
    config, host = (
        values.record(container.inspect.get("Config")),
        values.record(container.inspect.get("HostConfig")),
    )
    declared = {*values.record(config.get("ExposedPorts")), *values.record(host.get("PortBindings"))}
    if not declared or host.get("NetworkMode") == "host":
        return
    for socket in container.sockets.sockets:
        known = f"{socket.local_port}/tcp" in declared
        local = socket.local_address.startswith("127.") or socket.local_address == "::1"
        if not socket.is_listening or known or local or socket.local_port is None:
            continue
        process = container.processes.by_pid.get(socket.pid) if socket.pid is not None else None
        who = wording.plain(process.program, 40) if process else "Something"
        ports = wording.listed(sorted(wording.plain(port, 12) for port in declared))
        yield Sign(
            rule="undeclared-port",
            key=str(socket.local_port),
            severity="low",
            confidence="low",
            sentence=f"{who} listens on port {socket.local_port}, and the image and the start declare only {ports}.",
            technique="T1571",
            evidence=[container.ref("sockets.jsonl", socket.line), container.ref("inspect.json")],
            module="container_top_info",
        )


def _likeness(container: ContainerEvidence) -> tuple[str, str, str]:
    """What replicas share: the image by its digest where it is known, the command, and the service of Compose."""
    inspect = container.inspect
    config = values.record(inspect.get("Config"))
    image = values.text(inspect.get("Image"), 255) or values.text(config.get("Image"), 255)
    command = " ".join([values.text(inspect.get("Path")), *values.texts(inspect.get("Args"), 64)])
    return image, command, values.text(values.record(config.get("Labels")).get(_SERVICE_LABEL), 255)


def _features(container: ContainerEvidence) -> dict[Feature, EvidenceRef]:
    """What can be compared: programs that run, ports, and programs and code that came after the image."""
    found: dict[Feature, EvidenceRef] = {}
    for process in container.processes:
        if _counts(container, process):
            found.setdefault(("program", process.exe), container.ref("processes.jsonl", process.line))
    for socket in container.sockets.sockets:
        if socket.is_listening and socket.local_port is not None and socket.local_port < _EPHEMERAL:
            found.setdefault(("port", str(socket.local_port)), container.ref("sockets.jsonl", socket.line))
    for line, row in container.stream("layer.jsonl", _IS_CODE_OR_PROGRAM):
        path = values.text(row.get("path"))
        if len(found) >= _MAX_FEATURES:
            break
        if path and row.get("type") == "file":
            found.setdefault(("file", path), container.ref("layer.jsonl", line))
    return found


def _counts(container: ContainerEvidence, process: Process) -> bool:
    """Whether it says something that this program runs here: a helper that comes and goes does not, nor what was
    started from outside, as by an administrator or a health check."""
    outside = container.processes.parent(process) is None and process.container_pid != 1
    if outside or not process.exe or process.kind in programs.HARMLESS_GRANDCHILDREN:
        return False
    return container.processes.trade(process) in _TELLING or process.exe_state not in ("", "image")


def _odd_ones(replicas: list[_Replica]) -> Iterator[tuple[_Replica, Sign]]:
    if len(replicas) < _FEWEST:
        return
    counts = Counter(feature for replica in replicas for feature in replica.features)
    for replica in replicas:
        own = [feature for feature in replica.features if counts[feature] == 1]
        if own:
            yield replica, _odd(replica, own, len(replicas))


def _odd(replica: _Replica, own: list[Feature], of: int) -> Sign:
    clauses = []
    for kind, verb in _KINDS.items():
        names = sorted(wording.plain(name, 60) for told, name in own if told == kind)
        if names:
            clauses.append(f"{verb} {wording.listed(names)}")
    many = of >= _MANY
    return Sign(
        rule="odd-replica",
        key="",
        severity="medium" if many else "low",
        confidence="medium" if many else "low",
        sentence=f"It {', '.join(clauses)}, as none of the other {of - 1} containers of this image and command does.",
        technique="T1610",
        evidence=[replica.features[feature] for feature in own],
        module="container_top_info",
    )
