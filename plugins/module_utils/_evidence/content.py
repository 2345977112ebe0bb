# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a collector hands over: content in pieces, or why there is none. A collector that fails raises."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterable, Union

from .jsonl import dump_line, dump_lines


@dataclass(frozen=True)
class Missing:
    """The item cannot be had here: a value, not an error. ``reason`` is shown to the responder."""

    reason: str


@dataclass(frozen=True)
class Found:
    """Content, pulled piece by piece while it is written. What the collector left out it says in ``notes``,
    also while it is being pulled: a note makes the outcome ``truncated``."""

    chunks: Iterable[bytes]
    notes: list[str] = field(default_factory=list)


Content = Union[Found, Missing]


def document(value: Any) -> Found:
    """One JSON document."""
    return Found((dump_line(value),))


def rows(records: Iterable[Any], notes: list[str]) -> Found:
    """JSON objects, a line each, in constant memory."""
    return Found(dump_lines(records), notes)
