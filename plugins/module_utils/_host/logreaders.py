# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading log files in pieces of whole entries: lines (json-file), framed messages (local), also gzip."""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Callable, Iterable, Iterator, cast

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError

from .logformats import ENTRY_BYTES, Record, nanoseconds
from .logpatterns import Prefilter

CHUNK_BYTES = 1 << 20
BLOCK_BYTES = 1 << 16
_LENGTH = struct.Struct(">I")
Parse = Callable[[bytes], Record]
Keep = Callable[[bytes], bool]


@dataclass(frozen=True)
class LogFile:
    """An open file; ``size`` is of what it holds uncompressed, at the time it was opened."""

    path: str
    handle: IO[bytes]
    size: int
    compressed: bool
    reader: Reader


@contextmanager
def opened(path: str, driver: str) -> Iterator[LogFile]:
    """Opened, it stays the same file while the engine rotates. Raises HostError."""
    reader = LocalReader() if driver == "local" else LineReader()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as exc:
        raise HostError(f"The log file {path} cannot be read: {exc.strerror}.") from exc
    with os.fdopen(descriptor, "rb", buffering=0) as raw:
        compressed = path.endswith(".gz")
        size = os.fstat(descriptor).st_size
        if not compressed:
            yield LogFile(path, cast("IO[bytes]", raw), size, False, reader)
            return
        if size >= 8:
            # The last four bytes of gzip: how much it was, modulo 4 GiB.
            size = struct.unpack("<I", os.pread(descriptor, 4, size - 4))[0]
        with gzip.GzipFile(fileobj=raw, mode="rb") as unpacked:
            yield LogFile(path, cast("IO[bytes]", unpacked), size, True, reader)


