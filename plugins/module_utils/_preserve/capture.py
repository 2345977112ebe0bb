# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a container sends and receives for some seconds, taken at the host's end of its link, as a pcap file.

Nothing enters the container's namespace, and nothing is installed: the kernel hands packets to a socket of ours
(packet(7)). The file is that of libpcap with nanoseconds, which tcpdump and Wireshark read.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from typing import Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError, describe
from ansible_collections.cordon.docker.plugins.module_utils._host.links import Peer, host_peer
from ansible_collections.cordon.docker.plugins.module_utils._host.netns import netnsids, read_links
from ansible_collections.cordon.docker.plugins.module_utils._triage.subject import Subject

from .notes import Notes
from .view import Product, View, item, outcome

_MAGIC = 0xA1B23C4D  # nanoseconds, in the byte order of this machine
_ETHERNET = 1
_SNAP = 262_144
_BUFFER = 8 << 20
_EVERY_PROTOCOL = 0x0003  # ETH_P_ALL
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_SO_TIMESTAMPNS = 35  # include/uapi/asm-generic/socket.h; x86 and ARM among others
_SO_RCVBUFFORCE = 33
_WAIT = 0.2  # seconds


def capture(view: View, subject: Subject) -> Iterator[Product]:
    """A file for each link of the container that has its other end on the host."""
    init = subject.init
    if init is None:
        yield outcome("capture", subject.ref, subject.without_processes().reason)
        return
    if init.net_namespace == view.snapshot.own_net_namespace:
        yield outcome(
            "capture", subject.ref, "The container uses the host's network: it has no link of its own."
        )
        return
    peers = _peers(view, init.pid)
    if not peers:
        reason = "No link of the container has its other end in the host's network namespace."
        yield outcome("capture", subject.ref, reason)
    for shown, peer in peers:
        yield _item(view, subject, shown, peer)


def _peers(view: View, pid: int) -> list[tuple[str, Peer]]:
    host_links, by_pid = read_links(view.host.run, [pid])
    number = netnsids([pid]).get(pid)
    found = [(link.name, host_peer(link, host_links, number)) for link in by_pid.get(pid, [])]
    return [(name, peer) for name, peer in found if peer is not None]


def _item(view: View, subject: Subject, shown: str, peer: Peer) -> Product:
    seconds, bound = view.choice.capture_seconds, view.choice.capture_bytes

    def read(notes: Notes) -> Iterator[bytes]:
        return packets(peer.name, seconds, bound, notes)

    note = f"{seconds} s at {peer.name}, the host's end of the container's {shown}."
    return item("capture", subject.ref, f"capture-{peer.index}.pcap", read, note=note)


def packets(link: str, seconds: float, bound: int, notes: Notes) -> Iterator[bytes]:
    """The capture of a link as it happens. Raises HostError where this user may not, or the link is gone."""
    with _socket(link) as channel:
        yield struct.pack("=IHHiIII", _MAGIC, 2, 4, 0, 0, _SNAP, _ETHERNET)
        ends, size = time.monotonic() + seconds, 24
        while time.monotonic() < ends:
            record = _record(channel)
            if record is None:
                continue
            size += len(record)
            if size > bound:
                notes.add(f"the capture is cut at {bound} bytes (capture_bytes)")
                break
            yield record
        lost = _lost(channel)
        if lost:
            notes.add(f"the kernel dropped {lost} packets: they came quicker than they were stored")


def _socket(link: str) -> socket.socket:
    try:
        channel = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    except PermissionError as exc:
        raise HostError("This user may not capture packets; use become.") from exc
    try:
        channel.settimeout(_WAIT)
        channel.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        _enlarge(channel)
        # Only now does it receive, and only from this link.
        channel.bind((link, _EVERY_PROTOCOL))
    except OSError as exc:
        channel.close()
        raise HostError(f"Packets cannot be captured at {link}: {describe(exc)}.") from exc
    return channel


def _enlarge(channel: socket.socket) -> None:
    try:
        channel.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    except OSError:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)


def _record(channel: socket.socket) -> bytes | None:
    try:
        data, ancillary, flags, _address = channel.recvmsg(_SNAP, 256)
    except socket.timeout:
        return None
    except OSError as exc:
        raise HostError(f"The link went away while packets were captured: {describe(exc)}.") from exc
    seconds, nanoseconds = _when(ancillary)
    del flags
    return struct.pack("=IIII", seconds & 0xFFFFFFFF, nanoseconds, len(data), len(data)) + data


def _when(ancillary: list[tuple[int, int, bytes]]) -> tuple[int, int]:
    """When the kernel had the packet; now, where it does not tell."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= 16:
            seconds, nanoseconds = struct.unpack_from("=qq", data)
            return seconds, nanoseconds
    now = time.time_ns()
    return now // 10**9, now % 10**9


def _lost(channel: socket.socket) -> int:
    try:
        raw = channel.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
    except OSError:
        return 0
    return int.from_bytes(raw[4:8], sys.byteorder)
