# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a container's processes are on this host: by /proc alone, and certain of whose they are.

A PID may have been given away again since the engine told it, and an engine reached over TCP may be another
host's: a PID counts only while its cgroup carries the container's full ID.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Iterator

from ansible_collections.cordon.docker.plugins.module_utils._host.procfs import cgroup_paths, container_of

PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")


def belongs(pid: int, container: str) -> bool:
    """Whether the process is the container's, by the kernel's word."""
    return pid > 0 and container_of(_cgroup(pid)) == container


def namespace_of(pid: int, container: str) -> int | None:
    """The inode of the network namespace of the container's process; None where it is gone or not its own."""
    with opened(pid, container) as found:
        return None if found is None else found[1]


@contextlib.contextmanager
def opened(pid: int, container: str) -> Iterator[tuple[str, int] | None]:
    """A path by which to enter the container's network namespace, and its inode.

    The namespace is held open meanwhile: whatever becomes of the PID, the path leads nowhere else.
    """
    try:
        handle = os.open(PROC / str(pid) / "ns" / "net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        # Asked after opening: had the PID been another's by then, its cgroup would be too.
        if belongs(pid, container):
            yield f"/proc/{os.getpid()}/fd/{handle}", os.fstat(handle).st_ino
        else:
            yield None
    finally:
        os.close(handle)


def own_namespace() -> int:
    """The inode of the network namespace we are in, which is the host's."""
    return (PROC / "self" / "ns" / "net").stat().st_ino


def cgroup_of(pid: int, container: str) -> tuple[str, int] | None:
    """The path of the container's cgroup of version 2 below its mount, and its depth, where it is its own."""
    path = cgroup_paths(_cgroup(pid)).get("", "").strip("/")
    parts = path.split("/")
    if container not in parts[-1]:
        # A process moved into a group below: the container's own is the one that carries its ID.
        named = [number for number, part in enumerate(parts) if container in part]
        if not named:
            return None
        parts = parts[: named[0] + 1]
    own = cgroup_paths(_cgroup(os.getpid())).get("", "").strip("/")
    if f"{own}/".startswith("/".join(parts) + "/"):
        return None
    return "/".join(parts), len(parts)


def unified_mount() -> str | None:
    """Where version 2 lies below /sys/fs/cgroup, which is where nft looks paths up; None for nowhere."""
    for line in (PROC / "self" / "mountinfo").read_text().splitlines():
        fields, _dummy, kind = line.partition(" - ")
        mount = fields.split(" ")
        if kind.startswith("cgroup2 ") and len(mount) > 4 and mount[3] == "/":
            path = Path(mount[4])
            if path == _CGROUPS:
                return ""
            if path.parent == _CGROUPS:
                return path.name
    return None


def processes(container: str) -> tuple[int, ...]:
    """The PIDs of all processes in the container's cgroup, and in those below it."""
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    return tuple(sorted(pid for pid in pids if belongs(pid, container) and not _zombie(pid)))


def frozen(pid: int) -> bool | None:
    """Whether the kernel holds the process frozen; None where this host does not tell."""
    paths = cgroup_paths(_cgroup(pid))
    if "freezer" in paths:
        state = _read(_CGROUPS / "freezer" / paths["freezer"].strip("/") / "freezer.state")
        return None if state is None else state.strip() == b"FROZEN"
    if "" in paths:
        events = _read(_CGROUPS / paths[""].strip("/") / "cgroup.events")
        return None if events is None or b"frozen" not in events else b"frozen 1" in events
    return None


def processor_time(pid: int) -> str | None:
    """What the container's processes used of the processor so far, to the smallest unit the kernel counts.

    A frozen container uses none, and one that was thawed in between did nothing unless it used some.
    """
    paths = cgroup_paths(_cgroup(pid))
    if "cpuacct" in paths:
        usage = _read(_CGROUPS / "cpuacct" / paths["cpuacct"].strip("/") / "cpuacct.usage")
    else:
        stat = _read(_CGROUPS / paths.get("", "").strip("/") / "cpu.stat") or b""
        usage = next((line for line in stat.splitlines() if line.startswith(b"usage_usec")), None)
    return usage.decode("ascii", "replace").strip() if usage else None


def _zombie(pid: int) -> bool:
    stat = _read(PROC / str(pid) / "stat") or b""
    return stat[stat.rfind(b")") + 1 :].split()[:1] == [b"Z"]


def _cgroup(pid: int) -> bytes:
    return _read(PROC / str(pid) / "cgroup") or b""


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
