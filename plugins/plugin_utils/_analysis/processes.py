# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes of a container: who started whom, and what each is by trade. Pure over rows of evidence."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge import programs

Trade = Literal["service", "shell", "interpreter", "network tool", "downloader", "launcher", "other"]

_VERSION = re.compile(r"[-_]?[0-9][0-9.]*$")
_SOCKET = re.compile(r"socket:\[([0-9]{1,20})\]")
_PIPE = re.compile(r"pipe:\[[0-9]{1,20}\]")
_INLINE = re.compile(r"-[A-Za-z]*c")
_CLUSTER = re.compile(r"-[a-z0-9]{1,6}[eE]")  # perl -we
_LONG_INLINE = ("--eval", "--print", "--exec", "--command")
_DELETED = " (deleted)"
_MAX_DEPTH = 64


@dataclass(frozen=True)
class Process:
    """One row of processes.jsonl with its values checked. PIDs are the host's unless they say otherwise."""

    line: int
    pid: int
    ppid: int
    container_pid: int | None
    started: float | None
    comm: str
    cmdline: tuple[str, ...]
    exe: str
    exe_state: str
    stdio: dict[str, str]
    capabilities: int | None
    seccomp: int | None
    in_cgroup: bool
    cwd: str
    preload: str
    on_host_files: bool

    @cached_property
    def program(self) -> str:
        """The name of the executable, of its applet for busybox; comm only where nothing else is known."""
        name = self.exe.removesuffix(_DELETED).rpartition("/")[2]
        if not name or name in programs.MULTICALL:
            first = self.cmdline[0] if self.cmdline else ""
            name = first.lstrip("-").rpartition("/")[2].partition(" ")[0] or name or self.comm
        return name

    @cached_property
    def kind(self) -> str:
        """The program's name without its version: python for python3.11."""
        name = self.program
        known = name in programs.SERVICES or name in programs.LAUNCHERS
        return name if known else _VERSION.sub("", name) or name

    @cached_property
    def written_command(self) -> str:
        return " ".join(self.cmdline)

    def stdio_inodes(self) -> Iterator[tuple[str, int]]:
        """Standard streams that are sockets: their number and the inode."""
        for stream in ("0", "1", "2"):
            match = _SOCKET.fullmatch(self.stdio.get(stream, ""))
            if match:
                yield stream, int(match.group(1))

    def stdio_pipes(self) -> set[str]:
        """Standard streams that are pipes, as the kernel names them."""
        return {target for target in self.stdio.values() if _PIPE.fullmatch(target)}

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """The words after the program's own name, and after that of the applet for busybox."""
        named = bool(self.cmdline) and self.cmdline[0].rpartition("/")[2] in programs.MULTICALL
        return self.cmdline[2 if named else 1 :]

    @property
    def awaits_commands(self) -> bool:
        """Of a shell: whether it reads commands from its input, having been given neither a script nor any."""
        return bool(self.cmdline) and not any(
            not word.startswith(("-", "+")) or _INLINE.fullmatch(word) for word in self.arguments
        )

    @cached_property
    def script(self) -> str:
        """The file that a shell or an interpreter was told to run, by its whole path where that is known."""
        if self.kind not in programs.RUN_SCRIPTS:
            return ""
        leading = list(itertools.takewhile(lambda word: word.startswith(("-", "+")), self.arguments))
        name = self.arguments[len(leading)] if len(leading) < len(self.arguments) else ""
        instead = programs.NO_SCRIPT.get(self.kind, "c")
        if any(set(word[1:]) & set(instead) for word in leading if word[1:2] != "-"):
            return ""
        if not name or any(word in _LONG_INLINE for word in leading):
            return ""
        if name.startswith("/"):
            return name
        return f"{self.cwd.rstrip('/')}/{name.removeprefix('./')}" if self.cwd else ""

    def runs_inline_code(self) -> bool:
        """Whether the interpreter was given its program on the command line."""
        flags = programs.INLINE_FLAGS.get(self.kind, ())
        words = self.cmdline[1:5] if flags else ()
        return any(word.startswith(flags) or _CLUSTER.fullmatch(word) for word in words)


