# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's half of a transfer: one zip file, written item by item in constant memory.

Each item is hashed while it is written and has its outcome; the outcomes are the last entry. One item that
fails, a bound that is reached or a full file system make rows, and the file stays valid.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Callable, Iterable, Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError, describe

from .content import Content, Missing
from .jsonl import dump_lines, utc
from .names import container_path, safe_path
from .outcome import COLLECTED, EMPTY, FAILED, MISSING, TRUNCATED, ContainerRef, Outcome

OUTCOMES = "outcomes.jsonl"
_RESERVE_BYTES = 1 << 20  # what the outcomes and the directory of the zip need on a full file system
_PIECE_BYTES = 65536
_ZIP64_BYTES = 1 << 31
_NO_ROOM = "no room is left on the file system of stage_dir; name another with stage_dir"


@dataclass(frozen=True)
class Limits:
    """Bounds in bytes: of one item and of all items uncompressed, and of the file on the host."""

    item_bytes: int
    total_bytes: int
    staged_bytes: int


@dataclass(frozen=True)
class Deadline:
    """When collecting has to stop: ``at`` by time.monotonic(), ``seconds`` as the user asked."""

    at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(at=time.monotonic() + seconds, seconds=seconds)

    def passed(self) -> bool:
        return time.monotonic() >= self.at

    def left(self) -> float:
        """Seconds that remain, never below zero."""
        return max(0.0, self.at - time.monotonic())

    @property
    def reason(self) -> str:
        return f"the time budget of {self.seconds:g} s is used up; raise budget"


class _Sink:
    """The file below the zip. When the file system is full it gives up a reserve, so that what was begun can
    be ended, and says so by ``full``. zipfile asks for write, tell, seek and flush."""

    def __init__(self, path: Path) -> None:
        self._reserve = path.with_name(path.name + ".reserve")
        self._file: BinaryIO = open(path, "xb", buffering=0)  # noqa: PTH123, SIM115 - held until close()
        self.full = False
        with open(self._reserve, "xb") as reserve:  # noqa: PTH123 - Path.open has no umask either
            os.posix_fallocate(reserve.fileno(), 0, _RESERVE_BYTES)

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view):
            try:
                done += self._file.write(view[done:])
            except OSError as exc:  # noqa: PERF203 - at most once
                if exc.errno not in (errno.ENOSPC, errno.EDQUOT) or self.full:
                    raise
                self.full = True
                self._reserve.unlink()
        return done

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def flush(self) -> None:
        """Nothing is buffered."""

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        with suppress(FileNotFoundError):
            self._reserve.unlink()