def pieces(file: LogFile, start: int, length: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The file from an offset on, in pieces; up to the size it had when it was opened. Raises HostError."""
    try:
        file.handle.seek(start)
        left = file.size - start
        while left > 0:
            data = file.handle.read(min(length, left))
            if not data:
                return
            left -= len(data)
            yield data
    except (OSError, EOFError, zlib.error) as exc:
        raise HostError(f"The log file {file.path} cannot be read to its end: {exc}.") from exc


class Reader:
    """What a format of files has to tell."""

    def chunks(self, file: LogFile, start: int) -> Iterator[bytes]:
        """From ``start`` on, in pieces of whole entries; one that begins before ``start`` is left out."""
        raise NotImplementedError

    def candidates(self, chunk: bytes, prefilter: Prefilter) -> Iterator[tuple[int, int, frozenset[int]]]:
        """Begin and end of the entries that may match, and which patterns."""
        raise NotImplementedError

    def count(self, chunk: bytes, start: int, end: int) -> int:
        """How many entries there are between two offsets, each 0, of an entry, or the end."""
        raise NotImplementedError

    def last_entry(self, chunk: bytes) -> bytes:
        raise NotImplementedError

    def last(
        self, file: LogFile, count: int, most: int, end: int, keep: Keep | None
    ) -> tuple[list[bytes], int]:
        """The last entries before ``end`` to be kept, of at most ``most`` bytes, and how many were read."""
        raise NotImplementedError

    def begins_before(self, file: LogFile, seconds: float, parse: Parse) -> bool:
        """Whether its first entry is older, so that all earlier files are."""
        try:
            first = next(self.chunks(file, 0), b"")
            when = nanoseconds(parse(self.first_entry(first)).time or "") if first else None
        finally:
            file.handle.seek(0)
        return when is not None and when < seconds * 1e9

    def first_entry(self, chunk: bytes) -> bytes:
        raise NotImplementedError

    def offset_before(self, file: LogFile, seconds: float, parse: Parse) -> int:  # noqa: ARG002
        """An offset before which everything is older."""
        return 0

    def offset_after(self, file: LogFile, seconds: float, parse: Parse) -> int:  # noqa: ARG002
        """An offset after which everything is newer."""
        return file.size


class LineReader(Reader):
    """json-file: an entry is a line."""

    def chunks(self, file: LogFile, start: int) -> Iterator[bytes]:
        rest = b""
        # One byte earlier: a line that begins right at the start is whole.
        skipping = start > 0
        for data in pieces(file, max(0, start - 1)):
            if skipping:
                newline = data.find(b"\n")
                if newline < 0:
                    continue
                data, skipping = data[newline + 1 :], False  # noqa: PLW2901
            end = data.rfind(b"\n") + 1
            if end == 0 and len(rest) < ENTRY_BYTES:
                rest += data
                continue
            chunk = rest + data[:end] if rest else data[:end]
            rest = data[end:]
            yield chunk
        # What has no newline yet is still being written, unless the file is a rotated one that was cut.
        if rest:
            yield rest

    def candidates(self, chunk: bytes, prefilter: Prefilter) -> Iterator[tuple[int, int, frozenset[int]]]:
        for start, suspects in prefilter.candidates(chunk).items():
            end = chunk.find(b"\n", start)
            yield start, end if end >= 0 else len(chunk), suspects

    def count(self, chunk: bytes, start: int, end: int) -> int:
        return chunk.count(b"\n", start, end)

    def first_entry(self, chunk: bytes) -> bytes:
        return chunk.split(b"\n", 1)[0]

    def last_entry(self, chunk: bytes) -> bytes:
        return chunk[chunk.rfind(b"\n", 0, len(chunk) - 1) + 1 :]

    def last(
        self, file: LogFile, count: int, most: int, end: int, keep: Keep | None
    ) -> tuple[list[bytes], int]:
        if file.compressed:
            unpacked = (line for chunk in self.chunks(file, 0) for line in chunk.splitlines())
            return _newest(unpacked, count, most, keep)
        blocks: list[bytes] = []
        position, newlines = end, 0
        while position > 0 and newlines <= count and end - position < most:
            length = min(BLOCK_BYTES, position, most - (end - position))
            position -= length
            blocks.append(read_at(file, position, length))
            newlines += blocks[-1].count(b"\n")
        data = b"".join(reversed(blocks))
        lines = data.split(b"\n")
        # What follows the last newline is still being written; what precedes the first was cut by the bound.
        whole = lines[:-1] if position == 0 else lines[1:-1]
        return whole[-count:] if count else [], end - position

    def offset_before(self, file: LogFile, seconds: float, parse: Parse) -> int:
        return 0 if file.compressed else self._bisect(file, seconds, parse)[0]

    def offset_after(self, file: LogFile, seconds: float, parse: Parse) -> int:
        if file.compressed:
            return file.size
        position, _high = self._bisect(file, seconds, parse)
        if position > 0:
            position += read_at(file, position, 2 * BLOCK_BYTES).find(b"\n") + 1
        for chunk in self.chunks(file, position):
            for line in chunk.splitlines(keepends=True):
                when = nanoseconds(parse(line).time or "")
                if when is not None and when > seconds * 1e9:
                    return position
                position += len(line)
        return file.size

    def _bisect(self, file: LogFile, seconds: float, parse: Parse) -> tuple[int, int]:
        """Two offsets with the time between them: the engine writes in the order of time."""
        low, high = 0, file.size
        while high - low > 4 * BLOCK_BYTES:
            middle = (low + high) // 2
            when = self._time_at(file, middle, parse)
            if when is None:
                # Damaged there, or one endless line: do not guess.
                return 0, file.size
            if when < seconds * 1e9:
                low = middle
            else:
                high = middle
        return low, high

    def _time_at(self, file: LogFile, offset: int, parse: Parse) -> int | None:
        lines = read_at(file, offset, min(2 * BLOCK_BYTES, file.size - offset)).split(b"\n")
        return nanoseconds(parse(lines[1]).time or "") if len(lines) > 2 else None


class LocalReader(Reader):
    """local: four bytes of length, a message, the length again (daemon/logger/local/local.go)."""

    def chunks(self, file: LogFile, start: int) -> Iterator[bytes]:
        rest, skipped = b"", 0
        for data in pieces(file, 0):
            buffer = rest + data
            end = begin = 0
            for first, last in _messages(buffer):
                end = last + _LENGTH.size
                if skipped + first - _LENGTH.size < start:
                    begin = end
            skipped += end
            rest = buffer[end:]
            if end > begin:
                yield buffer[begin:end]
            if len(rest) > CHUNK_BYTES + ENTRY_BYTES:
                raise HostError(f"The log file {file.path} is damaged after {skipped} bytes.")

    def candidates(self, chunk: bytes, prefilter: Prefilter) -> Iterator[tuple[int, int, frozenset[int]]]:
        for start, end in _messages(chunk):
            suspects: frozenset[int] = frozenset()
            for found in prefilter.candidates(chunk[start:end]).values():
                suspects |= found
            if suspects:
                yield start, end, suspects

    def count(self, chunk: bytes, start: int, end: int) -> int:
        begin = max(0, start - _LENGTH.size)
        return sum(1 for _message in _messages(chunk, begin, end))

    def first_entry(self, chunk: bytes) -> bytes:
        return next((chunk[start:end] for start, end in _messages(chunk)), b"")

    def last_entry(self, chunk: bytes) -> bytes:
        end = len(chunk) - _LENGTH.size
        return chunk[end - int(_LENGTH.unpack_from(chunk, end)[0]) : end]

    def last(
        self,
        file: LogFile,
        count: int,
        most: int,
        end: int,  # noqa: ARG002
        keep: Keep | None,
    ) -> tuple[list[bytes], int]:
        chunks = self.chunks(file, 0)
        return _newest((c[a:b] for c in chunks for a, b in _messages(c)), count, most, keep)


def _newest(entries: Iterable[bytes], count: int, most: int, keep: Keep | None) -> tuple[list[bytes], int]:
    """The last of entries that can only be had from the first on."""
    kept: deque[bytes] = deque()
    size = 0
    for entry in entries:
        if keep is not None and not keep(entry):
            continue
        kept.append(entry)
        size += len(entry)
        while kept and (len(kept) > count or size > most):
            size -= len(kept.popleft())
    return list(kept), size


def _messages(buffer: bytes, position: int = 0, before: int | None = None) -> Iterator[tuple[int, int]]:
    """Begin and end of the messages that are whole, up to the one that begins at ``before``."""
    limit = len(buffer) if before is None else before - _LENGTH.size
    while position + _LENGTH.size <= len(buffer) and position < limit:
        start = position + _LENGTH.size
        end = start + _LENGTH.unpack_from(buffer, position)[0]
        if end - start > ENTRY_BYTES or end + _LENGTH.size > len(buffer):
            return
        yield start, end
        position = end + _LENGTH.size


def read_at(file: LogFile, offset: int, length: int) -> bytes:
    """Bytes of a plain file. Raises HostError."""
    try:
        return os.pread(file.handle.fileno(), length, offset)
    except OSError as exc:
        raise HostError(f"The log file {file.path} cannot be read: {exc.strerror}.") from exc
