# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from datetime import datetime, timezone

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import (
    dump_line,
    dump_lines,
    text,
    utc,
    utc_ns,
)

# Any character, lone surrogates included: what os.listdir gives for a name an intruder chose.
ANY_TEXT = st.text(alphabet=st.characters(min_codepoint=0, max_codepoint=0x10FFFF, exclude_categories=()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_a_line_is_one_line_of_valid_utf8_json(value: object) -> None:
    line = dump_line(value)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    json.dumps(json.loads(line.decode("utf-8")), ensure_ascii=False).encode("utf-8")


@given(st.binary())
def test_bytes_that_are_no_utf8_stay_readable(raw: bytes) -> None:
    assert json.loads(dump_line(text(raw))) == raw.decode("utf-8", "backslashreplace")
    assert json.loads(dump_line(raw.decode("utf-8", "surrogateescape"))) == text(raw)


def test_keys_are_sorted() -> None:
    assert dump_line({"b": 1, "a": "ü"}) == '{"a":"ü","b":1}\n'.encode()


@given(st.lists(st.text(max_size=3000), max_size=200))
def test_blocks_hold_all_rows(rows: list[str]) -> None:
    blocks = list(dump_lines(rows))
    assert [json.loads(line) for line in b"".join(blocks).split(b"\n")[:-1]] == rows
    assert all(blocks)


@given(st.integers(min_value=0, max_value=4_000_000_000_000_000_000))
def test_times_agree_with_datetime(nanoseconds: int) -> None:
    moment = datetime.fromtimestamp(nanoseconds // 1_000_000_000, timezone.utc)
    expected = moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{nanoseconds % 1_000_000_000 // 1000:06d}Z"
    assert utc_ns(nanoseconds) == expected


@given(st.integers(min_value=-(1 << 80), max_value=1 << 80))
def test_any_time_has_the_same_form(nanoseconds: int) -> None:
    assert len(utc_ns(nanoseconds)) == len("2024-01-02T03:04:05.123456Z")


def test_utc_of_seconds() -> None:
    assert utc(1700000000.123456) == "2023-11-14T22:13:20.123456Z"
    assert utc(0.9999999) == "1970-01-01T00:00:01.000000Z"
