# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sentences and commands about hostile material: short, printable, and safe to paste into a shell."""

from __future__ import annotations

import re
import shlex

_CONTAINER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_KEYWORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def plain(value: str, limit: int = 80) -> str:
    """The text on one line without anything a terminal or a reader could be fooled by, cut at the limit."""
    short = value if len(value) <= limit else value[: limit - 1] + "…"
    if short.isprintable():
        return short
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in short)


def command_line(words: list[str], limit: int = 80) -> str:
    """Arguments as one line for reading, not for running."""
    joined = ""
    for word in words:
        joined = f"{joined} {word}" if joined else word
        if len(joined) > limit:
            break
    return plain(joined, limit)


def times(count: int) -> str:
    """once, twice, 3 times."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def duration(seconds: float) -> str:
    """12 s, 5 min, 3 h, 2 days."""
    if seconds < 1:
        return "less than a second"
    for size, unit in ((172_800, "days"), (7200, "h"), (120, "min")):
        if seconds >= size:
            return f"{seconds // {'days': 86_400, 'h': 3600, 'min': 60}[unit]:.0f} {unit}"
    return f"{seconds:.0f} s"


def listed(names: list[str], shown: int = 3) -> str:
    """a, b and 4 more."""
    if len(names) <= shown:
        return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
    return f"{', '.join(names[:shown])} and {len(names) - shown} more"


def info_command(module: str, host: str, name: str, container_id: str, options: str = "") -> str:
    """A command that reads one container; its name goes in only where an engine could have given it."""
    chosen = name if _CONTAINER_NAME.fullmatch(name) else container_id
    arguments = f"containers={chosen} {options}".rstrip()
    return f"ansible {shlex.quote(host)} -b -m cordon.docker.{module} -a {shlex.quote(arguments)}"


def keyword(word: str) -> str:
    """The option that searches logs for a word, empty when the word is not a plain one."""
    return f"keyword={word}" if _KEYWORD.fullmatch(word) else ""
