# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._host import logformats


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1970-01-01T00:00:00.5Z", 5 * 10**8),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:30:00-00:30", 0),
        ("2026-02-03", None),
        ("2026-02-03T04:05:06", None),
        ("", None),
        ("2026-02-03T04:05:06.1234567890Z", None),
    ],
)
def test_times(text: str, expected: int | None) -> None:
    assert logformats.nanoseconds(text) == expected


def test_there_and_back() -> None:
    text = "2026-02-03T04:05:06.841764166Z"
    assert logformats.moment(logformats.nanoseconds(text) or 0) == text
    assert logformats.moment(1 << 90) is None


def test_a_line_of_a_terminal_loses_both_ends() -> None:
    record = logformats.stream_record(b"2026-02-03T04:05:06.8Z a line\r\n", "stdout")
    assert record == ("2026-02-03T04:05:06.8Z", "stdout", "a line")
    assert logformats.stream_record(b"no time here\n", "stderr") == (None, "stderr", "no time here")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"3",
        b'{"log":1}',
        b'{"log":"x","stream":"stdout"}',
        b"[" * 50000,
        b"\xff\xfe",
    ],
)
def test_a_damaged_record_is_given_as_it_is(line: bytes) -> None:
    record = logformats.json_record(line)
    assert (record.time, record.stream) == (None, "unknown")
    record.line.encode()


def test_half_surrogates_can_be_written() -> None:
    record = logformats.json_record(b'{"log":"\\ud800 x\\n","stream":"stdout","time":"t"}')
    assert record.line == "\\ud800 x"


@pytest.mark.parametrize(
    "message",
    [
        b"\xff" * 30,
        b"\x0a\xff\xff\xff\xff\x0f",
        b"\x08",
        b"\x0d\0\0\0\0",
        b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    ],
)
def test_a_damaged_message_of_the_local_driver(message: bytes) -> None:
    logformats.local_record(message).line.encode()
