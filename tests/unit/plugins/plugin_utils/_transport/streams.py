# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sender into memory, a receiver out of it, and frames made by hand."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import Outcome
from ansible_collections.cordon.docker.plugins.module_utils._preserve import frames
from ansible_collections.cordon.docker.plugins.module_utils._preserve.item import Item, Part
from ansible_collections.cordon.docker.plugins.module_utils._preserve.outlet import Gone, Outlet
from ansible_collections.cordon.docker.plugins.module_utils._preserve.send import Known, Sender, Sending
from ansible_collections.cordon.docker.plugins.plugin_utils._case.blobs import Blobs
from ansible_collections.cordon.docker.plugins.plugin_utils._case.session import Session
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.receiver import (
    Bounds,
    Received,
    Receiver,
)

MIB = 1 << 20
NOW = "2026-01-02T12:00:00.000000Z"
LOOSE = Bounds(1 << 40, 1 << 40, 0)


class Memory(Outlet):
    """Frames kept in memory; breaks once so many bytes went out."""

    def __init__(
        self, breaks_at: int | None = None, has: Callable[[str], bool] = lambda _sha256: False
    ) -> None:
        super().__init__(-1, 1.0)
        self.stream = bytearray()
        self._breaks_at = breaks_at
        self._has = has
        self._asked = ""

    def answer(self, _number: int) -> str:
        return "have" if self._has(self._asked) else "send"

    def _put(self, head: bytes, payload: Any) -> None:
        if head[:1] == frames.ASK:
            self._asked = frames.document(payload)["sha256"]
        self.stream += head + bytes(payload)
        if self._breaks_at is not None and len(self.stream) > self._breaks_at:
            del self.stream[self._breaks_at :]
            raise Gone


def item(path: str, parts: Callable[[], Iterable[Part]], size: int | None = None) -> Item:
    return Item("layer", None, path, parts, size)


def of(content: bytes) -> Callable[[], Iterable[Part]]:
    return lambda: [content[start : start + MIB] for start in range(0, len(content), MIB)]


def send(
    items: list[Item], known: list[dict[str, Any]] | None = None, out: Memory | None = None, **sending: Any
) -> Memory:
    out = out or Memory()
    has = {row["path"]: Known(row["offset"], row["sha256"]) for row in known or []}
    bounds = {
        "item_bytes": 1 << 40,
        "total_bytes": 1 << 40,
        "room": 1 << 40,
        "compress": None,
        "stall": 5,
        **sending,
    }
    try:
        for payload in frames.plan([[one.name, one.path, one.size] for one in items]):
            out.write(frames.PLAN, payload)
        Sender(out, has, Sending(**bounds)).send_all(items)
    except Gone:
        pass
    return out


def receive(
    session: Session,
    stream: bytes | bytearray,
    bounds: Bounds = LOOSE,
    answers: list[tuple[int, str]] | None = None,
    progress: Callable[[Received], None] = lambda _received: None,
) -> Received:
    def answer(number: int, word: str) -> None:
        if answers is not None:
            answers.append((number, word))

    blobs = Blobs(session.folder.parent.parent)
    return Receiver(session, blobs, bounds, answer, lambda _seconds: None).run(io.BytesIO(stream), progress)


def frame(kind: bytes, told: Any = b"") -> bytes:
    payload = told if isinstance(told, bytes) else dump(told)
    return frames.header(kind, len(payload)) + payload


def begun(path: Any, offset: Any = 0) -> bytes:
    told = {"item": "layer", "container": None, "path": path, "size": None, "offset": offset}
    return frame(frames.ITEM, told)


def ended(path: str, content: bytes, **changes: Any) -> bytes:
    sha256 = hashlib.sha256(content).hexdigest()
    row = Outcome("layer", None, "collected", None, path, len(content), sha256, NOW, 0.1).to_json()
    return frame(frames.END, {**row, **changes})


def whole(path: str, content: bytes = b"content") -> bytes:
    return begun(path) + frame(frames.DATA, content) + ended(path, content)
