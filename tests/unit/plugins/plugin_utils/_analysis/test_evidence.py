# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading items line by line: block by block it gives what the whole file would."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import evidence
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.build_case import (
    container_of,
)

LINES = st.lists(
    st.one_of(
        st.builds(lambda n: json.dumps({"n": "x" * n}).encode(), st.integers(0, 30)),
        st.sampled_from([b"", b" ", b"[]", b"junk", b'{"n":"JNDI"}', b'{"n":"jndi"}']),
        st.builds(lambda n: b'{"n":"' + b"y" * n + b'"}', st.integers(30, 120)),
    ),
    max_size=12,
)


def expected(raw: bytes, pieces: tuple[bytes, ...], limit: int) -> tuple[list[int], int]:
    """Lines with an object and a piece that are short enough, and how many are none or too long."""
    lines, problems = [], 0
    for number, line in enumerate(raw.split(b"\n"), 1):
        if len(line) > limit:
            problems += 1
        elif not pieces or any(piece in line for piece in pieces):
            lines += [number] if line.startswith(b"{") else []
            problems += bool(line.strip()) and not line.startswith(b"{")
    return lines, problems


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, st.booleans(), st.sampled_from([(), (b"jndi",), (b"xx", b"junk")]), st.integers(1, 60))
def test_blocks_of_any_size_give_the_same_lines(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    lines: list[bytes],
    ended: bool,
    pieces: tuple[bytes, ...],
    block: int,
) -> None:
    raw = b"\n".join(lines) + (b"\n" if ended else b"")
    monkeypatch.setattr(evidence, "BLOCK_BYTES", block)
    monkeypatch.setattr(evidence, "MAX_LINE_BYTES", 1 << 20)
    container = container_of(tmp_path_factory.mktemp("case"), {"top.jsonl": raw})
    found = [line for line, _dummy in container.stream("top.jsonl", pieces)]
    assert (found, container.problems.get("top.jsonl", 0)) == expected(raw, pieces, 1 << 20)


@pytest.mark.parametrize("block", [7, 64, 1 << 18])
def test_a_line_that_is_too_long_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(evidence, "MAX_LINE_BYTES", 400)
    monkeypatch.setattr(evidence, "BLOCK_BYTES", block)
    raw = b'{"a":1}\n' + b'{"a":"' + b"x" * 400_000 + b'"}\n' + b'{"a":2}\n{"a":3}'
    container = container_of(tmp_path, {"top.jsonl": raw})
    found = list(container.stream("top.jsonl"))
    if block < 400:
        assert found == [(1, {"a": 1}), (3, {"a": 2}), (4, {"a": 3})]
        assert container.problems == {"top.jsonl": 1}
    assert [line for line, _dummy in found][-2:] == [3, 4]


def test_case_is_ignored_when_asked(tmp_path: Path) -> None:
    container = container_of(tmp_path, {"top.jsonl": [{"a": "JNDI"}, {"a": "no"}, {"a": "jndi"}]})
    assert [line for line, _dummy in container.stream("top.jsonl", (b"jndi",))] == [3]
    assert [line for line, _dummy in container.stream("top.jsonl", (b"jndi",), fold=True)] == [1, 3]


def test_what_is_missing_is_empty(tmp_path: Path) -> None:
    container = container_of(tmp_path, {})
    assert list(container.stream("logs/tail.jsonl")) == []
    assert container.read_document("stats.json") == {}
    assert container.problems == {}
