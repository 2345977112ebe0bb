# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An engine at a socket of this host: HTTP by the standard library, which every host has and reads at once.

The docker SDK, with all that it stands on, takes a host without it ten times as long to import as all else that a
task asks of the engine; at a socket it does nothing that http.client does not.
"""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any, Iterator, Mapping
from urllib.parse import urlencode

CHUNK_BYTES = 1 << 16


class _Connection(http.client.HTTPConnection):
    """To a socket in the file system; ``timeout`` in seconds bounds connecting and each wait for more."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class LocalReply:
    """An answer of which the head has arrived."""

    def __init__(self, connection: _Connection, response: http.client.HTTPResponse) -> None:
        self._connection = connection
        self._response = response
        self.status = response.status
        self.headers = {key.lower(): value for key, value in response.getheaders()}

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes. Raises IncompleteRead where the engine breaks off."""
        # read1 keeps no count of what is left, on most Pythons.
        left = self._response.length
        while left is None or left > 0:
            piece = self._response.read1(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
            if not piece:
                break
            left = None if left is None else left - len(piece)
            yield piece
        if left:
            raise http.client.IncompleteRead(b"", left)

    def close(self) -> None:
        self._response.close()
        self._connection.close()


class Local:
    """Safe for calls from many threads: each call has a connection of its own, which costs a socket nothing."""

    def __init__(self, path: str) -> None:
        self._path = path

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        body: Mapping[str, Any] | None,
        timeout: float,
    ) -> LocalReply:
        """Raises OSError, socket.timeout and HTTPException."""
        connection = _Connection(self._path, timeout)
        try:
            sent = None if body is None else json.dumps(body).encode()
            headers = {"Connection": "close"}
            if sent is not None:
                headers["Content-Type"] = "application/json"
            target = f"{path}?{urlencode(query)}" if query else path
            connection.request(method, target, sent, headers)
            return LocalReply(connection, connection.getresponse())
        except BaseException:
            connection.close()
            raise
