# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for the world outside: runs alone in the bridge's namespace, with the standard library only.

``listen`` takes the shells that containers open to the intruder, asks each once a second for a sign of life
and writes every answer as a line of JSON (time, peer, line), so that a test can see containment stop them.
A second port takes connections in silence. It also visits the ordinary web servers. ``request`` makes the
requests of a staged attack.
"""

from __future__ import annotations

import datetime
import http.client
import json
import socket
import socketserver
import sys
import threading
import time
from pathlib import Path
from typing import Any

_BEACON = b'echo "beacon from $HOSTNAME"\n'
_BEACON_EVERY = 1.0
_VISIT_EVERY = 5.0
_PATIENCE = 30.0
_BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}


class _Shell(socketserver.StreamRequestHandler):
    """One reverse shell."""

    server: _Listener

    def handle(self) -> None:
        threading.Thread(target=self._ask, daemon=True).start()
        for line in self.rfile:
            self.server.record(self.client_address[0], line.decode(errors="replace").rstrip("\n"))

    def _ask(self) -> None:
        try:
            while True:
                self.request.sendall(_BEACON)
                time.sleep(_BEACON_EVERY)
        except OSError:
            return


class _Silence(socketserver.BaseRequestHandler):
    """Takes what comes and says nothing."""

    request: socket.socket

    def handle(self) -> None:
        try:
            while self.request.recv(65536):
                pass
        except OSError:
            return


class _Quiet(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], beacons: Path) -> None:
        super().__init__(address, _Shell)
        self._file = beacons.open("a", buffering=1)
        self._lock = threading.Lock()

    def record(self, peer: str, line: str) -> None:
        """Append one answer of a shell."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        with self._lock:
            self._file.write(json.dumps({"time": now, "peer": peer, "line": line}) + "\n")


def _get(address: str, port: int, path: str, headers: dict[str, str], source: str = "") -> None:
    """One request; from the given address, or from the one the kernel picks."""
    connection = http.client.HTTPConnection(address, port, timeout=10, source_address=(source, 0))
    try:
        connection.request("GET", path, headers=headers)
        connection.getresponse().read()
    finally:
        connection.close()


def _visit(visits: list[str]) -> None:
    pages = ["/", "/basket.html", "/style.css"]
    for turn in range(sys.maxsize):
        for visit in visits:
            address, port = visit.split(":")
            try:
                _get(address, int(port), pages[turn % len(pages)], _BROWSER)
            except (OSError, http.client.HTTPException):
                # A paused or isolated shop is what some tests want; its visitors come back.
                continue
        time.sleep(_VISIT_EVERY)


def _listen(orders: dict[str, Any]) -> None:
    threading.Thread(target=_visit, args=(orders["visits"],), daemon=True).start()
    quiet = _Quiet((orders["address"], orders["silent"]), _Silence)
    threading.Thread(target=quiet.serve_forever, daemon=True).start()
    with _Listener((orders["address"], orders["port"]), Path(orders["beacons"])) as listener:
        listener.serve_forever()


def _request(orders: dict[str, Any]) -> None:
    deadline = time.monotonic() + _PATIENCE
    for request in orders["requests"]:
        while True:
            try:
                headers = request.get("headers", {})
                _get(orders["address"], orders["port"], request["path"], headers, orders["from"])
                break
            except (OSError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


if __name__ == "__main__":
    {"listen": _listen, "request": _request}[sys.argv[1]](json.loads(sys.argv[2]))
