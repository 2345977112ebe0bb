# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Indicators as people and feeds write them, by the kinds that a hunt knows. What cannot be used is told, with why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.module_utils._hunt import indicators
from ansible_collections.cordon.docker.plugins.module_utils._hunt.indicators import KINDS, PATTERNS

MAX_BYTES = 32 << 20
_MAX_TOLD = 1000
_NAMED = re.compile(rf"({'|'.join(KINDS)})\s*[=:]\s*(\S.*)", re.IGNORECASE)
_HASH = re.compile(r"(?:sha-?256\s*:\s*)?([0-9a-fA-F]{64})")
_OTHER_HASH = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{128}")
_DOMAIN = re.compile(
    r"(?=.{4,253}\Z)(?:[a-zA-Z0-9_](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z][a-zA-Z0-9-]{1,62}\.?"
)
_URL = re.compile(
    r"(?:https?|ftps?|ldaps?|rmi|tcp|wss?)://(?:[^/@\s]*@)?(\[[0-9a-fA-F:.]+\]|[^/:\s?#]+)", re.IGNORECASE
)


@dataclass
class Asked:
    """`values` are lists by kind; `unused` says what was left out, and why."""

    values: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    unused: list[tuple[str, str]] = field(default_factory=list)

    def add(self, kind: str, value: str) -> None:
        """Add a value once. Raises InvalidOption for one that its kind cannot have."""
        checked(kind, value)
        if value not in self.values[kind]:
            self.values[kind].append(value)

    def leave(self, what: str, why: str) -> None:
        if len(self.unused) < _MAX_TOLD:
            self.unused.append((what, why))

    @property
    def count(self) -> int:
        return sum(map(len, self.values.values()))


def checked(kind: str, value: str) -> None:
    """Raises InvalidOption for a value that its kind cannot have."""
    if kind == "sha256":
        indicators.digest(value)
    elif kind == "remote":
        indicators.network(value)
    elif kind in PATTERNS:
        indicators.pattern(kind, value)


def options(given: Mapping[str, Any], asked: Asked) -> None:
    """Take in what the options of each kind hold: a text, or a list of texts. Raises InvalidOption.

    A pattern may hold commas, so that only hashes and addresses are split at them.
    """
    for kind in KINDS:
        value = given.get(kind)
        members = value if isinstance(value, list) else [] if value is None else [value]
        for member in members:
            if not isinstance(member, (str, int, float)) or isinstance(member, bool):
                raise InvalidOption(f"{kind} holds {str(member)[:100]!r}: give a text, or a list of texts.")
            text = str(member).strip()
            for part in [text] if kind in PATTERNS else re.split(r"[,\s]+", text):
                if part:
                    asked.add(kind, part)


def file(path: Path, asked: Asked) -> None:
    """Take in a file of plain lines, or of STIX 2.1. Raises InvalidOption and OSError."""
    with path.open("rb") as stream:
        raw = stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise InvalidOption(f"indicators: {path} has more than {MAX_BYTES} bytes; split it.")
    text = raw.decode("utf-8-sig", "replace")
    if text.lstrip()[:1] in ("{", "[") and '"type"' in text:
        from ansible_collections.cordon.docker.plugins.plugin_utils._exchange.stix_patterns import read_stix

        read_stix(text, asked)
    else:
        plain_lines(text, asked)


def plain_lines(text: str, asked: Asked) -> None:
    """One indicator a line: `process=…` and the like, or a value whose kind is plain to see.

    Empty lines and what follows a # at the beginning of a line are passed over.
    """
    for number, line in enumerate(text.splitlines(), 1):
        written = line.strip()
        if not written or written.startswith("#"):
            continue
        named = _NAMED.fullmatch(written)
        try:
            if named:
                asked.add(named[1].lower(), named[2].strip())
                continue
            found = list(guessed(written))
        except InvalidOption as exc:
            raise InvalidOption(f"indicators, line {number}: {exc}") from exc
        for kind, value in found:
            asked.add(kind, value)
        if not found:
            asked.leave(f"line {number}: {written[:200]}", why_not(written))


def guessed(written: str) -> Iterator[tuple[str, str]]:
    """The kinds and values of a bare hash, address, network, path, domain or URL, also when it is defanged."""
    value = refanged(written)
    hashed = _HASH.fullmatch(value)
    if hashed:
        yield "sha256", hashed[1].lower()
    elif is_network(value):
        yield "remote", value
    elif value.startswith("/"):
        yield "path", f"^{re.escape(value)}$"
    else:
        url = _URL.match(value)
        name = (url[1] if url else value).strip("[]")
        if url and is_network(name):
            yield "remote", name
        elif _DOMAIN.fullmatch(name):
            yield from domain(name)


def domain(name: str) -> Iterator[tuple[str, str]]:
    """A name is not seen at a socket; it is in what is run, and in what is logged."""
    pattern = rf"(?<![\w.-]){re.escape(name.rstrip('.'))}(?![\w-])"
    yield "process", pattern
    yield "log", pattern


def refanged(text: str) -> str:
    """What was written so that nobody clicks on it, such as hxxp://203[.]0[.]113[.]7, as it was."""
    text = re.sub(r"\[(\.|dot)\]|\((\.|dot)\)", ".", text.strip(), flags=re.IGNORECASE).replace("[:]", ":")
    return re.sub(r"^hxxp", "http", text, flags=re.IGNORECASE)


def is_network(text: str) -> bool:
    try:
        indicators.network(text)
    except InvalidOption:
        return False
    return bool(re.match(r"[0-9a-fA-F:.]+(/[0-9]{1,3})?\Z", text)) and not text.isdigit()


def why_not(written: str) -> str:
    if _OTHER_HASH.fullmatch(written):
        return "only SHA-256 hashes are compared"
    return "its kind is not plain to see: write it as process=…, path=…, image=… or log=…"
