# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's own answers about network namespaces: the number it gives one in another, and its links.

Links are read by the host's ``ip``, in the namespace of a process but with the host's files, so that nothing a
container could forge is read: sysfs through nsenter would be the host's, and the container's is not trusted.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Callable, Mapping, Sequence, Tuple

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError

from .links import Link, parse_links

# One execution for all namespaces. PIDs are arguments, never text of the script.
_SCRIPT = """
ip -j -d address || exit 3
for pid in "$@"; do
    printf '\\n@%s\\n' "$pid"
    nsenter -t "$pid" -n ip -j -d address
done
"""
Run = Callable[[Sequence[str]], Tuple[int, str, str]]

# Numbers of rtnetlink.h and net_namespace.h in include/uapi/linux.
_RTM_NEWNSID = 88
_RTM_GETNSID = 90
_NETNSA_NSID = 1
_NETNSA_PID = 2


def read_links(run: Run, pids: Sequence[int]) -> tuple[list[Link], dict[int, list[Link]]]:
    """The host's links, and those of the namespace of each process that could still be entered.

    ``run`` executes a command on the host and returns its code, output and errors. Raises HostError where the
    host has no ip, or an old one without -j.
    """
    code, output, errors = run(["sh", "-c", _SCRIPT, "sh", *map(str, pids)])
    blocks = output.split("\n@")
    if code == 3 or not blocks[0].strip():
        raise HostError(
            f"Links cannot be read: ip -j -d address failed on the host ({errors.strip()[:300]})."
            " It needs iproute2 4.18 or later."
        )
    links: dict[int, list[Link]] = {}
    for block in blocks[1:]:
        pid, _newline, document = block.partition("\n")
        if document.strip():
            links[int(pid)] = parse_links(_decoded(document))
    return parse_links(_decoded(blocks[0])), links


def _decoded(document: str) -> object:
    try:
        return json.loads(document)
    except ValueError as exc:
        raise HostError(f"ip -j -d address printed no JSON: {document[:200]!r}.") from exc


def netnsids(pids: Sequence[int]) -> dict[int, int]:
    """The number by which the namespace we are in knows that of each process, -1 where it has none.

    Asked of the kernel by RTM_GETNSID; a process that is gone is left out, and all are where it is not answered.
    """
    try:
        channel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    except OSError:
        return {}
    found: dict[int, int] = {}
    with channel:
        channel.settimeout(1.0)
        for sequence, pid in enumerate(pids, 1):
            number = _netnsid(channel, sequence, pid)
            if number is not None:
                found[pid] = number
    return found


def _netnsid(channel: socket.socket, sequence: int, pid: int) -> int | None:
    try:
        channel.send(question(sequence, pid))
        while True:
            reply = channel.recv(8192)
            if len(reply) >= 16 and struct.unpack_from("=I", reply, 8)[0] == sequence:
                return answer(reply)
    except OSError:
        return None


def question(sequence: int, pid: int) -> bytes:
    """RTM_GETNSID for the network namespace of a process, in the kernel's byte order."""
    body = struct.pack("=B3x", socket.AF_UNSPEC) + struct.pack("=HHI", 8, _NETNSA_PID, pid)
    return struct.pack("=IHHII", 16 + len(body), _RTM_GETNSID, 1, sequence, 0) + body


def answer(reply: bytes) -> int | None:
    """The number in a reply; null for an error, such as that of a process that is gone."""
    _length, kind = struct.unpack_from("=IH", reply)
    if kind != _RTM_NEWNSID:
        return None
    at = 20
    while at + 8 <= len(reply):
        size, name = struct.unpack_from("=HH", reply, at)
        if name == _NETNSA_NSID:
            return int(struct.unpack_from("=i", reply, at + 4)[0])
        at += max(4, (size + 3) & ~3)
    return None


def owners(processes: Mapping[int, int]) -> dict[int, int]:
    """One PID for each network namespace, from namespace by PID."""
    chosen: dict[int, int] = {}
    for pid, namespace in sorted(processes.items()):
        chosen.setdefault(namespace, pid)
    return chosen
