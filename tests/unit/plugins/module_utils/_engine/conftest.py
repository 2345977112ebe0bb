# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Engines that answer with what real ones answered: tests/unit/fixtures/engines/<version>/."""

from __future__ import annotations

import json
import os
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._engine.options import EngineOptions

ANSWERS = Path(__file__).parents[3] / "fixtures" / "engines"
VERSIONS = sorted(path.name for path in ANSWERS.iterdir())
STATES = ("run", "paused", "exited", "created", "tty", "local", "none", "host")


class Recorded:
    """What one engine answered."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.folder = ANSWERS / version

    def json(self, name: str) -> Any:
        return json.loads((self.folder / f"{name}.json").read_text())

    def bytes(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def inspects(self) -> dict[str, Any]:
        return {state: self.json(f"inspect-{state}") for state in STATES}


@pytest.fixture(params=VERSIONS)
def recorded(request: pytest.FixtureRequest) -> Recorded:
    return Recorded(request.param)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Replay

    def address_string(self) -> str:
        return "socket"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path = url.path
        if path.startswith("/v1."):
            self.server.versions.add(path.split("/")[1])
            path = "/" + path.split("/", 2)[2]
        self.server.asked.append((path, {key: value[0] for key, value in parse_qs(url.query).items()}))
        status, headers, body = self.server.answer(path)
        if self.server.hangs == path:
            time.sleep(2)
            return
        self.send_response_only(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, len(body), 1000):
            piece = body[start : start + 1000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            if self.server.breaks == path:
                self.close_connection = True
                return
            if self.server.trickles == path:
                time.sleep(0.2)
        self.wfile.write(b"0\r\n\r\n")


class Replay(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, recorded: Recorded, path: str) -> None:
        self.recorded = recorded
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.versions: set[str] = set()
        self.hangs = self.breaks = self.trickles = ""
        self.bodies: dict[str, bytes] = {}
        self._inspects = recorded.inspects()
        super().__init__(path, _Handler)

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if path in self.bodies:
            return 200, {}, self.bodies[path]
        if path == "/_ping":
            ping = self.recorded.json("ping")
            return 200, {"Api-Version": ping["api-version"], "Server": ping["server"]}, b"OK"
        fixed = {
            "/version": "version",
            "/info": "info",
            "/containers/json": "containers",
            "/networks": "networks",
        }
        if path in fixed:
            return 200, {}, json.dumps(self.recorded.json(fixed[path])).encode()
        parts = path.split("/")
        found = self._find(parts[2]) if parts[1] == "containers" else None
        if found is None:
            return 404, {}, json.dumps({"message": f"No such container: {parts[2]}"}).encode()
        return self._container(found, parts[3])

    def _find(self, name: str) -> str | None:
        for state, document in self._inspects.items():
            if document["Name"] == f"/{name}" or document["Id"].startswith(name):
                return state
        return None

    def _container(self, state: str, verb: str) -> tuple[int, dict[str, str], bytes]:
        if verb == "json":
            return 200, {}, json.dumps(self._inspects[state]).encode()
        if verb == "logs":
            return 200, {}, self.recorded.bytes(f"logs-{state}.bin")
        if verb == "top" and state == "exited":
            error = self.recorded.json("errors")["top-exited"]
            return int(error["status"]), {}, json.dumps({"message": error["message"]}).encode()
        names = {"top": f"top-{state}", "stats": f"stats-{state}", "changes": f"changes-{state}"}
        document = self.recorded.json(names[verb])
        return 200, {}, json.dumps(document.get("first", document) if verb == "stats" else document).encode()


@pytest.fixture
def replay(recorded: Recorded, tmp_path: Path) -> Iterator[Replay]:
    # A socket's path is short: relative to where the test runs, it always fits.
    before = Path.cwd()
    os.chdir(tmp_path)
    server = Replay(recorded, "engine.sock")
    os.chdir(before)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def options(replay: Replay, tmp_path: Path) -> EngineOptions:
    del replay
    return EngineOptions(host=f"unix://{tmp_path}/engine.sock", timeout=1.0)
