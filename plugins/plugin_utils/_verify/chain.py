# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The custody log: that each line is bound to the one before, and what the lines say was sealed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .reading import opened
from .results import Unreadable

CUSTODY = "custody.jsonl"
FIRST = "0" * 64
MAX_LINE_BYTES = 1 << 20
SEALED = "case sealed"
MAX_PROBLEMS = 100


@dataclass(frozen=True)
class Line:
    """A line of the log. `bytes` and `head` are the size and the SHA-256 of the log up to its end."""

    number: int
    action: str
    host: str | None
    after: dict[str, Any]
    time: str
    bytes: int
    head: str


@dataclass
class Log:
    """What the log says. `lines` are those that have something to say to whoever checks: see `read`."""

    count: int = 0
    bytes: int = 0
    head: str = hashlib.sha256().hexdigest()
    first: str = ""
    last: str = ""
    lines: list[Line] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def of(self, action: str) -> list[Line]:
        return [line for line in self.lines if line.action == action]


def read(path: Path, actions: Iterable[str]) -> Log:
    """The log, keeping the lines of these actions. Raises Unreadable where there is none."""
    wanted = frozenset(actions)
    log, digest, previous = Log(), hashlib.sha256(), FIRST
    with opened(path) as raw, open(raw.fileno(), "rb", closefd=False) as stream:
        for line in iter(lambda: stream.readline(MAX_LINE_BYTES), b""):
            log.count += 1
            log.bytes += len(line)
            digest.update(line)
            row = _row(line)
            found = _problems(log.count, line, row, previous)
            log.problems += found[: MAX_PROBLEMS - len(log.problems)]
            previous = hashlib.sha256(line).hexdigest()
            log.first, log.last = log.first or str(row.get("time", "")), str(row.get("time", ""))
            if str(row.get("action")) in wanted:
                log.lines.append(_line(log, row, digest.copy().hexdigest()))
    log.head = digest.hexdigest()
    return log


def _line(log: Log, row: dict[str, Any], head: str) -> Line:
    after = row.get("after")
    host = row.get("host")
    return Line(
        log.count,
        str(row["action"]),
        host if isinstance(host, str) else None,
        after if isinstance(after, dict) else {},
        str(row.get("time", "")),
        log.bytes,
        head,
    )


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def _problems(number: int, line: bytes, row: dict[str, Any], previous: str) -> list[str]:
    if not line.endswith(b"\n"):
        return [f"Line {number} is not whole."]
    if "previous" not in row or "seq" not in row:
        return [f"Line {number} is no custody line."]
    problems = []
    if row["previous"] != previous:
        problems.append(f"Line {number} is not bound to the line before it.")
    if row["seq"] != number:
        problems.append(f"Line {number} calls itself another.")
    return problems


def beginning(path: Path, size: int) -> bytes:
    """The first `size` bytes of the log, which are what was signed. Raises Unreadable."""
    with opened(path) as stream:
        parts = []
        while size > 0 and (block := stream.read(size)):
            parts.append(block)
            size -= len(block)
    if size:
        raise Unreadable("It is shorter than what was signed.")
    return b"".join(parts)
