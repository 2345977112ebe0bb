# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small cases made up for tests: one host, one container, the rows that a test is about."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evaluate import evaluate
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import (
    CaseEvidence,
    ContainerEvidence,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import Finding

STARTED = "2026-03-01T10:00:00.123456789Z"
SOON = "2026-03-01T10:00:20.000000Z"
LATER = "2026-03-01T11:30:00.000000Z"
BEFORE = "2026-02-01T09:00:00.000000Z"
CONTAINER = "0123456789ab"

Rows = list[dict[str, Any]]


def process(pid: int, ppid: int, exe: str, *cmdline: str, **more: Any) -> dict[str, Any]:
    """A row of processes.jsonl. `state` is the state of its executable, PID 1 of the container has pid 100."""
    state = more.pop("state", "image")
    return {
        "pid": pid,
        "ppid": ppid,
        "container_pid": pid - 99,
        "started": more.pop("started", LATER),
        "comm": exe.rpartition("/")[2][:15],
        "cmdline": list(cmdline) or [exe],
        "exe": {"path": exe, "state": state, "sha256": None, "bytes": 1},
        "stdio": {},
        "files": [],
        "capabilities": "00000000a80425fb",
        "seccomp": 2,
        **more,
    }


def connection(
    inode: int, remote: str, port: int, pid: int | None = None, local_port: int = 50000
) -> dict[str, Any]:
    """A row of sockets.jsonl: an established TCP connection."""
    return {
        "protocol": "tcp",
        "state": "ESTABLISHED",
        "local_address": "172.17.0.2",
        "local_port": local_port,
        "remote_address": remote,
        "remote_port": port,
        "inode": inode,
        "pid": pid,
    }


def listener(pid: int, port: int) -> dict[str, Any]:
    """A row of sockets.jsonl: a listening socket."""
    return {
        "protocol": "tcp",
        "state": "LISTEN",
        "local_address": "0.0.0.0",
        "local_port": port,
        "remote_address": "0.0.0.0",
        "remote_port": 0,
        "inode": 7000 + port,
        "pid": pid,
    }


def file(path: str, **more: Any) -> dict[str, Any]:
    """A row of layer.jsonl: a regular file that was added an hour and a half after the start."""
    return {
        "path": path,
        "type": "file",
        "mode": "0644",
        "bytes": 10,
        "mtime": LATER,
        "ctime": LATER,
        "executable": False,
        "in_diff": True,
        "kind": "A",
        "content_changed": None,
        "code": None,
        "head": None,
        **more,
    }


def log(*lines: str) -> Rows:
    """Rows of a log, a second apart."""
    return [
        {"time": f"2026-03-01T12:00:{number:02d}.000000Z", "stream": "stdout", "line": line}
        for number, line in enumerate(lines)
    ]


def inspect(**more: Any) -> dict[str, Any]:
    """An inspect document of an ordinary container; `host_config` and `mounts` go where they belong."""
    return {
        "Name": "/shop",
        "Config": {"Image": "acme/shop:5.2"},
        "State": {"StartedAt": STARTED, "Running": True},
        "HostConfig": more.pop("host_config", {}),
        "Mounts": more.pop("mounts", []),
        **more,
    }


def add_container(
    case: Path,
    items: dict[str, Any],
    host: str = "web1",
    container: str = CONTAINER,
    bag: str = "20260301T120500Z-triage",
) -> Path:
    """Write a container's items: documents as they are, lists as lines, bytes raw. Returns its folder."""
    folder = case / host / bag / "data" / "containers" / container
    folder.mkdir(parents=True, exist_ok=True)
    (case / host / bag / "bag-info.txt").write_text(f"Host: {host}\n")
    for name, content in {"inspect.json": inspect(), **items}.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else _written(content))
    return folder


def _written(content: Any) -> bytes:
    if isinstance(content, list):
        return b"".join(_line(row) for row in content)
    return _line(content)


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode() + b"\n"


def findings_of(case: Path, items: dict[str, Any], **more: Any) -> list[Finding]:
    """What is found in a case with one such container."""
    add_container(case, items, **more)
    return evaluate(case)


def container_of(case: Path, items: dict[str, Any]) -> ContainerEvidence:
    """The container of a case with one such container."""
    add_container(case, items)
    return CaseEvidence(case).containers[0]


def grades(findings: Iterable[Finding]) -> dict[str, str]:
    """Severities by rule."""
    return {finding.rule: finding.severity for finding in findings}