def parse_process(line: int, row: dict[str, Any]) -> Process | None:
    """The process of a row, None when it has no PID."""
    pid, ppid = values.integer(row.get("pid")), values.integer(row.get("ppid"))
    if pid is None or ppid is None:
        return None
    exe = values.record(row.get("exe"))
    stdio = values.record(row.get("stdio"))
    mask = values.text(row.get("capabilities"), 32)
    return Process(
        line=line,
        pid=pid,
        ppid=ppid,
        container_pid=values.integer(row.get("container_pid")),
        started=values.moment(row.get("started")),
        comm=values.text(row.get("comm"), 64),
        cmdline=tuple(values.texts(row.get("cmdline"), 64)),
        exe=values.text(exe.get("path")),
        exe_state=values.text(exe.get("state"), 16),
        stdio={key: target for key, target in list(stdio.items())[:16] if isinstance(target, str)},
        capabilities=int(mask, 16) if re.fullmatch(r"(?:0x)?[0-9a-fA-F]{1,16}", mask) else None,
        seccomp=values.integer(row.get("seccomp")),
        # Only what is said to be outside is: older evidence does not say.
        in_cgroup=row.get("in_cgroup") is not False,
        cwd=values.text(row.get("cwd")),
        preload=values.text(row.get("preload")),
        on_host_files=row.get("on_host_files") is True,
    )


class ProcessTree:
    """All processes of one container. `listening` holds PIDs with a listening network socket."""

    def __init__(self, processes: Iterable[Process], listening: frozenset[int]) -> None:
        self.by_pid = {process.pid: process for process in processes}
        self._listening = listening

    def __iter__(self) -> Iterator[Process]:
        return iter(self.by_pid.values())

    @cached_property
    def children(self) -> dict[int, list[Process]]:
        """Children by the PID of their parent."""
        found: dict[int, list[Process]] = {}
        for process in self:
            if process.ppid != process.pid:
                found.setdefault(process.ppid, []).append(process)
        return found

    def parent(self, process: Process) -> Process | None:
        """None where the parent is outside: the engine's shim, for PID 1, `docker exec` and health checks."""
        return self.by_pid.get(process.ppid) if process.ppid != process.pid else None

    def ancestors(self, process: Process) -> Iterator[Process]:
        """From the parent up to the first process of the container; ends also when the rows form a loop."""
        current = self.parent(process)
        for _dummy in range(_MAX_DEPTH):
            if current is None or current.pid == process.pid:
                return
            yield current
            current = self.parent(current)

    def is_engine_start(self, process: Process) -> bool:
        """Whether this is runc on its way to become the container's program, from a sealed copy of itself in
        memory. Its parent is outside, which a program inside cannot bring about unless it shares the host's
        PIDs."""
        own_copy = process.exe.startswith(("/memfd:runc_cloned", "memfd:runc_cloned"))
        return self.parent(process) is None and (own_copy or process.cmdline[1:2] == ("init",))

    def trade(self, process: Process) -> Trade:
        """What the process is by trade."""
        kind = process.kind
        if kind in programs.LAUNCHERS or _script(process) in programs.LAUNCHERS:
            return "launcher"
        if kind in programs.SHELLS:
            return "shell"
        if kind in programs.NETWORK_TOOLS:
            return "network tool"
        if kind in programs.DOWNLOADERS:
            return "downloader"
        if kind in programs.SERVICES or self._serves(process):
            return "service"
        return "interpreter" if kind in programs.INTERPRETERS else "other"

    def _serves(self, process: Process) -> bool:
        """Whether a program that may be anything answers the network: it says so, or it listens."""
        words = programs.SERVICE_WORDS.get(process.kind)
        if words is not None and any(word in process.written_command for word in words):
            return True
        return process.pid in self._listening


def _script(process: Process) -> str:
    """What an interpreter was told to run: supervisord is written in Python."""
    if process.kind not in programs.INTERPRETERS or len(process.cmdline) < 2:
        return ""
    return process.cmdline[1].rpartition("/")[2]


def is_declared(tree: ProcessTree, process: Process) -> bool:
    """Whether the container was made to run this: it is its first program, or a copy that one made of itself."""
    if process.exe_state != "image":
        return False
    lineage = [process, *tree.ancestors(process)]
    return lineage[-1].container_pid == 1 and all(one.kind == process.kind for one in lineage)


def service_name(process: Process) -> str:
    """What people call the service."""
    return programs.SERVICES.get(process.kind, process.kind)


def starts_shells_by_trade(process: Process) -> bool:
    """Whether the service is one of those that run shells for a living, such as npm or Jenkins."""
    command = process.written_command
    if any(mark in command for mark in programs.LAUNCHER_MARKS):
        return True
    words = {word.rpartition("/")[2].removesuffix(".js") for word in command[:2000].split()[:8]}
    return not words.isdisjoint(programs.LAUNCHER_WORDS)
