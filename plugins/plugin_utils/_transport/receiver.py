# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes a host's frames apart and puts its items into the session. The host may be the attacker's.

Every name passes safe_path, every byte is counted against the bounds, what is announced is compared with what came.
A host that does not keep to the form is not listened to any longer; what was whole by then stays whole.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError, describe
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc
from ansible_collections.cordon.docker.plugins.module_utils._evidence.names import safe_path
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import FAILED, Outcome
from ansible_collections.cordon.docker.plugins.module_utils._preserve import frames
from ansible_collections.cordon.docker.plugins.plugin_utils._case.blobs import Blobs
from ansible_collections.cordon.docker.plugins.plugin_utils._case.session import Arriving, Session

_MOST_ROWS = 40_000
_MOST_WAITS = 30
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Source(Protocol):
    """Where the bytes come from."""

    def readinto(self, view: memoryview) -> int:
        """Some bytes; 0 at the end. Raises EvidenceError, and what the connection raises."""


@dataclass(frozen=True)
class Bounds:
    """Bytes: of one item, of all together, and how many have to stay free on the controller's file system."""

    item_bytes: int
    total_bytes: int
    reserve_bytes: int


@dataclass
class Received:
    """What came of it: a row for each item, which of them are whole in the session, and why it ended early."""

    outcomes: list[Outcome] = field(default_factory=list)
    whole: dict[str, tuple[int, str]] = field(default_factory=dict)
    planned: list[tuple[str, str, int | None]] = field(default_factory=list)
    broken: str | None = None
    bytes: int = 0  # of evidence
    sent: int = 0  # that came over the connection
    known: int = 0  # of blobs that the case held
    kept: int = 0  # that earlier runs had brought
    seconds: float = 0.0  # of listening


Answer = Callable[[int, str], None]


