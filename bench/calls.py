# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a lab host, sent to its Python: times the engine's calls one by one, and prints the longest, in seconds.

Each kind of call is made once for every container; of a kind, the median over the containers counts, so that the
figure is what one call takes and not one hiccup. Standard library only: the host has nothing else.
"""

from __future__ import annotations

import http.client
import json
import socket
import statistics
import time
from typing import Any

SOCKET = "/var/run/docker.sock"


class UnixConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(SOCKET)


def timed(path: str) -> tuple[float, Any]:
    connection = UnixConnection("localhost")
    begin = time.perf_counter()
    connection.request("GET", path)
    body = connection.getresponse().read()
    took = time.perf_counter() - begin
    connection.close()
    return took, json.loads(body or b"null") if body[:1] in (b"[", b"{") else None


def main() -> None:
    took = {}
    took["list"], rows = timed("/containers/json?all=1")
    took["info"], _ = timed("/info")
    took["version"], _ = timed("/version")
    ids = [row["Id"] for row in rows]
    for kind in ("json", "changes", "top"):
        took[kind] = statistics.median(timed(f"/containers/{name}/{kind}")[0] for name in ids)
    kind = max(took, key=lambda name: took[name])
    print(kind, took[kind])


main()
