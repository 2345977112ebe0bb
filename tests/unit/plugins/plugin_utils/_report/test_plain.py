# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import columns, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web1", "web1"),
        ("größer 漢字 ✓", "größer 漢字 ✓"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\x9b31mb", r"a\x9b31mb"),
        ("a\nb\rc\td", r"a\x0ab\x0dc\x09d"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("a\u200bb\ufeffc", r"a\u200bb\ufeffc"),
        ("e\u0301\u0301", r"e\u0301\u0301"),
        ("a\u2028b\xa0c", r"a\u2028b\xa0c"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("x" * 12, "x" * 10 + "…"),
        (None, "None"),
    ],
)
def test_what_a_terminal_would_act_on_is_written_out(text: object, shown: str) -> None:
    assert plain(text, 10 if text == "x" * 12 else 1000) == shown


@given(st.text())
def test_nothing_moves_hides_or_reorders(text: str) -> None:
    shown = plain(text)
    assert all(char == " " or char.isprintable() for char in shown)
    assert not {unicodedata.category(char) for char in shown} & {
        "Cc",
        "Cf",
        "Cs",
        "Co",
        "Mn",
        "Me",
        "Zl",
        "Zp",
    }
    assert shown.isascii() or len(shown) <= columns(shown)


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_stays(text: str) -> None:
    assert plain(text) == text
