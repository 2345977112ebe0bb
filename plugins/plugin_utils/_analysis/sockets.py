# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sockets of a container's network: what belongs to whom, and who is at the other end. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values

_ANY = frozenset({"", "*", "0.0.0.0", "::", "[::]"})
_TALKING = frozenset({"ESTABLISHED", "ESTAB", "SYN_SENT", "SYN-SENT", "CLOSE_WAIT", "CLOSE-WAIT"})
_MAPPED = "::ffff:"


@dataclass(frozen=True)
class Socket:
    """One row of sockets.jsonl with its values checked."""

    line: int
    protocol: str
    state: str
    local_address: str
    local_port: int | None
    remote_address: str
    remote_port: int | None
    inode: int | None
    pid: int | None

    @property
    def is_connected(self) -> bool:
        """Whether there is, or is about to be, another end."""
        return self.remote_address not in _ANY and bool(self.remote_port) and self.state in _TALKING

    @property
    def is_listening(self) -> bool:
        return self.state == "LISTEN"

    @property
    def is_loopback(self) -> bool:
        return self.remote_address.startswith("127.") or self.remote_address == "::1"

    @property
    def remote(self) -> str:
        """The other end, for reading."""
        address = f"[{self.remote_address}]" if ":" in self.remote_address else self.remote_address
        return f"{address}:{self.remote_port}"


def parse_socket(line: int, row: dict[str, Any]) -> Socket:
    """The socket of a row; what is missing or of a wrong type is empty."""
    return Socket(
        line=line,
        protocol=values.text(row.get("protocol"), 8),
        state=values.text(row.get("state"), 16).upper(),
        local_address=_address(row.get("local_address")),
        local_port=values.integer(row.get("local_port")),
        remote_address=_address(row.get("remote_address")),
        remote_port=values.integer(row.get("remote_port")),
        inode=values.integer(row.get("inode")),
        pid=values.integer(row.get("pid")),
    )


def _address(value: Any) -> str:
    return values.text(value, 64).strip("[]").removeprefix(_MAPPED)


class SocketTable:
    """All sockets of one container."""

    def __init__(self, sockets: Iterable[Socket]) -> None:
        self.sockets = list(sockets)

    @cached_property
    def by_inode(self) -> dict[int, Socket]:
        return {socket.inode: socket for socket in self.sockets if socket.inode}

    @cached_property
    def by_pid(self) -> dict[int, list[Socket]]:
        found: dict[int, list[Socket]] = {}
        for socket in self.sockets:
            if socket.pid is not None:
                found.setdefault(socket.pid, []).append(socket)
        return found

    @cached_property
    def listening_pids(self) -> frozenset[int]:
        return frozenset(s.pid for s in self.sockets if s.is_listening and s.pid is not None)

    @cached_property
    def listening_ports(self) -> frozenset[int]:
        return frozenset(s.local_port for s in self.sockets if s.is_listening and s.local_port is not None)

    def is_outbound(self, socket: Socket) -> bool:
        """Whether this end opened the connection: nobody listens on its own port."""
        return socket.is_connected and socket.local_port not in self.listening_ports
