# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Frames on their way out: through a pipe or as files, bounded, and never for a controller that is gone."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import Iterator

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._preserve import frames, outlet
from ansible_collections.cordon.docker.plugins.module_utils._preserve.outlet import (
    ChunkOutlet,
    Gone,
    PipeOutlet,
)

MIB = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(str(tmp_path), os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def write_many(out: outlet.Outlet, count: int) -> None:
    for _number in range(count):
        out.write(frames.DATA, b"x" * MIB)


def staged(path: Path) -> int:
    total = 0
    for file in path.iterdir():
        try:
            total += file.stat().st_size
        except FileNotFoundError:  # noqa: PERF203 - it was given its last name, or taken
            continue
    return total


def test_chunks_are_numbered_private_and_hold_everything(tmp_path: Path, folder: int) -> None:
    out = ChunkOutlet(folder, 0.1, 2 * MIB, 64 * MIB)
    for number in range(6):
        out.write(frames.DATA, bytes([number]) * MIB)
    out.flush()
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == [f"{number:08d}.chunk" for number in range(1, len(names) + 1)]
    content = b"".join((tmp_path / name).read_bytes() for name in names)
    assert content == b"".join(frames.header(frames.DATA, MIB) + bytes([number]) * MIB for number in range(6))
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names} == {0o600}


def test_no_more_is_staged_than_the_bound_and_a_controller_that_is_gone_ends_it(
    tmp_path: Path, folder: int
) -> None:
    out = ChunkOutlet(folder, 0.05, 2 * MIB, 8 * MIB)
    with pytest.raises(Gone):
        write_many(out, 100)
    assert staged(tmp_path) <= 8 * MIB


def test_it_goes_on_as_chunks_are_taken(tmp_path: Path, folder: int) -> None:
    out = ChunkOutlet(folder, 5, 2 * MIB, 8 * MIB)
    most, taken, done = [0], [0], threading.Event()

    def take() -> None:
        while not done.is_set():
            most[0] = max(most[0], staged(tmp_path))
            for file in tmp_path.glob("*.chunk"):
                taken[0] += file.stat().st_size
                file.unlink()

    thread = threading.Thread(target=take)
    thread.start()
    for _number in range(40):
        out.write(frames.DATA, b"x" * MIB)
    out.close()
    done.set()
    thread.join()
    assert taken[0] == 40 * (MIB + frames.HEADER_BYTES)
    assert most[0] <= 8 * MIB


def test_a_folder_that_was_taken_away_is_an_end(tmp_path: Path) -> None:
    above = tmp_path / "cordon-x"
    above.mkdir()
    descriptor = os.open(str(above), os.O_RDONLY | os.O_DIRECTORY)
    above.rmdir()
    with pytest.raises(Gone):
        ChunkOutlet(descriptor, 5, 2 * MIB, 8 * MIB).write(frames.BEAT)
    os.close(descriptor)


def test_a_link_planted_for_a_chunk_is_not_followed(tmp_path: Path, folder: int) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / "00000001.chunk.part").symlink_to(victim)
    with pytest.raises(OSError):  # noqa: PT011 - EEXIST or ELOOP, by the kernel's choice
        ChunkOutlet(folder, 1, 2 * MIB, 8 * MIB).write(frames.DATA, b"x")
    assert victim.read_bytes() == b"mine"


def test_a_pipe_brings_everything(tmp_path: Path, folder: int) -> None:
    PipeOutlet.make(tmp_path)
    out, got = PipeOutlet(folder, 5), []
    thread = threading.Thread(target=lambda: got.append((tmp_path / outlet.STREAM).read_bytes()))
    thread.start()
    for _number in range(5):
        out.write(frames.DATA, b"y" * MIB)
    out.close()
    thread.join()
    assert got == [(frames.header(frames.DATA, MIB) + b"y" * MIB) * 5]


def test_a_pipe_that_nobody_opens_is_left(tmp_path: Path, folder: int) -> None:
    PipeOutlet.make(tmp_path)
    with pytest.raises(Gone):
        PipeOutlet(folder, 0.05).write(frames.BEAT)


def test_a_reader_that_ends_or_stops_reading_is_gone(tmp_path: Path, folder: int) -> None:
    PipeOutlet.make(tmp_path)
    for close in (True, False):
        reader = os.open(str(tmp_path / outlet.STREAM), os.O_RDONLY | os.O_NONBLOCK)
        out = PipeOutlet(folder, 0.05)
        out.write(frames.BEAT)
        if close:
            os.close(reader)
        with pytest.raises(Gone):
            write_many(out, 10)
        out.close()
        if not close:
            os.close(reader)


def test_an_answer_is_waited_for_and_only_that_to_the_question(tmp_path: Path, folder: int) -> None:
    out = ChunkOutlet(folder, 0.1, 2 * MIB, 8 * MIB)
    (tmp_path / outlet.ANSWER).write_text("7 have\n")
    assert out.answer(7) == "have"
    assert out.answer(8) == ""
    (tmp_path / outlet.ANSWER).write_text("8 ha")  # not whole yet
    assert out.answer(8) == ""


def test_an_answer_through_a_link_or_a_pipe_is_none(tmp_path: Path, folder: int) -> None:
    secret = tmp_path / "secret"
    secret.write_text("1 have\n")
    (tmp_path / outlet.ANSWER).symlink_to(secret)
    out = ChunkOutlet(folder, 0.05, 2 * MIB, 8 * MIB)
    assert out.answer(1) == ""
    (tmp_path / outlet.ANSWER).unlink()
    os.mkfifo(str(tmp_path / outlet.ANSWER))
    assert out.answer(1) == ""
