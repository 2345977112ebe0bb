# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel tells of a container: processes, sockets, top, links and stats as evidence. No calls."""

from __future__ import annotations

import os
import time
from typing import Any, Iterator, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._evidence.content import (
    Content,
    Missing,
    document,
    rows,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc
from ansible_collections.cordon.docker.plugins.module_utils._host.executables import Executable
from ansible_collections.cordon.docker.plugins.module_utils._host.links import (
    Link,
    host_peer,
    link_row,
    network_mode,
)
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import Process, Snapshot

from .subject import Subject

_TICKS = os.sysconf("SC_CLK_TCK")
_TOP_TITLES = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]


class KernelView:
    """The snapshot, read as evidence. ``booted`` is in seconds since 1970, ``users`` are names by UID."""

    def __init__(self, snapshot: Snapshot, booted: float, users: Mapping[int, str]) -> None:
        self._snapshot = snapshot
        self._booted = booted
        self._users = users
        self._holders: dict[int, Process] = {}
        for process in snapshot.processes:
            for inode in process.sockets:
                self._holders.setdefault(inode, process)

    def processes(self, subject: Subject) -> Content:
        if not subject.processes:
            return subject.without_processes()
        notes = list(dict.fromkeys(note for process in subject.processes for note in process.notes))[:20]
        notes += self._snapshot.notes
        return rows((self.process_row(subject, process) for process in subject.processes), notes)

    def process_row(self, subject: Subject, process: Process) -> dict[str, Any]:
        """A row of processes.jsonl."""
        exe: Executable | None = subject.executables.get(process.pid)
        return {
            "pid": process.pid,
            "container_pid": process.status.pids[-1] if process.status.pids else None,
            "ppid": process.stat.ppid,
            "started": utc(self._booted + process.stat.started / _TICKS),
            "uid": process.status.uid,
            "user": self._users.get(process.status.uid),
            "comm": process.stat.comm,
            "cmdline": process.cmdline,
            "cwd": process.cwd,
            "env_names": process.environment,
            "preload": process.preload,
            "state": process.stat.state,
            "exe": exe.to_json() if exe else None,
            "stdio": process.stdio,
            "files": process.files,
            "sockets": process.sockets,
            "capabilities": process.status.capabilities,
            "seccomp": process.status.seccomp,
            "in_cgroup": process.container_id == subject.ref.id,
            "on_host_files": self._on_host_files(process),
            "pid_namespace": process.pid_namespace,
            "net_namespace": process.net_namespace,
        }

    def _on_host_files(self, process: Process) -> bool | None:
        """Whether it sees the host's file system as the host does; null where that is not known."""
        own = self._snapshot.own_mount_namespace
        return process.mount_namespace == own if own and process.mount_namespace else None

    def sockets(self, subject: Subject) -> Content:
        """Of the host's own namespace only those that a process of the container holds."""
        if not subject.processes:
            return subject.without_processes()
        if not any(process.net_namespace for process in subject.processes):
            return Missing("This user may not look into the network namespace of the container; use become.")
        return rows(self.socket_rows(subject), list(self._snapshot.notes))

    def socket_rows(self, subject: Subject) -> Iterator[dict[str, Any]]:
        """Rows of sockets.jsonl."""
        own = {process.pid for process in subject.processes}
        for namespace in dict.fromkeys(process.net_namespace for process in subject.processes):
            shared = namespace == self._snapshot.own_net_namespace
            for socket in self._snapshot.sockets.get(namespace, ()):
                holder = self._holders.get(socket.inode) if socket.inode else None
                if shared and (holder is None or holder.pid not in own):
                    continue
                yield {
                    "net_namespace": namespace,
                    "protocol": socket.protocol,
                    "state": socket.state,
                    "local_address": socket.local_address,
                    "local_port": socket.local_port,
                    "remote_address": socket.remote_address,
                    "remote_port": socket.remote_port,
                    "inode": socket.inode,
                    "uid": socket.uid,
                    "pid": holder.pid if holder else None,
                    "process": holder.stat.comm if holder else None,
                }

    def top(self, subject: Subject, now: float) -> Content:
        """The rows of ``ps -ef`` that docker top shows, from the same snapshot, so that nothing is started."""
        if not subject.processes:
            return subject.without_processes()
        lines = [self._top_row(process, now) for process in subject.processes]
        return document({"Titles": _TOP_TITLES, "Processes": lines, "source": "kernel"})

    def _top_row(self, process: Process, now: float) -> list[str]:
        started = self._booted + process.stat.started / _TICKS
        used = process.stat.used / _TICKS
        share = used / max(now - started, 1 / _TICKS) * 100
        command = " ".join(process.cmdline) or f"[{process.stat.comm}]"
        return [
            self._users.get(process.status.uid, str(process.status.uid)),
            str(process.pid),
            str(process.stat.ppid),
            str(min(99, int(share))),
            started_at(started, now),
            terminal(process.stat.tty),
            clock(int(used)),
            command,
        ]


def started_at(started: float, now: float) -> str:
    """ps's STIME in the host's zone: the time of today, else the day, else the year."""
    then, today = time.localtime(started), time.localtime(now)
    if then.tm_year != today.tm_year:
        return time.strftime("%Y", then)
    return time.strftime("%H:%M" if then.tm_yday == today.tm_yday else "%b%d", then)


def clock(seconds: int) -> str:
    """ps's TIME."""
    days, rest = divmod(seconds, 86400)
    text = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    return f"{days}-{text}" if days else text


def terminal(number: int) -> str:
    """ps's TTY of a device number as /proc/PID/stat has it (include/linux/kdev_t.h new_encode_dev)."""
    major, minor = (number >> 8) & 0xFFF, (number & 0xFF) | ((number >> 12) & 0xFFF00)
    if number == 0:
        return "?"
    if 136 <= major <= 143:
        return f"pts/{(major - 136) * 256 + minor}"
    return f"tty{minor}" if major == 4 and minor < 64 else f"{major}:{minor}"


def links(
    subject: Subject,
    known: Mapping[str, str],
    own_namespace: int | None,
    host_links: list[Link],
    by_namespace: Mapping[int, list[Link]],
    netnsids: Mapping[int, int],
) -> Content:
    """links.json. ``known`` maps names and IDs of containers to IDs; ``netnsids`` are by namespace."""
    mode = network_mode(str((subject.inspect.get("HostConfig") or {}).get("NetworkMode") or ""), known)
    init = subject.init
    if init is None:
        return subject.without_processes()
    namespace = init.net_namespace
    if namespace == own_namespace:
        return document({"net_namespace": namespace, "mode": "host", "links": []})
    found = by_namespace.get(namespace)
    if found is None:
        return Missing(
            f"The network namespace {namespace} could not be entered: its processes have ended, or"
            " this user may not."
        )
    netnsid = netnsids.get(namespace)
    entries = [link_row(link, host_peer(link, host_links, netnsid)) for link in found]
    return document({"net_namespace": namespace, "mode": mode, "links": entries})
