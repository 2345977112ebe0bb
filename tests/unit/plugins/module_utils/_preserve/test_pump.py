# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A source is read in a thread: one that raises or hangs costs its item and nothing else."""

from __future__ import annotations

import threading
from typing import Iterator

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._preserve import frames, pump
from ansible_collections.cordon.docker.plugins.module_utils._preserve.item import Blob, Part
from ansible_collections.cordon.docker.plugins.module_utils._preserve.pump import BlobBegins, BlobEnds, pumped


def test_parts_come_in_order_and_large_ones_are_cut() -> None:
    def source() -> Iterator[Part]:
        yield b"a" * 10
        yield b""
        yield b"b" * (frames.PIECE_BYTES + 1)

    pieces = list(pumped(source, lambda: None, 10))
    assert [len(piece) for piece in pieces if isinstance(piece, bytes)] == [10, frames.PIECE_BYTES, 1]


def test_a_blob_stands_between_its_marks() -> None:
    def source() -> Iterator[Part]:
        yield b"head"
        yield Blob("0" * 64, 3, lambda: [b"abc"])

    assert list(pumped(source, lambda: None, 10)) == [b"head", BlobBegins("0" * 64, 3), b"abc", BlobEnds()]


def test_what_reading_raises_is_raised() -> None:
    def source() -> Iterator[Part]:
        yield b"a"
        raise OSError("gone")

    stream = pumped(source, lambda: None, 10)
    assert next(stream) == b"a"
    with pytest.raises(OSError, match="gone"):
        next(stream)


def test_a_source_that_never_answers_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "_LOOK_SECONDS", 0.01)
    beats = []
    forever = threading.Event()

    def source() -> Iterator[Part]:
        forever.wait()
        yield b"never"

    with pytest.raises(EvidenceError, match="gave nothing"):
        list(pumped(source, lambda: beats.append(1), 0.05))
    forever.set()
    assert beats


def test_no_more_is_read_than_the_sender_takes() -> None:
    read = []

    def source() -> Iterator[Part]:
        for number in range(100):
            read.append(number)
            yield b"x"

    stream = pumped(source, lambda: None, 10)
    next(stream)
    threading.Event().wait(0.1)
    assert len(read) < 10
    stream.close()  # type: ignore[attr-defined]
