# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

r"""JNDI lookups in text, also where they were written so that a search for them fails. Pure and linear.

Log4j resolves lookups inside lookups, so that `${${lower:j}ndi:…}`, `${${::-j}${env:X:-n}di:…}` and
`${jnd${upper:ı}:…}` are `${jndi:…}` to it (StrSubstitutor of log4j-core 2.0-2.14). On the way to the log a
request may besides be URL-encoded, once or more, or be escaped as `%uXXXX`, `\uXXXX`, `\xXX` or `&#NN;`.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

MAX_CHARS = 16_384  # of one line; servers refuse request lines and headers longer than 8 KiB by default
_MAX_ROUNDS = 12
_WORK_PER_CHAR = 40  # lookups nested so deeply that undoing them costs more are left as they are

_LOOKUP = re.compile(r"\$\{[ \t]{0,8}jndi[ \t]{0,8}:((?:\$\{[^{}]{0,100}\}|[^}]){0,300})", re.IGNORECASE)
_SERVER = re.compile(
    r"(?!java)[a-z]{2,9}:/{1,2}(\[[0-9a-f:.]{2,45}\]|[^/:\s?,]{1,255})(?::([0-9]{1,5}))?", re.IGNORECASE
)
_NESTED = re.compile(r"\$\{[^{}]{0,100}\}\.?")  # ${env:SECRET}.evil.example carries secrets out
_ENCODED_PATH = re.compile(r"/base64/([A-Za-z0-9+/_%-]{4,400}=*)", re.IGNORECASE)
_BRACES = re.compile(r"\$\{|\}")
_REPEATED_PERCENT = re.compile(r"%(?:25)+(?=[0-9a-fu])", re.IGNORECASE)
_ESCAPED = re.compile(
    r"(?P<bytes>(?:%[0-9a-f]{2})+)|%u(?P<percent>[0-9a-f]{4})|\\u{1,8}(?P<unicode>[0-9a-f]{4})"
    r"|\\u\{(?P<braced>[0-9a-f]{1,6})\}|\\x(?P<hex>[0-9a-f]{2})"
    r"|&#0{0,8}(?P<decimal>[0-9]{1,7});?|&#x0{0,8}(?P<entity>[0-9a-f]{1,6});?|&(?P<name>[a-z]{2,6});",
    re.IGNORECASE,
)
_ENTITIES = {
    "dollar": "$",
    "lbrace": "{",
    "lcub": "{",
    "rbrace": "}",
    "rcub": "}",
    "colon": ":",
    "sol": "/",
    "period": ".",
    "apos": "'",
    "quot": '"',
    "amp": "&",
    "percnt": "%",
    "bsol": "\\",
    "num": "#",
    "semi": ";",
    "nbsp": " ",
}


# What finds the opening of a lookup however it is written, for a search of the log without regard to case. Without
# backslashes, quotes and commas, so that it can be pasted in any command.
SEARCH = "([$]|%[25]*24|u0024|x24|36;|dollar;)[^a-z0-9]?[^a-z0-9]?[^a-z0-9]?((25)*7b|[{]|u007b|x7b|123;|lcub;|lbrace;)"


@dataclass(frozen=True)
class Lookup:
    """A JNDI lookup: what it asks for, the server that would answer, and whether it was disguised. `command` is what
    a path such as /Basic/Command/Base64/… asks that server to have run."""

    name: str
    server: str | None
    port: int | None
    obfuscated: bool
    command: str | None = None


def find_lookups(line: str, limit: int = 8) -> list[Lookup]:
    """The JNDI lookups of a line, at most `limit`, looking at its first MAX_CHARS characters."""
    plain = line[:MAX_CHARS]
    written = {match.group(1) for match in _LOOKUP.finditer(plain)}
    found: list[Lookup] = []
    for match in _LOOKUP.finditer(deobfuscate(plain)):
        if len(found) == limit:
            break
        name = match.group(1).strip()
        server = _SERVER.match(_NESTED.sub("", name))
        port = int(server.group(2)) if server and server.group(2) else None
        disguised = match.group(1) not in written
        found.append(Lookup(name, server.group(1) if server else None, port, disguised, _command(name)))
    return found


def _command(name: str) -> str | None:
    """The command that is encoded in the path of a lookup, None where there is none."""
    found = _ENCODED_PATH.search(name)
    return _decoded(found.group(1)) if found else None


def _decoded(text: str) -> str | None:
    """Text in base64, of either alphabet and with or without padding, None where it is none."""
    bare = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        raw = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
        return raw.decode("utf-8")
    except (binascii.Error, ValueError):
        return None


def deobfuscate(line: str) -> str:
    """The line as Log4j would come to see it: escapes and lookups undone until nothing changes."""
    current = line[:MAX_CHARS]
    work = _WORK_PER_CHAR * len(current)
    for _dummy in range(_MAX_ROUNDS):
        resolved, used = _resolve(unescape(current), work)
        undone = resolved[:MAX_CHARS]
        work -= used
        if undone == current or work < 0:
            return undone
        current = undone
    return current


def unescape(line: str) -> str:
    """The line with one level of escapes undone, of percent signs all levels."""
    if "%" not in line and "\\" not in line and "&" not in line:
        return line
    return _ESCAPED.sub(_character, _REPEATED_PERCENT.sub("%", line))


def _character(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    found = match.group(kind)
    if kind == "bytes":
        return bytes.fromhex(found.replace("%", "")).decode("utf-8", "backslashreplace")
    if kind == "name":
        return _ENTITIES.get(found.lower(), match.group())
    code = int(found, 10 if kind == "decimal" else 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return match.group()
    return chr(code)


def _resolve(line: str, work: int) -> tuple[str, int]:
    """Lookups replaced by their values from the inside out, those without a known value left as they are; and
    how many characters had to be handled for that, no more than about `work`."""
    if "${" not in line:
        return line, 0
    frames: list[list[str]] = [[]]
    used = position = 0
    for brace in _BRACES.finditer(line):
        frames[-1].append(line[position : brace.start()])
        position = brace.end()
        if brace.group() == "${":
            frames.append([])
        elif len(frames) == 1:
            frames[-1].append("}")
        else:
            content = "".join(frames.pop())
            used += len(content)
            frames[-1].append(_value(content))
            if used > work:
                break
    frames[-1].append(line[position:])
    return "${".join("".join(frame) for frame in frames), used


def _value(content: str) -> str:
    """What a lookup stands for; the lookup itself where only the attacked machine knows."""
    if content[:16].strip().lower().startswith("jndi"):
        return "${" + content + "}"
    key, separator, default = content.partition(":-")
    kind, colon, argument = key.partition(":")
    kind = kind.strip().lower()
    if colon and argument and kind == "lower":
        return argument.lower()
    if colon and argument and kind == "upper":
        return argument.upper()
    if colon and kind == "date" and argument.startswith("'"):
        return argument.strip("'")
    if colon and argument and kind == "base64":
        return _decoded(argument) or "${" + content + "}"
    return default if separator else "${" + content + "}"
