# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._engine.frames import demultiplex, undivided
from ansible_collections.cordon.docker.plugins.module_utils._errors import EngineError

if TYPE_CHECKING:
    from .conftest import Recorded


@pytest.mark.parametrize("size", [1, 7, 8, 9, 1 << 20])
def test_pieces_of_any_size_give_the_same_frames(recorded: Recorded, size: int) -> None:
    body = recorded.bytes("logs-local.bin")
    whole = list(demultiplex([body]))
    assert len(whole) == 5
    assert list(demultiplex(body[i : i + size] for i in range(0, len(body), size))) == whole


@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_a_terminal_s_lines(recorded: Recorded, size: int) -> None:
    body = recorded.bytes("logs-tty.bin")
    frames = list(undivided(body[i : i + size] for i in range(0, len(body), size)))
    assert [frame.data.split(b" ", 1)[1] for frame in frames] == [b"line one\r\n", b"jndi two\r\n"]


def test_what_is_no_log() -> None:
    with pytest.raises(EngineError, match="make no sense"):
        list(demultiplex([b"2026-02-03T04:05:06Z a line"]))
    with pytest.raises(EngineError, match="make no sense"):
        list(demultiplex([b"\x01\0\0\0\xff\xff\xff\xff"]))
    with pytest.raises(EngineError, match="broke off"):
        list(demultiplex([b"\x01\0\0\0\0\0\0\x09abc"]))
    with pytest.raises(EngineError, match="to its end: damaged"):
        list(demultiplex([b"\x03\0\0\0\0\0\0\x07damaged"]))
