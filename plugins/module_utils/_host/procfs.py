# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel writes in /proc/PID, parsed. Pure: bytes in, values out (proc(5), fs/proc/array.c)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import text

# The engine's full ID wherever a cgroup driver puts it: /docker/<id>, /system.slice/docker-<id>.scope, …
_CONTAINER_ID = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_STATUS = re.compile(rb"^(Uid|NSpid|CapEff|Seccomp):[ \t]*(.*)$", re.MULTILINE)
_NAMESPACE = re.compile(r"[a-z_]+:\[([0-9]+)\]\Z")
_INODE = re.compile(r"socket:\[([0-9]+)\]\Z")
_MAX_ARGUMENTS = 4096
_MAX_NAMES = 1024


@dataclass(frozen=True)
class Stat:
    """/proc/PID/stat: times are in clock ticks, ``started`` counts from the host's boot."""

    comm: str
    state: str
    ppid: int
    tty: int
    used: int
    started: int


@dataclass(frozen=True)
class Status:
    """/proc/PID/status: the effective user, PIDs from the reader's namespace inwards, effective capabilities."""

    uid: int
    pids: tuple[int, ...]
    capabilities: str
    seccomp: int | None


def parse_stat(raw: bytes) -> Stat:
    """The name may hold blanks and parentheses, so the last closing one ends it. Raises HostError."""
    begin, end = raw.find(b"("), raw.rfind(b")")
    fields = raw[end + 1 :].split()
    if begin < 0 or end < begin or len(fields) < 20:
        raise HostError(f"/proc/PID/stat is not as proc(5) says: {raw[:100]!r}.")
    return Stat(
        comm=text(raw[begin + 1 : end]),
        state=fields[0].decode("ascii", "replace"),
        ppid=int(fields[1]),
        tty=int(fields[4]),
        used=int(fields[11]) + int(fields[12]),
        started=int(fields[19]),
    )


def parse_status(raw: bytes) -> Status:
    """Raises HostError where Uid is missing; kernels without PID namespaces or seccomp leave those out."""
    fields = dict(_STATUS.findall(raw))
    uids = fields.get(b"Uid", b"").split()
    if len(uids) < 2:
        raise HostError("/proc/PID/status has no line Uid.")
    seccomp = fields.get(b"Seccomp")
    return Status(
        uid=int(uids[1]),
        pids=tuple(int(pid) for pid in fields.get(b"NSpid", b"").split()),
        capabilities=fields.get(b"CapEff", b"").decode("ascii", "replace"),
        seccomp=int(seccomp) if seccomp else None,
    )


def container_of(cgroup: bytes) -> str | None:
    """The container's full ID in /proc/PID/cgroup, of version 1 and 2; the outermost where they are nested."""
    match = _CONTAINER_ID.search(cgroup)
    return match.group().decode("ascii") if match else None


def cgroup_paths(cgroup: bytes) -> dict[str, str]:
    """Path by controller of /proc/PID/cgroup; version 2 has the controller ``""`` (cgroups(7))."""
    paths: dict[str, str] = {}
    for line in cgroup.splitlines():
        parts = line.split(b":", 2)
        if len(parts) == 3:
            for controller in parts[1].split(b","):
                paths[controller.decode("ascii", "replace")] = parts[2].decode("utf-8", "surrogateescape")
    return paths


def arguments(cmdline: bytes) -> list[str]:
    """The command line, which a process may rewrite; what it ends with of zeros is dropped."""
    stripped = cmdline.rstrip(b"\0")
    return [text(part) for part in stripped.split(b"\0", _MAX_ARGUMENTS)[:_MAX_ARGUMENTS]] if stripped else []


def environment_names(environ: bytes) -> list[str]:
    """Names of the environment's variables; values are secrets, and stay on the host."""
    names = (part.partition(b"=")[0] for part in environ.split(b"\0", _MAX_NAMES)[:_MAX_NAMES])
    return [text(name[:256]) for name in names if name]


def preloaded(environ: bytes) -> str | None:
    """The libraries that the process loads before all others: the one variable whose value is a path, no secret."""
    at = (b"\0" + environ).find(b"\0LD_PRELOAD=")
    return None if at < 0 else text(environ[at:].partition(b"=")[2].partition(b"\0")[0][:1024])


def namespace_inode(link: str) -> int | None:
    """The inode of a link such as ``net:[4026531840]``."""
    match = _NAMESPACE.match(link)
    return int(match.group(1)) if match else None


def socket_inode(link: str) -> int | None:
    """The inode of a link such as ``socket:[115700]``."""
    match = _INODE.match(link)
    return int(match.group(1)) if match else None


def parse_passwd(raw: bytes) -> dict[int, str]:
    """User name by UID of /etc/passwd; the first line of a UID counts, as for getpwuid(3)."""
    users: dict[int, str] = {}
    for line in raw.splitlines():
        fields = line.split(b":")
        if len(fields) > 2 and fields[2].isdigit():
            users.setdefault(int(fields[2]), text(fields[0]))
    return users
