# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One pass over /proc: the processes of containers, with the sockets and mounts of their namespaces.

A process is read through the handle of its /proc folder, so that a PID used again cannot mix two processes,
and nothing of it is executed or followed: links are read, not walked.
"""

from __future__ import annotations

import os
import stat as stat_module
from dataclasses import dataclass, field
from typing import Callable

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError, describe

from . import guarded
from .mounts import Mount, parse_mountinfo
from .procfs import (
    Stat,
    Status,
    arguments,
    container_of,
    environment_names,
    namespace_inode,
    parse_stat,
    parse_status,
    preloaded,
    socket_inode,
)
from .sockets import PROTOCOLS, Socket, in_use, parse_sockets

_SMALL = 1 << 20
_COMMAND_BYTES = 32768
_ENVIRONMENT_BYTES = 262144
_SOCKET_TABLE_BYTES = 16 << 20
_MOUNTINFO_BYTES = 4 << 20
_MAX_FDS = 8192
_MAX_FILES = 256
_DULL = frozenset(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom"))
# Stands for a link that this user may not read; no target of a link is empty.
DENIED = ""
_DENIED_NOTE = "this user may not read all of the processes of others; use become"
PATIENCE = 2.0  # seconds for one process


@dataclass
class Process:
    """A process of a container as the kernel shows it; ``key`` numbers are inodes of its namespaces."""

    pid: int
    container_id: str | None
    stat: Stat
    status: Status
    cgroup: bytes
    pid_namespace: int
    net_namespace: int
    mount_namespace: int
    cmdline: list[str]
    environment: list[str]
    cwd: str | None
    exe: str | None
    stdio: dict[str, str] = field(default_factory=dict)
    files: list[dict[str, object]] = field(default_factory=list)
    sockets: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    preload: str | None = None


@dataclass
class Snapshot:
    """What one pass found. ``vanished`` counts processes that ended meanwhile; ``notes`` says what was not read."""

    processes: list[Process] = field(default_factory=list)
    mounts: dict[int, list[Mount]] = field(default_factory=dict)
    sockets: dict[int, list[Socket]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    own_pid_namespace: int | None = None
    own_net_namespace: int | None = None
    own_mount_namespace: int | None = None
    vanished: int = 0

    def of(self, container_id: str, init_pid: int) -> list[Process]:
        """A container's processes: by its cgroup, or by its PID namespace where they left the cgroup."""
        found = [process for process in self.processes if process.container_id == container_id]
        inner = {process.pid_namespace for process in self.processes if process.pid == init_pid}
        inner.discard(self.own_pid_namespace or 0)
        strays = [
            process
            for process in self.processes
            if process.container_id is None and process.pid_namespace in inner
        ]
        return found + strays


def read_snapshot(root: str = "/proc") -> Snapshot:
    """Raises HostError where there is no process file system at ``root``."""
    snapshot = Snapshot()
    try:
        pids = sorted(int(name) for name in os.listdir(root) if name.isdigit())  # noqa: PTH208
    except OSError as exc:
        raise HostError(f"{root} cannot be read: {describe(exc)}. Is it mounted, and are you root?") from exc
    snapshot.own_pid_namespace = _own(root, "pid")
    snapshot.own_net_namespace = _own(root, "net")
    snapshot.own_mount_namespace = _own(root, "mnt")
    answers = guarded.each(pids, lambda pid: _read(root, pid, snapshot), PATIENCE)
    for answer in answers:
        if answer.stuck:
            snapshot.notes.append(
                f"process {answer.item} did not let itself be read within {PATIENCE:g} s and was left out"
            )
        elif isinstance(answer.error, (FileNotFoundError, ProcessLookupError)):
            snapshot.vanished += 1
        elif answer.error is not None:
            snapshot.notes.append(f"process {answer.item} could not be read: {describe(answer.error)}")
        elif answer.result is not None:
            snapshot.processes.append(answer.result)
    snapshot.notes = list(dict.fromkeys(snapshot.notes))
    return snapshot


def _own(root: str, kind: str) -> int | None:
    try:
        return namespace_inode(os.readlink(f"{root}/self/ns/{kind}"))
    except OSError:
        return None


def read_all(name: str, folder: int | None, bound: int) -> bytes:
    """A file up to ``bound`` bytes; what lies beyond is left. Raises OSError."""
    handle = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        block = os.read(handle, min(bound, 65536))
        if not block:
            return block
        blocks = [block]
        size = len(block)
        while size < bound:
            block = os.read(handle, min(bound - size, 65536))
            if not block:
                break
            blocks.append(block)
            size += len(block)
        return b"".join(blocks)
    finally:
        os.close(handle)


def _if_there(name: str, folder: int) -> bytes:
    try:
        return read_all(name, folder, _SMALL)
    except FileNotFoundError:
        return b""


def _link(name: str, folder: int) -> str | None:
    try:
        return os.readlink(name, dir_fd=folder)
    except FileNotFoundError:
        return None
    except PermissionError:
        return DENIED


