# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run's last words are shown: a table whose rows have the colour of their severity, or lines for programs.

Colour is Ansible's own: where there is a terminal, or ANSIBLE_FORCE_COLOR, and not with ANSIBLE_NOCOLOR. So no
escape is ever part of a text, nor of a log file. Programs get lines when these are asked for, and not already where
there is no terminal: the table is what people read in the log of a scheduler, and what Ansible writes around it is no
JSON in any case. Each line of ours is an object and begins with a brace, which no other line of Ansible's does:
`| grep '^{' | jq`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

COLORS = {"critical": "bright red", "high": "red", "medium": "yellow", "low": "cyan"}
_LOST = {"unreachable": "bright red", "failed": "red"}
_HEADS = {"SEVERITY": COLORS, "STATUS": _LOST}

FORMATS = ("table", "jsonl")


class Display(Protocol):
    """What is used of Ansible's display."""

    def display(self, msg: str, color: str | None = None) -> Any: ...


def show(display: Display, text: str) -> None:
    """Display a text with tables, each row in its colour."""
    for line, color in colored(text):
        display.display(line, color=color)


def colored(text: str) -> Iterator[tuple[str, str | None]]:
    """Each line with its colour: that of what stands in the column of severities, or of statuses, of its row.

    A row goes on until the next word in that column; a table ends with an empty line. Pure.
    """
    column, words = -1, COLORS
    color: str | None = None
    for line in text.split("\n"):
        head = next((name for name in _HEADS if column < 0 and _is_head(line, name)), None)
        if not line.strip():
            # One empty line stands between the title and the table, and one after it.
            column, color = -1, None
        elif head is not None:
            column, words, color = line.index(head), _HEADS[head], None
            yield line, None
            continue
        elif column >= 0 and line[column : column + 1].strip():
            color = words.get(line[column:].split(" ", 1)[0])
        yield line, color


def _is_head(line: str, name: str) -> bool:
    return line.lstrip().startswith("HOST ") and f" {name} " in f"{line} "


def lines(kind: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Rows as JSON Lines, in ASCII so that nothing in them moves a cursor; `type` says what each is."""
    for row in rows:
        yield json.dumps({"type": kind, **row})
