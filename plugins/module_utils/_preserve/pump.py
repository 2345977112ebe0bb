# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a source in a thread of its own, so that one that never answers costs its item and nothing else.

What is read waits for the sender in a short queue: reading, hashing and sending overlap, in a few megabytes.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from typing import Callable, Iterable, Iterator, Union

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError

from .frames import PIECE_BYTES
from .item import Blob, Part

_QUEUED = 4
_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class BlobBegins:
    sha256: str
    size: int


@dataclass(frozen=True)
class BlobEnds:
    pass


@dataclass(frozen=True)
class _Raised:
    error: BaseException


@dataclass(frozen=True)
class _Ended:
    pass


Piece = Union[bytes, BlobBegins, BlobEnds]
_Queued = Union[Piece, _Raised, _Ended]


def pumped(
    opened: Callable[[], Iterable[Part]], beat: Callable[[], None], stall_seconds: float
) -> Iterator[Piece]:
    """The stream in pieces of at most 1 MiB, blobs between their marks. ``beat`` is called while nothing comes.

    Raises what reading raises, and EvidenceError once nothing has come for ``stall_seconds``.
    """
    pieces: queue.Queue[_Queued] = queue.Queue(_QUEUED)
    abandoned = threading.Event()
    threading.Thread(target=_pump, args=(opened, pieces, abandoned), daemon=True).start()
    silent = 0.0
    try:
        while True:
            try:
                piece = pieces.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                silent += _LOOK_SECONDS
                if silent >= stall_seconds:
                    raise EvidenceError(
                        f"The source gave nothing for {stall_seconds:.0f} s and was left."
                    ) from None
                beat()
                continue
            silent = 0.0
            if isinstance(piece, _Ended):
                return
            if isinstance(piece, _Raised):
                raise piece.error
            yield piece
    finally:
        abandoned.set()


def _pump(
    opened: Callable[[], Iterable[Part]],
    pieces: queue.Queue[_Queued],
    abandoned: threading.Event,
) -> None:
    last: _Raised | _Ended = _Ended()
    try:
        for piece in _flat(opened):
            if not _hand_over(pieces, piece, abandoned):
                return
    except BaseException as exc:  # noqa: BLE001 - raised again where the item is sent
        last = _Raised(exc)
    _hand_over(pieces, last, abandoned)


def _hand_over(
    pieces: queue.Queue[_Queued],
    piece: _Queued,
    abandoned: threading.Event,
) -> bool:
    while not abandoned.is_set():
        try:
            pieces.put(piece, timeout=_LOOK_SECONDS)
        except queue.Full:
            continue
        return True
    return False


def _flat(opened: Callable[[], Iterable[Part]]) -> Iterator[Piece]:
    for part in opened():
        if isinstance(part, Blob):
            yield BlobBegins(part.sha256, part.size)
            for data in part.open():
                yield from _split(data)
            yield BlobEnds()
        else:
            yield from _split(part)


def _split(data: bytes) -> Iterator[bytes]:
    if len(data) <= PIECE_BYTES:
        if data:
            yield data
        return
    for start in range(0, len(data), PIECE_BYTES):
        yield data[start : start + PIECE_BYTES]
