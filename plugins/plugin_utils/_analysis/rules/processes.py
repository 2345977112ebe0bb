# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shells and interpreters where a service is expected, and programs that hide what they are."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import harmless, wording
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import Confidence, Severity
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge import daemons, programs
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.processes import (
    Process,
    ProcessTree,
    Trade,
    service_name,
    starts_shells_by_trade,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.rules.files import is_of_image
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import Sign
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.sockets import Socket

ITEM = "processes.jsonl"
_STREAMS = {"0": "input", "1": "output", "2": "error output"}
_SUSPECTS: frozenset[Trade] = frozenset({"shell", "interpreter", "network tool", "downloader"})
_START_UP_SECONDS = 60.0


def shells_on_sockets(container: ContainerEvidence) -> Iterator[Sign]:
    """A shell or an interpreter whose standard streams are a network socket: someone types into it."""
    for process in container.processes:
        if container.processes.trade(process) not in ("shell", "interpreter"):
            continue
        stream, socket = stdio_socket(container, process)
        if socket is None:
            continue
        parent = service_above(container.processes, process)
        outbound = container.sockets.is_outbound(socket)
        below = (
            f"runs as a child of {wording.plain(service_name(parent))} and its" if parent else "has as its"
        )
        verb = "is" if parent else ""
        end = "network socket to" if outbound else "network socket for"
        sentence = " ".join(
            f"{_named(process)} {below} {_STREAMS[stream]} {verb} a {end} {socket.remote}.".split()
        )
        yield Sign(
            rule="reverse-shell" if outbound else "bind-shell",
            key=f"{process.kind} {socket.remote if outbound else socket.local_port}",
            severity="critical",
            confidence="high",
            sentence=wording.plain(sentence, 400),
            technique="T1059.004",
            evidence=[container.ref(ITEM, process.line), container.ref("sockets.jsonl", socket.line)],
            module="container_top_info",
        )


def shells_under_services(container: ContainerEvidence) -> Iterator[Sign]:
    """A shell, an interpreter or a network tool below a service that has no need of one."""
    tree = container.processes
    groups: dict[tuple[str, str], list[Process]] = {}
    for process in tree:
        if tree.trade(process) not in _SUSPECTS:
            continue
        service = service_above(tree, process)
        if service is None or service.kind == process.kind or _begins_service(container, process):
            continue
        if stdio_socket(container, process)[1] is not None:
            continue  # told of by shells_on_sockets, with more to say
        groups.setdefault((service_name(service), process.kind), []).append(process)
    for (service_label, kind), members in groups.items():
        graded = [(_grade(container, member), member) for member in members]
        (severity, confidence), worst = max(graded, key=lambda pair: (_RANK[pair[0]], -pair[1].pid))
        yield Sign(
            rule="shell-under-service",
            key=f"{service_label} {kind}",
            severity=severity,
            confidence=confidence,
            sentence=_under_sentence(container, worst, service_label, len(members)),
            technique="T1059.004" if tree.trade(worst) == "shell" else "T1059",
            evidence=[container.ref(ITEM, line) for line in _lines(tree, worst, members)],
            module="container_top_info",
        )


def disguised(container: ContainerEvidence) -> Iterator[Sign]:
    """A program that calls itself a thread of the kernel, of which a container has none, or a server that its
    executable is not."""
    for process in container.processes:
        name, like = _pretended(process)
        if not name or container.processes.is_engine_start(process):
            continue
        yield Sign(
            rule="disguised-process",
            key=f"{process.kind} {name}",
            severity="high",
            confidence="high",
            sentence=f"PID {process.pid} calls itself {name}, like {like}, but is {wording.plain(process.exe)}.",
            technique="T1036.004",
            evidence=[container.ref(ITEM, process.line)],
            module="container_top_info",
        )


def _pretended(process: Process) -> tuple[str, str]:
    """The name that is not the program's own, and what bears it; empty where all is as it says."""
    first = process.cmdline[0] if process.cmdline else ""
    if not process.exe or daemons.LOADERS.match(process.program):
        return "", ""
    if first.startswith("[") and first.rstrip().endswith("]") and len(first) > 2:
        return wording.plain(first, 40), "a thread of the kernel"
    if daemons.KERNEL_THREAD.match(process.comm) and process.comm != process.program[:15]:
        return wording.plain(process.comm, 40), "a thread of the kernel"
    title = first.partition(" ")[0].rstrip(":").rpartition("/")[2].lower()
    own = process.program.lower().removeprefix(".").removesuffix("-wrapped")
    for names in daemons.DAEMONS:
        if title in names and process.kind not in names and not own.startswith(tuple(names)):
            return wording.plain(first, 40), "a server"
    return "", ""


def outside_the_cgroup(container: ContainerEvidence) -> Iterator[Sign]:
    """A process that shares the container's PIDs but not its control group: no limit holds it, the engine does not
    count it, and neither pausing nor killing the container reaches it."""
    for process in container.processes:
        if process.in_cgroup:
            continue
        yield Sign(
            rule="outside-cgroup",
            key=process.kind,
            severity="medium",
            confidence="medium",
            sentence=f"{_named(process)} is in the container but has left its control group: the engine does not "
            "see it, and pausing or killing the container does not reach it.",
            technique="T1564",
            evidence=[container.ref(ITEM, process.line)],
            module="container_top_info",
        )


def miners(container: ContainerEvidence) -> Iterator[Sign]:
    """A program by the name of a miner, or with the options of one."""
    for process in container.processes:
        command = process.written_command.lower()
        named = {process.kind.lower(), process.program.lower(), process.comm.lower()} & programs.MINER_NAMES
        word = next((word for word in programs.MINER_WORDS if word in command), None)
        if not named and word is None:
            continue
        why = f"has {word} on its command line" if word else f"bears the name of a miner ({min(named)})"
        yield Sign(
            rule="miner",
            key=process.kind,
            severity="high",
            confidence="high" if word else "medium",
            sentence=f"{_named(process)} {why}.",
            technique="T1496",
            evidence=[container.ref(ITEM, process.line)],
            module="container_top_info",
        )


def service_above(tree: ProcessTree, process: Process) -> Process | None:
    """The service the process hangs below. None also below a launcher such as sshd or cron, whose shells
    are its trade, and for a program that another suspect started: that one is told of already."""
    for ancestor in tree.ancestors(process):
        trade = tree.trade(ancestor)
        if trade == "service":
            return ancestor
        if trade == "launcher":
            return None
    return None


def stdio_socket(container: ContainerEvidence, process: Process) -> tuple[str, Socket | None]:
    """The first standard stream that is a connected network socket. Unix sockets are not listed as such:
    node and others talk to their children through pairs of them."""
    for stream, inode in process.stdio_inodes():
        socket = container.sockets.by_inode.get(inode)
        if socket is not None and socket.is_connected:
            return stream, socket
    return "0", None


_Grade = tuple[Severity, Confidence]
_RANK: dict[_Grade, int] = {
    ("low", "low"): 0,
    ("low", "medium"): 1,
    ("medium", "medium"): 2,
    ("high", "medium"): 3,
    ("high", "high"): 4,
}


def _grade(container: ContainerEvidence, process: Process) -> _Grade:
    """How much the process at its place says."""
    tree = container.processes
    service = service_above(tree, process)
    trade = tree.trade(process)
    if service is None or _is_everyday(container, process, service):
        return "low", "low"
    if trade == "downloader":
        return "low", "medium"
    if trade == "interpreter" and not process.runs_inline_code():
        return "medium", "medium"
    adopted = service.container_pid == 1 and tree.parent(process) is service  # orphans end up there too
    return "high", "medium" if adopted and trade != "shell" else "high"


def _is_everyday(container: ContainerEvidence, process: Process, service: Process) -> bool:
    """Whether a shell or an interpreter below a service does what many services have them do: run a script of the
    image, a hook of git, or a few harmless programs in a row."""
    tree = container.processes
    parent = tree.parent(process)
    below = {child.kind for child in tree.children.get(process.pid, ())}
    if starts_shells_by_trade(service) or below & programs.HARMLESS_GRANDCHILDREN:
        return True
    if parent is not None and parent.kind in programs.RUNS_HOOKS:
        return True
    if process.kind in programs.FILTERS:
        return "/inet/" not in process.written_command
    return harmless.is_harmless(process) or (bool(process.script) and is_of_image(container, process.script))


def _begins_service(container: ContainerEvidence, process: Process) -> bool:
    """Whether this is a start script: begun with the container and the parent of a service itself."""
    children = container.processes.children.get(process.pid, ())
    if not any(container.processes.trade(child) == "service" for child in children):
        return False
    begun, started = process.started, container.started
    return begun is not None and started is not None and abs(begun - started) < _START_UP_SECONDS


def _under_sentence(container: ContainerEvidence, process: Process, service: str, count: int) -> str:
    place = "as a child of" if _is_direct(container.processes, process) else "below"
    more = f" (and {count - 1} more of its kind)" if count > 1 else ""
    command = wording.command_line(list(process.cmdline))
    return f"{_named(process)} runs {place} {wording.plain(service)}: `{command}`{more}."


def _is_direct(tree: ProcessTree, process: Process) -> bool:
    parent = tree.parent(process)
    return parent is not None and tree.trade(parent) == "service"


def _lines(tree: ProcessTree, worst: Process, members: list[Process]) -> list[int]:
    """Lines of the process, its parent, the others of its kind, and what they started."""
    parent = tree.parent(worst)
    lines = [worst.line] + ([parent.line] if parent else [])
    for member in members[:20]:
        lines += [member.line, *(child.line for child in tree.children.get(member.pid, ())[:5])]
    return list(dict.fromkeys(lines))


def _named(process: Process) -> str:
    return f"{wording.plain(process.program, 40)} (PID {process.pid})"