class Receiver:
    """One run of one host. `answer` gives the host a word on a numbered question; `wait` is time.sleep."""

    def __init__(
        self, session: Session, blobs: Blobs, bounds: Bounds, answer: Answer, wait: Callable[[float], None]
    ) -> None:
        self._session = session
        self._blobs = blobs
        self._bounds = bounds
        self._answer = answer
        self._wait = wait
        self._item: Arriving | None = None
        self._open: dict[str, Any] = {}
        self._seen: set[str] = set()
        self._blob: tuple[str, int, int] | None = None
        self._finished = False
        self.result = Received()

    def run(self, source: Source, progress: Callable[[Received], None]) -> Received:
        """Listen until the host has finished or fails us. Never raises but for what the controller itself lacks."""
        result, began = self.result, time.monotonic()
        try:
            for kind, payload in read(source):
                result.sent += len(payload) + frames.HEADER_BYTES
                self._frame(kind, payload)
                progress(result)
                if self._finished:
                    break
            else:
                result.broken = "The host stopped sending before it had finished."
        except OSError as exc:
            result.broken = _storing(exc)
        except Exception as exc:  # noqa: BLE001 - what a connection raises is no more than the end of this host
            result.broken = describe(exc)
        finally:
            result.seconds = time.monotonic() - began
            self._blobs.release()
            if self._item is not None:
                self._item.leave()
        if result.broken is not None:
            self._unfinished(result.broken)
        return result

    def _frame(self, kind: bytes, payload: memoryview) -> None:
        if kind == frames.DATA:
            self._data(payload)
        elif kind == frames.PACKED:
            self._data(frames.unpack(payload))
        elif kind == frames.MARK:
            self._mark(payload)
        elif kind != frames.BEAT:
            _ON_DOCUMENT[kind](self, frames.document(payload))

    # Data

    def _data(self, data: Any) -> None:
        item = self._current()
        if item.bytes + len(data) > self._bounds.item_bytes:
            item.discard()
            self._item = None
            raise EvidenceError(
                f"The host sends more than the {self._bounds.item_bytes} bytes that an item may have."
            )
        self.result.bytes += len(data)
        if self.result.bytes > self._bounds.total_bytes:
            raise EvidenceError(
                f"The host sends more than the {self._bounds.total_bytes} bytes that are taken."
            )
        item.write(data)
        if self._blob is not None:
            self._keep_blob(item)

    def _mark(self, payload: memoryview) -> None:
        item = self._current()
        if frames.parse_mark(payload) != (item.bytes, item.digest.digest()):
            name = item.name
            item.discard()
            self._item = None
            raise EvidenceError(
                f"What came of {name} is not what the host says it sent: nothing of it is kept."
            )
        self._check_room()

    def _check_room(self) -> None:
        if free_bytes(self._session.folder) < self._bounds.reserve_bytes:
            raise EvidenceError(
                f"No room is left on the file system of {self._session.folder} but the {self._bounds.reserve_bytes}"
                " bytes that are kept free: free some, or name another evidence_dir, and run again."
            )

    # Items

    def _plan(self, told: dict[str, Any]) -> None:
        rows = told.get("items")
        if not isinstance(rows, list) or len(self.result.planned) + len(rows) > _MOST_ROWS:
            raise EvidenceError(f"The host announces more than {_MOST_ROWS} items.")
        for row in rows:
            if (
                not isinstance(row, list)
                or len(row) != 3
                or not all(isinstance(text, str) for text in row[:2])
            ):
                raise EvidenceError("The host announces an item in a form that is none.")
            size = (
                row[2] if isinstance(row[2], int) and not isinstance(row[2], bool) and row[2] >= 0 else None
            )
            self.result.planned.append((row[0][:64], str(safe_path(row[1])), size))

    def _begin(self, told: dict[str, Any]) -> None:
        path, offset = told.get("path"), told.get("offset")
        if not isinstance(path, str) or isinstance(offset, bool) or not isinstance(offset, int) or offset < 0:
            raise EvidenceError("The host begins an item in a form that is none.")
        again = self._item is not None and str(self._item.name) == path and offset == 0
        if self._item is not None:
            self._item.leave()
            if not again:
                raise EvidenceError("The host begins an item before it has ended another.")
        if path in self._seen and not again:
            raise EvidenceError(f"The host sends {path!r} twice.")
        if len(self._seen) >= _MOST_ROWS:
            raise EvidenceError(f"The host sends more than {_MOST_ROWS} items.")
        self._seen.add(path)
        self._check_room()
        self._item = self._session.begin(path, offset)
        self._open = told
        self._blob = None
        self.result.kept += offset

    def _end(self, told: dict[str, Any]) -> None:
        item, outcome = self._current(), Outcome.from_json(told)
        self._item, self._blob = None, None
        if outcome.path is None:
            item.discard()
            self._add(outcome)
            return
        if outcome.path != str(item.name) or (outcome.item, told.get("container")) != (
            self._open.get("item"),
            self._open.get("container"),
        ):
            item.leave()
            raise EvidenceError("The host ends an item that it did not begin.")
        got = (item.bytes, item.digest.hexdigest())
        problem = _misplaced(outcome)
        if got != (outcome.bytes, outcome.sha256):
            problem = f"{got[0]} bytes with the SHA-256 {got[1]} arrived, which is not what was announced."
        if problem:
            item.discard()
            self._add(replace(outcome, status=FAILED, reason=problem, path=None, bytes=0, sha256=None))
            return
        if item.bytes == 0:
            item.write(b"")
        self.result.whole[outcome.path] = item.finish()
        self._add(outcome)

    def _outcome(self, told: dict[str, Any]) -> None:
        outcome = Outcome.from_json(told)
        if outcome.path is not None:
            raise EvidenceError("The host tells of an item that it did not send.")
        self._add(outcome)

    def _add(self, outcome: Outcome) -> None:
        if len(self.result.outcomes) >= _MOST_ROWS:
            raise EvidenceError(f"The host sends more than {_MOST_ROWS} rows.")
        self.result.outcomes.append(outcome)

    # Blobs

    def _ask(self, told: dict[str, Any]) -> None:
        number, sha256, size = told.get("number"), told.get("sha256"), told.get("size")
        if not isinstance(number, int) or not isinstance(sha256, str) or not isinstance(size, int):
            raise EvidenceError("The host asks for a blob in a form that is none.")
        for _dummy in range(_MOST_WAITS):
            if self._blobs.has(sha256, size):
                self._answer(number, "have")
                return
            if self._blobs.claim(sha256):
                break
            # Another host is bringing it in: that may be quicker than bringing it ourselves.
            self._answer(number, "wait")
            self._wait(2.0)
        self._answer(number, "have" if self._blobs.has(sha256, size) else "send")

    def _blob_begins(self, told: dict[str, Any]) -> None:
        sha256, size = told.get("sha256"), told.get("size")
        if not isinstance(sha256, str) or not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise EvidenceError("The host sends a blob in a form that is none.")
        self._blob = (sha256, self._current().bytes, size)

    def _keep_blob(self, item: Arriving) -> None:
        """Once a blob has arrived, and is what its name says, the case has it."""
        if self._blob is None or item.bytes < self._blob[1] + self._blob[2]:
            return
        (sha256, offset, size), self._blob = self._blob, None
        if _measure(item.path, offset, size) == sha256:
            # A second copy is a convenience: that there is no room for it is no reason to stop.
            with suppress(OSError):
                self._blobs.keep(sha256, item.path, offset, size)
        self._blobs.release()

    def _known(self, told: dict[str, Any]) -> None:
        sha256, size = told.get("sha256"), told.get("size")
        if not isinstance(sha256, str) or not isinstance(size, int) or not self._blobs.has(sha256, size):
            raise EvidenceError("The host names a blob that the case does not have.")
        for block in self._blobs.read(sha256, size):
            self._data(block)
        self.result.known += size

    # The end

    def _fault(self, told: dict[str, Any]) -> None:
        raise EvidenceError(f"The host cannot go on: {str(told.get('reason'))[:2000]}")

    def _finish(self, _told: dict[str, Any]) -> None:
        if self._item is not None:
            raise EvidenceError("The host finishes within an item.")
        self._finished = True

    def _current(self) -> Arriving:
        if self._item is None:
            raise EvidenceError("The host sends data of no item.")
        return self._item

    def _unfinished(self, reason: str) -> None:
        """A row for the item that was under way, and for each that was not reached."""
        now = utc(time.time())
        told = {outcome.path for outcome in self.result.outcomes} | self._seen
        item, self._item = self._item, None
        if item is not None:
            has = f" {item.bytes} bytes of it are kept as partial for the next run." if item.bytes else ""
            self._missed(str(self._open.get("item")), f"It is not whole: {reason}{has}", now)
        for name, path, _size in self.result.planned:
            if path not in told:
                self._missed(name, f"{path} was not reached: {reason}", now)

    def _missed(self, name: str, reason: str, now: str) -> None:
        with suppress(EvidenceError):
            row = Outcome(name, None, FAILED, reason[:4000], None, 0, None, now, 0.0)
            self.result.outcomes.append(Outcome.from_json(row.to_json()))


