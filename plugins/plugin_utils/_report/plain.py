# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text that came from a host, made fit for a terminal. Pure."""

from __future__ import annotations

import unicodedata

# Control, format (bidi, zero width), surrogates, private use, unassigned, line and paragraph separators, odd
# spaces, and marks that pile up on the letter before.
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs", "Mn", "Me"))


def plain(text: object, longest: int = 1000) -> str:
    r"""One line of visible characters: what would move the cursor, hide or reorder is written as `\xNN` or
    `\uNNNN`, and what is longer is cut with an ellipsis."""
    raw = str(text)
    cut = raw[:longest]
    if not (cut.isascii() and cut.isprintable()):
        cut = "".join(map(_visible, cut))
    return cut if len(raw) <= longest else cut + "…"


def _visible(char: str) -> str:
    if char == " " or (char.isprintable() and unicodedata.category(char) not in _HIDDEN):
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def columns(text: str) -> int:
    """How many columns of a terminal visible text takes."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
