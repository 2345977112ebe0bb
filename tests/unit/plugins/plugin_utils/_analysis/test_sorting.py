# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sorting on disk gives what sorting in memory gives, and a product is whole or not there."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.sorting import replaced, sorted_lines


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=6).map(lambda raw: raw.replace(b"\n", b"") + b"\n")), st.integers(1, 4))
def test_the_order_is_that_of_the_bytes(tmp_path: Path, lines: list[bytes], at_once: int) -> None:
    with sorted_lines(lines, tmp_path, at_once) as ordered:
        assert list(ordered) == sorted(lines)
    assert list(tmp_path.iterdir()) == []


def test_more_files_than_can_be_open_are_merged_on_the_way(tmp_path: Path) -> None:
    lines = [b"%06d\n" % (number * 7919 % 10007) for number in range(10007)]
    with sorted_lines(lines, tmp_path, 50) as ordered:
        assert list(ordered) == sorted(lines)


def test_memory_does_not_grow_with_the_lines(tmp_path: Path) -> None:
    def lines() -> Iterator[bytes]:
        for number in range(60_000):
            yield b"%012d" % (number * 7919 % 60_013) + b"x" * 300 + b"\n"

    tracemalloc.start()
    with sorted_lines(lines(), tmp_path, 2000) as ordered:
        count = sum(1 for _dummy in ordered)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 60_000
    assert peak < 4 << 20  # the lines are 19 MB


def test_a_product_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "timeline.jsonl"
    target.write_bytes(b"old\n")

    def fail() -> None:
        with replaced(target) as stream:
            stream.write(b"new")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert target.read_bytes() == b"old\n"
    assert [path.name for path in tmp_path.iterdir()] == ["timeline.jsonl"]
    with replaced(target) as stream:
        stream.write(b"new\n")
    assert target.read_bytes() == b"new\n"
    assert target.stat().st_mode & 0o777 == 0o600
