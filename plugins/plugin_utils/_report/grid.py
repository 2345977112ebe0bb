# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text in columns for a terminal of any width. Pure; the text has to be plain already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import columns

GAP = "  "


def wrap(text: str, width: int) -> list[str]:
    """The words of a text in lines of at most that many columns; a longer word is broken."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        for piece in _pieces(word, width):
            longer = f"{line} {piece}" if line else piece
            if columns(longer) <= width:
                line = longer
            else:
                lines.append(line)
                line = piece
    return [*lines, line] if line or not lines else lines


def _pieces(word: str, width: int) -> Iterator[str]:
    piece = ""
    for char in word:
        if piece and columns(piece + char) > width:
            yield piece
            piece = ""
        piece += char
    yield piece


def grid(rows: Sequence[Sequence[Sequence[str]]], widest: Sequence[int], width: int) -> list[str]:
    """Rows of cells of paragraphs as lines. Each column is as wide as it needs, up to its `widest`; the last
    one takes what is left of `width`."""
    fitted = [
        min(most, max((columns(text) for row in rows for text in row[number]), default=0))
        for number, most in enumerate(widest)
    ]
    last = max(20, width - sum(fitted) - len(GAP) * len(fitted))
    lines: list[str] = []
    for row in rows:
        cells = [
            [line for paragraph in cell for line in wrap(paragraph, size)]
            for cell, size in zip(row, [*fitted, last], strict=True)
        ]
        lines += [_line(parts, fitted) for parts in zip_longest(*cells, fillvalue="")]
    return lines


def _line(parts: Sequence[str], widths: Sequence[int]) -> str:
    padded = [part + " " * (size - columns(part)) for part, size in zip(parts, widths, strict=False)]
    return GAP.join([*padded, parts[-1]]).rstrip()
