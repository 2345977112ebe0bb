# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of any type are read as what they are, and texts are made fit for people and shells."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values, wording

ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.none()))


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1970-01-01T00:01:00Z", 60.0),
        ("1970-01-01T00:01:00.5Z", 60.5),
        ("1970-01-01T00:01:00.123456789Z", 60.123456),
        ("1970-01-01T01:01:00.123456789+01:00", 60.123456),
        ("1969-12-31T23:01:00-01:00", 60.0),
        ("1970-01-01T00:01:00", 60.0),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        ("yesterday, about noon, I think", None),
        ("1970-13-01T00:01:00Z", None),
        (60, None),
        (None, None),
    ],
)
def test_moments(written: Any, seconds: float | None) -> None:
    assert values.moment(written) == seconds


@given(ANYTHING)
def test_no_value_raises(value: Any) -> None:
    values.moment(value)
    values.integer(value)
    values.number(value)
    assert isinstance(values.text(value), str)
    assert isinstance(values.items(value), list)
    assert isinstance(values.record(value), dict)


@pytest.mark.parametrize("value", [True, float("nan"), float("inf"), 10**400, "1", None])
def test_what_is_no_number(value: Any) -> None:
    assert values.number(value) is None


@given(st.text(max_size=200), st.integers(5, 100))
def test_plain_text_is_printable_and_short(text: str, limit: int) -> None:
    shown = wording.plain(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit * 10


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_commands_hold_no_more_words_than_meant(host: str, name: str, word: str) -> None:
    command = wording.info_command("container_logs_info", host, name, "0123456789ab", wording.keyword(word))
    words = shlex.split(command)
    assert words[:1] + words[2:6] == ["ansible", "-b", "-m", "cordon.docker.container_logs_info", "-a"]
    assert words[1] == host
    assert len(words) == 7
    assert len(words[6].split()) <= 2


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "less than a second"), (12, "12 s"), (600, "10 min"), (7300, "2 h"), (200_000, "2 days")],
)
def test_durations(seconds: float, told: str) -> None:
    assert wording.duration(seconds) == told


def test_lists() -> None:
    assert wording.listed([]) == ""
    assert wording.listed(["a"]) == "a"
    assert wording.listed(["a", "b"]) == "a and b"
    assert wording.listed(list("abcde")) == "a, b, c and 2 more"
    assert [wording.times(n) for n in (1, 2, 3)] == ["once", "twice", "3 times"]
