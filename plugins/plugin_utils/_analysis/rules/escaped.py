# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signs that a way out of the container is not only there, but used."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values, wording
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge import escapes, programs
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.processes import Process
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.rules.files import is_below, is_of_image
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import Sign

_ITEM = "processes.jsonl"
# Parts of the host whose programs are the host's own.
_HOST_PROGRAMS = ("/", "/usr", "/bin", "/sbin", "/lib", "/usr/bin", "/usr/sbin")
# What a container does that was started for what it may, not for what it does.
_IDLE = frozenset({"sleep", "tail", "cat", "chroot", "nsenter"}) | programs.SHELLS
_FEWEST = 4  # containers of a case that make an image stand out
_ORCHESTRATED = (
    "com.docker.compose.",
    "com.docker.swarm.",
    "com.docker.stack.",
    "io.kubernetes.",
    "org.nomadproject.",
)


def left(container: ContainerEvidence) -> Iterator[Sign]:
    """A process of the container that sees the host's files as the host does: nsenter, or worse."""
    for process in container.processes:
        if process.on_host_files and not container.processes.is_engine_start(process):
            yield _sign(
                container,
                process,
                "left-container",
                "critical",
                "is of this container but sees the host's file system as the host does: it has left the container",
            )


def host_programs(container: ContainerEvidence) -> Iterator[Sign]:
    """A program of the host that runs from a mount of the host's root, as after chroot."""
    mounts = [values.record(mount) for mount in values.items(container.inspect.get("Mounts"))]
    folders = [
        values.text(mount.get("Destination"))
        for mount in mounts
        if mount.get("Type") == "bind" and values.text(mount.get("Source")) in _HOST_PROGRAMS
    ]
    for process in container.processes:
        if any(is_below(process.exe, folder) for folder in folders):
            what = f"runs a program of the host from its mount ({wording.plain(process.exe, 120)}), as after chroot"
            yield _sign(container, process, "host-program", "high", what)


def engine_clients(container: ContainerEvidence) -> Iterator[Sign]:
    """A tool that is no client of the engine, or a client that came later, at the engine's socket."""
    for process in container.processes:
        words = process.written_command
        if not any(name in words for name in escapes.ENGINE_SOCKETS) or _is_by_design(container, process):
            continue
        trade = container.processes.trade(process)
        late = process.exe_state not in ("image", "")
        if (
            trade in ("network tool", "downloader")
            or (trade == "interpreter" and process.runs_inline_code())
            or late
        ):
            what = f"talks to the engine through its socket: `{wording.command_line(list(process.cmdline))}`"
            yield _sign(container, process, "engine-client", "high", what)


def strays(container: ContainerEvidence) -> Iterator[Sign]:
    """A container that only waits, with the host at its feet, of an image that no other container has."""
    config = values.record(container.inspect.get("Config"))
    labels = values.record(config.get("Labels"))
    over = _over_host(container)
    if not over or any(name.startswith(_ORCHESTRATED) for name in labels):
        return
    command = [values.text(container.inspect.get("Path")), *values.texts(container.inspect.get("Args"), 64)]
    if command[0].rpartition("/")[2] not in _IDLE or command == _declared(container):
        return
    images = container.case.images
    if sum(images.values()) < _FEWEST or images.get(container.name.image, 0) > 1:
        return
    yield Sign(
        rule="stray-container",
        key="",
        severity="high",
        confidence="low",
        sentence=f"No other container runs the image {wording.plain(container.name.image, 80)}; this one was started "
        f"with `{wording.command_line(command)}` in place of what the image would run, and has {over}.",
        technique="T1610",
        evidence=[container.ref("inspect.json")],
        module="container_info",
    )


def _declared(container: ContainerEvidence) -> list[str]:
    """What the image would run."""
    config = values.record(container.read_document("image.json").get("Config"))
    return [*values.texts(config.get("Entrypoint"), 64), *values.texts(config.get("Cmd"), 64)]


def _over_host(container: ContainerEvidence) -> str:
    config = values.record(container.inspect.get("HostConfig"))
    if config.get("Privileged") is True:
        return "every privilege"
    for mount in map(values.record, values.items(container.inspect.get("Mounts"))):
        source = values.text(mount.get("Source"))
        if mount.get("Type") == "bind" and source == "/":
            return "the host's root"
        if mount.get("Type") == "bind" and source.rpartition("/")[2] in escapes.ENGINE_SOCKETS:
            return "the engine's socket"
    return ""


def _is_by_design(container: ContainerEvidence, process: Process) -> bool:
    """Whether a script of the image does this, or the container's first program."""
    if process.container_pid == 1:
        return True
    lineage = [process, *container.processes.ancestors(process)]
    return any(one.script and is_of_image(container, one.script) for one in lineage)


def _sign(container: ContainerEvidence, process: Process, rule: str, severity: str, what: str) -> Sign:
    return Sign(
        rule=rule,
        key=f"{process.kind} {wording.command_line(list(process.arguments), 120)}",
        severity="critical" if severity == "critical" else "high",
        confidence="high" if severity == "critical" else "medium",
        sentence=f"{wording.plain(process.program, 40)} (PID {process.pid}) {what}.",
        technique="T1611",
        evidence=[container.ref(_ITEM, process.line), container.ref("inspect.json")],
        module="container_top_info",
    )
