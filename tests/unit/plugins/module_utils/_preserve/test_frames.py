# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The form of the stream: what one side writes the other reads, and what no sender writes is refused."""

from __future__ import annotations

import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._preserve import frames


@given(st.binary(max_size=64))
def test_any_header_is_a_frame_or_refused(raw: bytes) -> None:
    if len(raw) != frames.HEADER_BYTES:
        return
    try:
        kind, length = frames.parse_header(raw)
    except EvidenceError:
        return
    assert frames.header(kind, length) == raw
    assert length <= 2 << 20


def test_a_length_beyond_the_bound_is_refused() -> None:
    with pytest.raises(EvidenceError, match="no frame"):
        frames.parse_header(frames.header(frames.DATA, frames.MOST_BYTES + 1))


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b"[" * 100_000, b"\xff"])
def test_what_is_no_object_is_refused(payload: bytes) -> None:
    with pytest.raises(EvidenceError):
        frames.document(payload)


def test_a_mark_says_how_far_and_what() -> None:
    assert frames.parse_mark(frames.mark(7, b"x" * 32)) == (7, b"x" * 32)
    with pytest.raises(EvidenceError):
        frames.parse_mark(b"short")


def test_what_compresses_is_packed_and_comes_back() -> None:
    data = b"GET /index.html\n" * 40_000
    packed = frames.pack(data)
    assert packed is not None
    assert len(packed) < len(data) // 8
    assert frames.unpack(packed) == data


def test_what_does_not_compress_is_left_as_it_is() -> None:
    assert frames.pack(os.urandom(1 << 20)) is None


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(EvidenceError, match="longer"):
        frames.unpack(zlib.compress(b"\0" * (64 << 20)))


@pytest.mark.parametrize(
    "payload", [b"", b"nothing", zlib.compress(b"x" * 100)[:-5], zlib.compress(b"x") + b"more"]
)
def test_what_is_not_packed_is_refused(payload: bytes) -> None:
    with pytest.raises(EvidenceError):
        frames.unpack(payload)


def test_a_plan_of_many_items_is_several_frames() -> None:
    payloads = list(frames.plan([["layer", f"containers/{number}", None] for number in range(2500)]))
    assert [len(frames.document(payload)["items"]) for payload in payloads] == [1000, 1000, 500]
    assert max(map(len, payloads)) < 1 << 20