_ON_DOCUMENT: dict[bytes, Callable[[Receiver, dict[str, Any]], None]] = {
    frames.PLAN: Receiver._plan,
    frames.OUTCOME: Receiver._outcome,
    frames.ITEM: Receiver._begin,
    frames.BLOB: Receiver._blob_begins,
    frames.ASK: Receiver._ask,
    frames.KNOWN: Receiver._known,
    frames.END: Receiver._end,
    frames.FAULT: Receiver._fault,
    frames.FINISH: Receiver._finish,
}


def free_bytes(folder: Path) -> int:
    """What a user may still write on the file system of the folder."""
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize


def read(source: Source) -> Iterator[tuple[bytes, memoryview]]:
    """Frames, each good until the next is asked for. Raises EvidenceError where it ends within one."""
    head, room = memoryview(bytearray(frames.HEADER_BYTES)), memoryview(bytearray(2 << 20))
    while True:
        got = _fill(source, head)
        if got == 0:
            return
        if got < len(head):
            raise EvidenceError("The host stopped sending in the middle.")
        kind, length = frames.parse_header(bytes(head))
        payload = room[:length]
        if _fill(source, payload) < length:
            raise EvidenceError("The host stopped sending in the middle.")
        yield kind, payload


def _fill(source: Source, view: memoryview) -> int:
    done = 0
    while done < len(view):
        got = source.readinto(view[done:])
        if not got:
            break
        done += got
    return done


def _measure(path: Path, offset: int, size: int) -> str:
    import hashlib

    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        stream.seek(offset)
        while size and (block := stream.read(min(size, 1 << 20))):
            digest.update(block)
            size -= len(block)
    return digest.hexdigest()


def _misplaced(outcome: Outcome) -> str | None:
    """Whether an item lies in the folder of another container than its own."""
    parts = (outcome.path or "").split("/")
    owner = outcome.container.id[:12] if outcome.container else None
    if parts[0] == "containers" and parts[1:2] != [owner]:
        return "Its path is that of another container."
    return None


def _storing(exc: OSError) -> str:
    if exc.errno in _NO_ROOM:
        return "No room is left on the controller: free some, or name another evidence_dir, and run again."
    return f"The controller cannot store it: {describe(exc)}"
