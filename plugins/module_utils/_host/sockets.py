# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets of a network namespace from /proc/PID/net. Pure (net/ipv4/tcp_ipv4.c, udp.c: get_tcp4_sock and kin)."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Iterator

PROTOCOLS = ("tcp", "tcp6", "udp", "udp6")
# include/net/tcp_states.h; an unconnected UDP socket is in state 7, which ss calls UNCONN.
_STATES = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSE",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
    12: "NEW_SYN_RECV",
}


@dataclass(frozen=True)
class Socket:
    """One line of a socket table; ``inode`` is 0 where no process holds it any more (TIME_WAIT)."""

    protocol: str
    state: str
    local_address: str
    local_port: int
    remote_address: str
    remote_port: int
    uid: int
    inode: int


def in_use(sockstat: bytes, sockstat6: bytes) -> dict[str, int]:
    """How many lines each table of a namespace has at most, by its /proc/PID/net/sockstat and sockstat6.

    To print a TCP table the kernel walks the hash table of all namespaces, 6 ms on a host with 24 GB, even for
    a namespace that has no socket at all. What is waiting in TIME_WAIT is counted for both families together.
    """
    counts = dict.fromkeys(PROTOCOLS, 0)
    for line in (sockstat + b"\n" + sockstat6).splitlines():
        fields = line.split()
        protocol = fields[0].rstrip(b":").lower().decode("ascii", "replace") if fields else ""
        if protocol not in counts:
            continue
        numbers = dict(zip(fields[1::2], fields[2::2]))
        counts[protocol] += int(numbers.get(b"inuse", 0))
        waiting = int(numbers.get(b"tw", 0))
        if protocol == "tcp":
            counts["tcp"] += waiting
            counts["tcp6"] += waiting
    return counts


@lru_cache(maxsize=4096)
def address(hexadecimal: bytes) -> str:
    """An address as the kernel prints it: 32-bit words in the host's byte order. Raises ValueError."""
    words = [int(hexadecimal[at : at + 8], 16) for at in range(0, len(hexadecimal), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words))


def parse_sockets(raw: bytes, protocol: str) -> Iterator[Socket]:
    """The lines below the heading; one that is cut or not as expected is passed over."""
    for line in raw.splitlines()[1:]:
        fields = line.split(None, 10)
        try:
            local, _colon, local_port = fields[1].partition(b":")
            remote, _colon, remote_port = fields[2].partition(b":")
            number = int(fields[3], 16)
            udp_idle = number == 7 and protocol.startswith("udp")
            yield Socket(
                protocol=protocol,
                state="UNCONN" if udp_idle else _STATES.get(number, str(number)),
                local_address=address(local),
                local_port=int(local_port, 16),
                remote_address=address(remote),
                remote_port=int(remote_port, 16),
                uid=int(fields[7]),
                inode=int(fields[9]),
            )
        except (IndexError, ValueError, struct.error):
            continue
