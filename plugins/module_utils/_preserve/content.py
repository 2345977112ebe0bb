# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The content of files that others may be writing to, holes known, of exactly the size that was announced."""

from __future__ import annotations

import errno
import os
from typing import Iterable, Iterator, Sequence, Tuple

from ansible_collections.cordon.docker.plugins.module_utils._errors import describe

from .notes import Notes

CHUNK = 1 << 18
MAX_PIECES = 65_536
_LEAST_HOLE = 1 << 16  # bytes: below that a map of holes costs more than it saves
Piece = Tuple[int, int]


def pieces(handle: int, size: int) -> tuple[list[Piece], bool]:
    """Where a file of ``size`` bytes holds data, as offset and length, and whether that is all.

    A file that is cut into more than 65,536 pieces is told up to there: a map has to be held while it is sent.
    """
    found: list[Piece] = []
    at = 0
    while at < size:
        try:
            begin = os.lseek(handle, at, os.SEEK_DATA)
            if begin >= size:
                break
            end = min(os.lseek(handle, begin, os.SEEK_HOLE), size)
        except OSError as exc:
            if exc.errno == errno.ENXIO:
                break
            return [(0, size)], True  # a file system without holes
        if len(found) >= MAX_PIECES:
            return found, False
        if end > begin:
            found.append((begin, end - begin))
        at = max(end, begin + 1)
    return found, True


def is_sparse(status: os.stat_result) -> bool:
    """Whether a file takes so much less room than its size that its holes are worth a map."""
    return status.st_size - status.st_blocks * 512 > _LEAST_HOLE


def read_pieces(handle: int, wanted: Iterable[Piece], path: str, notes: Notes) -> Iterator[bytes]:
    """Exactly the bytes asked for, in chunks of 256 KiB; what is not there any more, or cannot be read, is zeros."""
    for begin, length in wanted:
        offset, end = begin, begin + length
        while offset < end:
            want = min(CHUNK, end - offset)
            try:
                block = os.pread(handle, want, offset)
            except OSError as exc:
                notes.add(
                    f"{path} could not be read from byte {offset} on, zeros stand there: {describe(exc)}"
                )
                yield from zeros(end - offset)
                break
            if not block:
                notes.add(
                    f"{path} shrank to {offset} bytes while it was read, zeros stand in place of the rest"
                )
                yield from zeros(end - offset)
                break
            offset += len(block)
            yield block


def zeros(size: int) -> Iterator[bytes]:
    """``size`` bytes of nothing."""
    while size > 0:
        yield b"\0" * min(size, CHUNK)
        size -= CHUNK


def whole_file(handle: int, path: str, notes: Notes) -> Iterator[bytes]:
    """A regular file at the size it had when it was opened; the handle is closed."""
    try:
        size = os.fstat(handle).st_size
        yield from read_pieces(handle, [(0, size)], path, notes)
        _note_growth(handle, size, path, notes)
    finally:
        os.close(handle)


def _note_growth(handle: int, size: int, path: str, notes: Notes) -> None:
    now = os.fstat(handle).st_size
    if now > size:
        notes.add(f"{path} grew from {size} to {now} bytes while it was read; the first {size} are kept")


def note_changes(handle: int, before: os.stat_result, path: str, notes: Notes) -> None:
    """Say where a file that was just read is no longer what it was when it was opened."""
    now = os.fstat(handle)
    if now.st_size > before.st_size:
        _note_growth(handle, before.st_size, path, notes)
    elif now.st_mtime_ns != before.st_mtime_ns:
        notes.add(f"{path} was written to while it was read")


def joined(parts: Iterable[bytes], size: int = CHUNK) -> Iterator[bytes]:
    """The same bytes in fewer chunks: a million small files are not ten million writes."""
    waiting: list[bytes] = []
    held = 0
    for part in parts:
        if held + len(part) > size and waiting:
            yield b"".join(waiting)
            waiting, held = [], 0
        if len(part) >= size:
            yield part
        else:
            waiting.append(part)
            held += len(part)
    if waiting:
        yield b"".join(waiting)


def total(wanted: Sequence[Piece]) -> int:
    """How many bytes the pieces hold."""
    return sum(length for _offset, length in wanted)
