# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of files with their hashes, as `sha256sum -c` reads them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .results import Unreadable

_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)\n")
_ESCAPED = (("%", "%25"), ("\n", "%0A"), ("\r", "%0D"))  # as BagIt has it (RFC 8493, 2.1.3)


def render(digests: Mapping[str, str]) -> bytes:
    """The list in the order of its names. Those that are no UTF-8 keep their bytes."""
    lines = (f"{digests[name]}  {_escape(name)}\n" for name in sorted(digests))
    return "".join(lines).encode("utf-8", "surrogateescape")


def parse(data: bytes) -> dict[str, str]:
    """Hashes by name. Raises Unreadable for a line that is none, and for a name that is there twice."""
    text = data.decode("utf-8", "surrogateescape")
    found: dict[str, str] = {}
    for number, line in enumerate(_lines(text), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise Unreadable(f"Its line {number} is no hash and a name.")
        name = _restore(match.group(2))
        if name in found:
            raise Unreadable(f"Its line {number} names a file for the second time.")
        found[name] = match.group(1)
    return found


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _escape(name: str) -> str:
    for char, code in _ESCAPED:
        name = name.replace(char, code)
    return name


def _restore(name: str) -> str:
    for char, code in reversed(_ESCAPED):
        name = name.replace(code, char).replace(code.lower(), char)
    return name
