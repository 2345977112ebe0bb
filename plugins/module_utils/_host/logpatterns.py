# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is searched for in logs, and the fixed texts by which most of a log is passed over unparsed. Pure."""

from __future__ import annotations

import importlib
import re
import sys
import warnings
from dataclasses import dataclass
from typing import Any, Iterable, Iterator, Sequence

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption

# A regular expression that backtracks must not hang on one endless line; engines write 16 KiB a line at most.
LINE_CHARACTERS = 1 << 16
_MOST_LITERALS = 12
_SHORTEST_LITERAL = 2
_SAMPLE_BYTES = 1 << 14
_RARE = 4
# moby's json-file driver writes these otherwise (daemon/logger/jsonfilelog/jsonlog/jsonlogbytes.go), or may.
_ESCAPED = frozenset('"\\<>&\u2028\u2029\ufffd')


@dataclass(frozen=True)
class Pattern:
    """One thing to look for. A line that holds none of ``literals``, as written to the file, cannot match."""

    text: str
    expression: re.Pattern[str]
    ignore_case: bool
    literals: tuple[bytes, ...]

    @classmethod
    def keyword(cls, text: str, ignore_case: bool = False) -> Pattern:
        """A fixed text. Case is ignored of ASCII letters only. Raises InvalidOption for an empty one."""
        if not text:
            raise InvalidOption("keyword has an empty text, which every line holds: leave it out.")
        expression = _compiled(re.escape(text), ignore_case, text)
        literal = max(_plain_runs(text), key=len, default="")
        # Of characters that json-file escapes, and local does not, both spellings have to be looked for.
        needles = (
            [literal.encode()]
            if len(literal) >= _SHORTEST_LITERAL
            else [json_text(text), text.encode("utf-8", "backslashreplace")]
        )
        spelled = dict.fromkeys(needle.lower() if ignore_case else needle for needle in needles)
        return cls(text, expression, ignore_case, tuple(spelled))

    @classmethod
    def regex(cls, text: str, ignore_case: bool = False) -> Pattern:
        """A regular expression of Python's; its classes are ASCII. Raises InvalidOption for a bad one."""
        expression = _compiled(text, ignore_case, text)
        tree, any_case = _parsed(text, expression.flags)
        found = _required(tree) if tree is not None else ()
        literals = tuple(literal.encode() for literal in found)
        return cls(text, expression, any_case, tuple(x.lower() for x in literals) if any_case else literals)

    def matches(self, line: str) -> bool:
        return self.expression.search(line, 0, LINE_CHARACTERS) is not None


def json_text(text: str) -> bytes:
    """A text as moby writes it into a json-file log."""
    short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r"}
    return "".join(
        short.get(character)
        or (f"\\u{ord(character):04x}" if character < " " or character in _ESCAPED else character)
        for character in text
    ).encode("utf-8", "backslashreplace")


def _compiled(expression: str, ignore_case: bool, text: str) -> re.Pattern[str]:
    flags = re.ASCII | (re.IGNORECASE if ignore_case else 0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(expression, flags)
    except (re.error, ValueError, OverflowError, RecursionError) as exc:
        raise InvalidOption(
            f"regex has {text!r}, which is no regular expression of Python's: {exc}."
        ) from exc


def _plain(character: str) -> bool:
    return " " <= character <= "~" and character not in _ESCAPED


def _plain_runs(text: str) -> list[str]:
    return "".join(character if _plain(character) else "\n" for character in text).split("\n")


def _parsed(text: str, flags: int) -> tuple[Any, bool]:
    """The parsed expression, None where this Python's parser is unknown; and whether case is ignored."""
    name = "re._parser" if sys.version_info >= (3, 11) else "sre_parse"
    any_case = bool(flags & re.IGNORECASE) or re.search(r"\(\?[a-zA-Z]*i", text) is not None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name).parse(text, flags), any_case
    except (ImportError, AttributeError, re.error, ValueError):
        return None, any_case


def _required(tree: Iterable[Any]) -> tuple[str, ...]:
    """Texts of which every match holds at least one; empty where none can be told."""
    best: tuple[str, ...] = ()
    run = ""
    for operation, argument in [*tree, (None, None)]:
        name = str(operation)
        if name == "LITERAL" and _plain(chr(argument)):
            run += chr(argument)
            continue
        best, run = _better(best, (run,)), ""
        best = _better(best, _inside(name, argument))
    return best