class BundleWriter:
    """Writes items one after the other; not for use by several threads."""

    def __init__(self, sink: _Sink, path: Path, limits: Limits, deadline: Deadline) -> None:
        self._sink = sink
        self._path = path
        self._limits = limits
        self._deadline = deadline
        self._zip = zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._total = 0
        self.outcomes: list[Outcome] = []

    @classmethod
    def create(cls, path: Path, limits: Limits, deadline: Deadline) -> BundleWriter:
        """A new file at a path where none is. Raises EvidenceError where it cannot be written."""
        try:
            return cls(_Sink(path), path, limits, deadline)
        except OSError as exc:
            raise EvidenceError(
                f"The bundle cannot be written to {path}: {describe(exc)}. Name another place with stage_dir."
            ) from exc

    def add(
        self,
        item: str,
        container: ContainerRef | None,
        name: str,
        collect: Callable[[], Content],
        began: tuple[float, float] | None = None,
    ) -> Outcome:
        """Collect one item into the file ``name`` (below the container's folder) and return its outcome.

        ``began`` is (start by time.time(), seconds used) of work done before this call. Never raises for
        the item; raises EvidenceError where the bundle itself cannot be written any more.
        """
        path = str(safe_path(container_path(container.id, name) if container else name))
        started, before = began or (time.time(), 0.0)
        clock = time.monotonic()
        bound = self._bound()
        entry = _Entry(self._zip, path, bound)
        status, reason = self._fill(entry, collect)
        entry.close()
        self._total += entry.bytes
        stored = entry.bytes > 0
        return self._record(
            Outcome(
                item=item,
                container=container,
                status=status,
                reason=reason,
                path=path if stored else None,
                bytes=entry.bytes,
                sha256=entry.sha256 if stored else None,
                started=utc(started),
                seconds=before + time.monotonic() - clock,
            )
        )

    def note(self, item: str, container: ContainerRef | None, status: str, reason: str) -> Outcome:
        """The outcome of an item of which nothing is stored."""
        return self._record(Outcome(item, container, status, reason, None, 0, None, utc(time.time()), 0.0))

    def finish(self) -> tuple[int, str]:
        """Write the outcomes, close the file and return its size and SHA-256. Raises EvidenceError."""
        try:
            entry = _Entry(self._zip, OUTCOMES, _ZIP64_BYTES - 1)
            for block in dump_lines(outcome.to_json() for outcome in self.outcomes):
                entry.write(block)
            entry.close()
            self._zip.close()
            self._sink.close()
            return _measure(self._path)
        except OSError as exc:
            raise EvidenceError(f"The bundle at {self._path} cannot be completed: {describe(exc)}.") from exc

    def abandon(self) -> None:
        """Let go of a file that will not be finished; it is not to be used."""
        with suppress(OSError, ValueError):
            self._zip.close()
        self._sink.close()

    def counts(self) -> dict[str, int]:
        """How many outcomes there are of each status."""
        counts: dict[str, int] = {}
        for outcome in self.outcomes:
            counts[outcome.status] = counts.get(outcome.status, 0) + 1
        return counts

    def _record(self, outcome: Outcome) -> Outcome:
        self.outcomes.append(outcome)
        return outcome

    def _bound(self) -> int:
        return max(0, min(self._limits.item_bytes, self._limits.total_bytes - self._total))

    def _stop(self, entry: _Entry) -> str | None:
        """Why nothing more may be written, if that is so."""
        if self._deadline.passed():
            return self._deadline.reason
        if self._sink.full:
            return _NO_ROOM
        if self._sink.tell() >= self._limits.staged_bytes:
            return f"the bundle has reached staged_bytes ({self._limits.staged_bytes})"
        if self._total + entry.bytes >= self._limits.total_bytes:
            return f"the items have reached total_bytes ({self._limits.total_bytes})"
        if entry.cut:
            return f"the item is cut at item_bytes ({self._limits.item_bytes})"
        return None

    def _fill(self, entry: _Entry, collect: Callable[[], Content]) -> tuple[str, str | None]:
        stop = self._stop(entry)
        if stop is not None:
            return FAILED, f"Not collected: {stop}."
        problem: str | None = None
        notes: list[str] = []
        try:
            content = collect()
            if isinstance(content, Missing):
                return MISSING, content.reason
            notes = content.notes
            stop = self._write(entry, content.chunks)
        except EvidenceError:
            raise
        except Exception as exc:  # noqa: BLE001 - one item's failure is its row, and nothing else
            problem = describe(exc)
        if stop is not None:
            problem = f"cut: {stop}"
        if problem is not None:
            return (TRUNCATED if entry.bytes else FAILED), _joined([problem, *notes])
        if notes:
            return TRUNCATED, _joined(notes)
        return (COLLECTED if entry.bytes else EMPTY), None

    def _write(self, entry: _Entry, chunks: Iterable[bytes]) -> str | None:
        for piece in _pieces(chunks):
            stop = self._stop(entry)
            if stop is not None:
                return stop
            try:
                entry.write(piece)
            except OSError as exc:
                raise EvidenceError(
                    f"The bundle at {self._path} cannot be written: {describe(exc)}."
                ) from exc
        return self._stop(entry) if entry.cut else None


class _Entry:
    """One file of the zip, begun with its first byte, so that an item without content leaves none."""

    def __init__(self, archive: zipfile.ZipFile, path: str, bound: int) -> None:
        self._archive = archive
        self._path = path
        self._bound = bound
        self._digest = hashlib.sha256()
        self._file: Any = None
        self._line_ended = False
        self.bytes = 0
        self.cut = False

    def write(self, piece: bytes) -> None:
        """Write up to the bound; a text is cut after a whole line where it has one."""
        room = self._bound - self.bytes
        if len(piece) > room:
            self.cut = True
            whole_lines = piece.rfind(b"\n", 0, room) + 1
            piece = piece[: whole_lines or (0 if self._line_ended else room)]
        if not piece:
            return
        if self._file is None:
            self._file = self._archive.open(self._path, "w", force_zip64=self._bound >= _ZIP64_BYTES)
        self._file.write(piece)
        self._digest.update(piece)
        self._line_ended = piece.endswith(b"\n")
        self.bytes += len(piece)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        if len(chunk) <= _PIECE_BYTES:
            yield chunk
            continue
        view = memoryview(chunk)
        for begin in range(0, len(chunk), _PIECE_BYTES):
            yield bytes(view[begin : begin + _PIECE_BYTES])


def _joined(reasons: list[str]) -> str:
    return "; ".join(dict.fromkeys(reasons))[:4096]


def _measure(path: Path) -> tuple[int, str]:
    digest = hashlib.sha256()
    size = 0
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()
