# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was checked, and what came of it. Pure.

Everything in this package needs Python's standard library alone, so that evidence can be checked where no
Ansible is; hence its relative imports.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

HOLDS = "holds"
BROKEN = "DOES NOT HOLD"
OPEN = "not sealed yet"  # came after the last seal: nothing vouches for it so far
ABSENT = "none"  # an optional seal that nobody asked for
UNCHECKED = "not checked"  # for want of a key or a tool, which the sentence names
STATES = (HOLDS, BROKEN, OPEN, ABSENT, UNCHECKED)

ALL_HOLDS, SOME_BROKEN, NOT_CHECKED, SOME_OPEN = 0, 1, 2, 3


class Unreadable(Exception):  # noqa: N818 - named for what happened
    """Something is not there or not of its form. The text is a sentence."""


@dataclass(frozen=True)
class Check:
    """One row: `subject` is a path or a part of the case, `sentence` says what was found. Both are plain."""

    subject: str
    state: str
    sentence: str


def exit_code(checks: Iterable[Check]) -> int:
    """0 when all holds, 1 when anything does not, 3 when something came after the last seal.

    What is absent or could not be checked changes nothing; 2 is kept for a case that cannot be read.
    """
    states = {check.state for check in checks}
    if BROKEN in states:
        return SOME_BROKEN
    return SOME_OPEN if OPEN in states else ALL_HOLDS


def listed(names: Iterable[str], most: int = 3) -> str:
    """Some names and how many more there are, such as `a, b, c and 4 more`."""
    found = [plain(name, 200) for name in names]
    more = len(found) - most
    return ", ".join(found[:most]) + (f" and {more} more" if more > 0 else "")


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def plain(text: object, longest: int = 600) -> str:
    """Visible ASCII: a name out of a case may have been made to fool whoever reads it in a terminal."""
    raw = str(text)
    cut = raw[:longest].encode("ascii", "backslashreplace").decode("ascii")
    shown = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in cut)
    return shown if len(raw) <= longest else f"{shown}..."