def _inside(name: str, argument: Any) -> tuple[str, ...]:
    """What a part that is itself made of parts requires."""
    if name == "SUBPATTERN":
        return _required(argument[-1])
    if name == "ATOMIC_GROUP":
        return _required(argument)
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return _required(argument[2]) if argument[0] else ()
    if name == "BRANCH":
        branches = [_required(branch) for branch in argument[1]]
        if all(branches):
            return tuple(dict.fromkeys(literal for branch in branches for literal in branch))
    return ()


def _better(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return other if _worth(other) > _worth(one) else one


def _worth(literals: Sequence[str]) -> tuple[int, int]:
    """The longer the shortest, the fewer lines have to be parsed; each further one is one more pass."""
    shortest = min(map(len, literals), default=0)
    if shortest < _SHORTEST_LITERAL or len(literals) > _MOST_LITERALS:
        return 0, 0
    return min(shortest, 5), -len(literals)


class Prefilter:
    """Finds the lines of a chunk of a log that may match, a pass for each literal."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._every_line = frozenset(i for i, pattern in enumerate(patterns) if not pattern.literals)
        needles: dict[tuple[bytes, bool], list[int]] = {}
        for index, pattern in enumerate(patterns):
            for literal in pattern.literals:
                needles.setdefault((literal, pattern.ignore_case), []).append(index)
        self._needles = [_Needle(text, low, frozenset(indexes)) for (text, low), indexes in needles.items()]

    def candidates(self, chunk: bytes) -> dict[int, frozenset[int]]:
        """Where the lines begin that may match, and which patterns they may match, in the order of the lines.

        The chunk holds whole lines, apart by newlines.
        """
        found = dict.fromkeys(_line_starts(chunk), self._every_line) if self._every_line else {}
        folded: bytes | None = None
        sample = chunk[:_SAMPLE_BYTES]
        for needle in self._needles:
            rare = needle.rare(sample)
            if rare is None and needle.ignore_case and folded is None:
                folded = chunk.lower()
            text = folded if needle.ignore_case and folded is not None else chunk
            position = 0
            while position >= 0:
                hit = needle.find(text, position) if rare is None else needle.find_by(chunk, position, *rare)
                if hit < 0:
                    break
                start = chunk.rfind(b"\n", 0, hit) + 1
                known = found.get(start)
                found[start] = needle.indexes if known is None else known | needle.indexes
                position = chunk.find(b"\n", hit + len(needle.text) - 1) + 1 or -1
        return dict(sorted(found.items())) if len(self._needles) > 1 else found


def _line_starts(chunk: bytes) -> Iterator[int]:
    position = 0
    while position < len(chunk):
        yield position
        position = (chunk.find(b"\n", position) + 1) or len(chunk)


class _Needle:
    """A fixed text, in lower case where case is ignored."""

    def __init__(self, text: bytes, ignore_case: bool, indexes: frozenset[int]) -> None:
        self.text = text
        self.ignore_case = ignore_case
        self.indexes = indexes
        # re finds a fixed text in half the time of bytes.find.
        self._expression = re.compile(re.escape(text))

    def rare(self, sample: bytes) -> tuple[int, bytes, bytes] | None:
        """A byte of the text, with its offset, so rare here that looking for it alone is quickest."""
        best: tuple[int, int, bytes, bytes] | None = None
        for offset in range(len(self.text)):
            small = self.text[offset : offset + 1]
            large = small.upper() if self.ignore_case else small
            number = sample.count(small) + (sample.count(large) if large != small else 0)
            if number <= _RARE and (best is None or number < best[0]):
                best = (number, offset, small, large)
        return best[1:] if best else None

    def find(self, text: bytes, position: int) -> int:
        hit = self._expression.search(text, position)
        return -1 if hit is None else hit.start()

    def find_by(self, chunk: bytes, position: int, offset: int, small: bytes, large: bytes) -> int:
        """By one byte, which the C library finds at the speed of memory; both its cases where they differ."""
        low = chunk.find(small, position)
        high = chunk.find(large, position) if large != small else -1
        while low >= 0 or high >= 0:
            if high < 0 or 0 <= low < high:
                at, low = low, chunk.find(small, low + 1)
            else:
                at, high = high, chunk.find(large, high + 1)
            begin = at - offset
            piece = chunk[begin : begin + len(self.text)] if begin >= position else b""
            if (piece.lower() if self.ignore_case else piece) == self.text:
                return begin
        return -1
