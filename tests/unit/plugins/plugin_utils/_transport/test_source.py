# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both ways off a host, with a real sender's outlet at the other end, and with hosts that stall or overflow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._preserve import frames
from ansible_collections.cordon.docker.plugins.module_utils._preserve.outlet import ChunkOutlet, Gone
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.source import (
    ChunkSource,
    Paced,
    PipeSource,
)

MIB = 1 << 20


class Lane:
    """A connection that copies files; `fail` is raised by the n-th transfer."""

    def __init__(self, fail: int = 0) -> None:
        self.fetched: list[str] = []
        self._fail = fail

    def fetch_file(self, in_path: str, out_path: str) -> None:
        self.fetched.append(in_path)
        if len(self.fetched) == self._fail:
            raise AnsibleConnectionFailure("Connection reset by peer")
        shutil.copyfile(in_path, out_path)


def run(command: str) -> tuple[int, str, str]:
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def everything(source: Any) -> bytes:
    room, got = memoryview(bytearray(MIB)), bytearray()
    while size := source.readinto(room):
        got += room[:size]
        if got.endswith(frames.header(frames.FINISH, 0)):
            break
    return bytes(got)


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    folder = tmp_path / "cordon-abcd1234"
    folder.mkdir()
    (tmp_path / "scratch").mkdir()
    return folder


@pytest.fixture
def sending(staged: Path) -> Iterator[bytes]:
    """A sender that is under way, and what it sends."""
    folder = os.open(staged, os.O_RDONLY | os.O_DIRECTORY)
    pieces = [os.urandom(700_000) for _dummy in range(40)]

    def work() -> None:
        out = ChunkOutlet(folder, 5, 2 * MIB, 8 * MIB)
        try:
            for piece in pieces:
                out.write(frames.DATA, piece)
            out.write(frames.FINISH)
            out.close()
        except Gone:
            pass

    thread = threading.Thread(target=work)
    thread.start()
    yield b"".join(frames.header(frames.DATA, len(piece)) + piece for piece in pieces) + frames.header(
        frames.FINISH, 0
    )
    shutil.rmtree(staged, ignore_errors=True)
    thread.join()
    os.close(folder)


def chunks(staged: Path, lanes: list[Lane], idle: float = 5, most: int = 2 * MIB) -> ChunkSource:
    return ChunkSource(lanes, run, str(staged), staged.parent / "scratch", "web1", (idle, most))


@pytest.mark.parametrize("lanes", [1, 2])
def test_chunks_come_in_order_and_nothing_is_left_here(staged: Path, sending: bytes, lanes: int) -> None:
    source = chunks(staged, [Lane() for _dummy in range(lanes)])
    assert everything(source) == sending
    source.close()
    assert list((staged.parent / "scratch").iterdir()) == []


def test_one_command_takes_away_several_chunks(staged: Path, sending: bytes) -> None:
    commands: list[str] = []

    def counted(command: str) -> tuple[int, str, str]:
        commands.append(command)
        return run(command)

    lane = Lane()
    source = ChunkSource([lane], counted, str(staged), staged.parent / "scratch", "web1", (5, 2 * MIB))
    assert everything(source) == sending
    assert len(commands) < len(lane.fetched)


def test_a_transfer_that_fails_is_raised(staged: Path, sending: bytes) -> None:
    assert sending
    with pytest.raises(AnsibleConnectionFailure):
        everything(chunks(staged, [Lane(fail=3)]))


def test_a_sender_that_ended_is_told(staged: Path) -> None:
    staged.rmdir()
    with pytest.raises(EvidenceError, match="has ended"):
        everything(chunks(staged, [Lane()]))


def test_a_sender_that_writes_nothing_is_left(staged: Path) -> None:
    with pytest.raises(EvidenceError, match="sent nothing"):
        everything(chunks(staged, [Lane()], idle=0.2))


def test_odd_names_are_not_fetched(staged: Path) -> None:
    for name in ("00000001.chunk.part", "x; rm -rf ~.chunk", "00000002.chunk"):
        (staged / name).write_bytes(b"x")
    lane = Lane()
    with pytest.raises(EvidenceError, match="sent nothing"):
        everything(chunks(staged, [lane], idle=0.2))
    assert lane.fetched == []  # the second is not the first


def test_a_chunk_that_never_ends_is_cut_off(staged: Path) -> None:
    (staged / "00000001.chunk").write_bytes(b"x")

    class Endless(Lane):
        def fetch_file(self, in_path: str, out_path: str) -> None:
            assert in_path
            subprocess.run(
                ["dd", "if=/dev/zero", f"of={out_path}", "bs=64k"], check=True, stderr=subprocess.DEVNULL
            )

    with pytest.raises(EvidenceError, match="more than"):
        everything(chunks(staged, [Endless()]))


def pipe(code: str, idle: float = 5) -> PipeSource:
    return PipeSource([sys.executable, "-c", code], "web1", idle)


def test_a_pipe_brings_what_the_command_writes() -> None:
    source = pipe("import sys; sys.stdout.buffer.write(b'x' * 5000000)")
    assert everything(source) == b"x" * 5_000_000
    source.close()


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(EvidenceError, match="ended with 255: lost"):
        everything(pipe("import sys; print('lost', file=sys.stderr); sys.exit(255)"))


def test_a_pipe_that_falls_silent_is_cut_off_and_its_command_with_it() -> None:
    source = pipe("import time; print('a', flush=True); time.sleep(60)", idle=0.3)
    began = time.monotonic()
    with pytest.raises(EvidenceError, match="sent nothing"):
        everything(source)
    source.close()
    assert time.monotonic() - began < 10
    assert source._process.returncode is not None


def test_a_rate_is_kept() -> None:
    source = Paced(pipe("import sys; sys.stdout.buffer.write(b'x' * 3000000)"), 2_000_000)
    began = time.monotonic()
    assert len(everything(source)) == 3_000_000
    assert 1.0 < time.monotonic() - began < 6
