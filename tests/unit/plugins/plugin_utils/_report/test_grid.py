# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.plugin_utils._report.grid import grid, wrap
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import columns

VISIBLE = st.text(alphabet=st.sampled_from("abc defghij漢字é"), max_size=60)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 5, [""]),
        ("one two", 7, ["one two"]),
        ("one two", 6, ["one", "two"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("漢字漢", 4, ["漢字", "漢"]),
    ],
)
def test_wrap(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines


@given(VISIBLE, st.integers(2, 40))
def test_no_line_is_too_wide_and_nothing_is_lost(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(columns(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@given(st.lists(st.tuples(VISIBLE, VISIBLE, VISIBLE), max_size=5), st.integers(60, 120))
def test_a_grid_fits_its_width(rows: list[tuple[str, str, str]], width: int) -> None:
    lines = grid([[[cell] for cell in row] for row in rows], (15, 15), width)
    assert all(columns(line) <= width for line in lines)


def test_cells_are_aligned_and_wrapped_each_in_its_column() -> None:
    rows = [[["HOST"], ["WHY"]], [["web1"], ["first sentence", "second one"]], [["a-very-long-name"], ["x"]]]
    assert grid(rows, (8,), 30) == [
        "HOST      WHY",
        "web1      first sentence",
        "          second one",
        "a-very-l  x",
        "ong-name",
    ]