def _read(root: str, pid: int, snapshot: Snapshot) -> Process | None:
    """One process, or null where it belongs to no container."""
    folder = os.open(f"{root}/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        cgroup = read_all("cgroup", folder, _SMALL)
        container_id = container_of(cgroup)
        pid_namespace = namespace_inode(_link("ns/pid", folder) or "") or 0
        nested = pid_namespace not in (0, snapshot.own_pid_namespace)
        if container_id is None and not nested:
            return None
        process = Process(
            pid=pid,
            container_id=container_id,
            stat=parse_stat(read_all("stat", folder, _SMALL)),
            status=parse_status(read_all("status", folder, _SMALL)),
            cgroup=cgroup,
            pid_namespace=pid_namespace,
            net_namespace=namespace_inode(_link("ns/net", folder) or "") or 0,
            mount_namespace=namespace_inode(_link("ns/mnt", folder) or "") or 0,
            cmdline=[],
            environment=[],
            cwd=_link("cwd", folder) or None,
            exe=_link("exe", folder),
        )
        if process.exe == DENIED:
            process.notes.append(_DENIED_NOTE)
        for read in (_read_namespaces, _read_files, _read_texts):
            _where_allowed(read, process, folder, snapshot)
        return process
    finally:
        os.close(folder)


def _where_allowed(
    read: Callable[[Process, int, Snapshot], None], process: Process, folder: int, snapshot: Snapshot
) -> None:
    try:
        read(process, folder, snapshot)
    except PermissionError:
        process.notes.append(_DENIED_NOTE)


def _read_texts(process: Process, folder: int, _snapshot: Snapshot) -> None:
    raw = read_all("cmdline", folder, _COMMAND_BYTES)
    process.cmdline = arguments(raw)
    if len(raw) == _COMMAND_BYTES:
        process.notes.append(f"process {process.pid}: its command line is cut at {_COMMAND_BYTES} bytes")
    raw = read_all("environ", folder, _ENVIRONMENT_BYTES)
    process.environment = environment_names(raw)
    process.preload = preloaded(raw)
    if len(raw) == _ENVIRONMENT_BYTES:
        process.notes.append(f"process {process.pid}: its environment is cut at {_ENVIRONMENT_BYTES} bytes")


def _read_namespaces(process: Process, folder: int, snapshot: Snapshot) -> None:
    """Mounts and sockets, once for each namespace."""
    if process.mount_namespace and process.mount_namespace not in snapshot.mounts:
        snapshot.mounts[process.mount_namespace] = parse_mountinfo(
            read_all("mountinfo", folder, _MOUNTINFO_BYTES)
        )
    namespace = process.net_namespace
    if not namespace or namespace in snapshot.sockets:
        return
    sockets: list[Socket] = []
    counts = in_use(read_all("net/sockstat", folder, _SMALL), _if_there("net/sockstat6", folder))
    for protocol in PROTOCOLS:
        if not counts[protocol]:
            continue
        try:
            raw = read_all(f"net/{protocol}", folder, _SOCKET_TABLE_BYTES)
        except FileNotFoundError:  # a kernel without IPv6
            continue
        if len(raw) == _SOCKET_TABLE_BYTES:
            snapshot.notes.append(f"the {protocol} table of namespace {namespace} is cut at 16 MiB")
        sockets.extend(parse_sockets(raw, protocol))
    snapshot.sockets[namespace] = sockets


def _read_files(process: Process, folder: int, _snapshot: Snapshot) -> None:
    """Standard streams, sockets, and the open files that matter: deleted, in memory, open for writing."""
    handle = os.open("fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        names = os.listdir(handle)  # noqa: PTH208
        for name in names[:_MAX_FDS]:
            target = _link(name, handle)
            if target:
                _sort_file(process, name, target, handle)
    finally:
        os.close(handle)
    if len(names) > _MAX_FDS:
        process.notes.append(f"process {process.pid}: {_MAX_FDS} of its {len(names)} open files were read")
    if len(process.files) == _MAX_FILES:
        process.notes.append(f"process {process.pid}: {_MAX_FILES} of its open files are listed")


def _sort_file(process: Process, name: str, target: str, handle: int) -> None:
    inode = socket_inode(target)
    if inode is not None:
        process.sockets.append(inode)
    if name in ("0", "1", "2"):
        process.stdio[name] = target
    if len(process.files) < _MAX_FILES and (inode is not None or _matters(name, target, handle)):
        process.files.append({"fd": int(name), "target": target})


def _matters(name: str, target: str, handle: int) -> bool:
    if not target.startswith("/") or target in _DULL:
        return False
    if target.endswith(" (deleted)"):
        return True
    try:
        # The link's own mode says how the file is open (fs/proc/fd.c tid_fd_update_inode).
        mode = os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return False
    return bool(mode & stat_module.S_IWUSR)
