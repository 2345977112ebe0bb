# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Indicators of STIX 2.1: the comparisons of their patterns, as far as a hunt can make them.

A hunt looks at one thing at a time. So of comparisons joined by AND the most telling is taken, and of those joined by
OR, and of several observations, each; what was left out is told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.plugin_utils._exchange import asked as plain
from ansible_collections.cordon.docker.plugins.plugin_utils._exchange.asked import Asked
from ansible_collections.cordon.docker.plugins.plugin_utils._exchange.library import stix

_LONGEST_PATTERN = 20_000
# How telling a comparison is beside others.
_ORDER = ("sha256", "remote", "process", "path", "log")
_EXACT = {
    "file:name": ("path", r"(?:^|/){}$"),
    "file:parent_directory_ref.path": ("path", r"^{}(?:/|$)"),
    "directory:path": ("path", r"^{}(?:/|$)"),
    "process:command_line": ("process", r"^{}$"),
    "process:image_ref.name": ("process", r"(?:^|/){}$"),
    "process:binary_ref.name": ("process", r"(?:^|/){}$"),
    "process:name": ("process", r"(?:^|/){}$"),
    "url:value": ("log", r"{}"),
}
_ADDRESSES = frozenset(("ipv4-addr:value", "ipv6-addr:value"))
_ENDS = re.compile(r"network-traffic:(?:dst|src)_ref\.value")
_HASH = re.compile(r"file:hashes\.'?SHA-?256'?", re.IGNORECASE)
_AGENT = re.compile(r"network-traffic:extensions\.'http-request-ext'\.request_header\.'?User-Agent'?")

Comparison = tuple[str, str]


def read_stix(text: str, asked: Asked) -> None:
    """Take in a bundle, a list of objects, or one object. Raises InvalidOption for what is no JSON of such."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise InvalidOption(f"indicators: the file begins like STIX, and is no JSON ({exc}).") from exc
    if isinstance(document, dict):
        document = document.get("objects", [document])
    if not isinstance(document, list):
        raise InvalidOption("indicators: the STIX bundle has no list of objects.")
    for member in document:
        if isinstance(member, dict) and member.get("type") == "indicator":
            _read_indicator(member, asked)


def _read_indicator(member: dict[str, Any], asked: Asked) -> None:
    name = str(member.get("name") or member.get("id") or "indicator")[:200]
    pattern = member.get("pattern")
    if member.get("revoked") is True:
        asked.leave(name, "it was revoked")
    elif member.get("pattern_type", "stix") != "stix" or not isinstance(pattern, str):
        asked.leave(name, f"its pattern is of the type {str(member.get('pattern_type'))[:40]}")
    elif len(pattern) > _LONGEST_PATTERN:
        asked.leave(name, f"its pattern has more than {_LONGEST_PATTERN} characters")
    else:
        _read_pattern(name, pattern, asked)


def _read_pattern(name: str, pattern: str, asked: Asked) -> None:
    library = stix()
    try:
        parsed = library.pattern_visitor.create_pattern_object(pattern, version="2.1")
    except Exception as exc:  # noqa: BLE001 - the parser raises what it likes for what others wrote
        asked.leave(name, f"its pattern cannot be read ({type(exc).__name__})")
        return
    left: list[str] = []
    found = list(_usable(parsed, left))
    for kind, value in found:
        try:
            asked.add(kind, value)
        except InvalidOption as exc:
            left.append(str(exc))
    for why in dict.fromkeys(left):
        asked.leave(name, why)


def _usable(node: Any, left: list[str]) -> Iterator[Comparison]:
    """The comparisons of a pattern that a hunt can make."""
    for inner in ("operand", "observation_expression", "expression"):
        if hasattr(node, inner):
            yield from _usable(getattr(node, inner), left)
            return
    operands = getattr(node, "operands", None)
    if operands is None:
        yield from _compared(node, left)
    elif type(node).__name__ == "AndBooleanExpression":
        parts = [part for operand in operands if (part := list(_usable(operand, left)))]
        best = min(parts, key=lambda part: min(_ORDER.index(kind) for kind, _dummy in part), default=[])
        if len(operands) > 1 and best:
            left.append(f"of its parts joined by AND only {best[0][0]} is compared")
        yield from best
    else:
        for operand in operands:
            yield from _usable(operand, left)


def _compared(node: Any, left: list[str]) -> Iterator[Comparison]:
    if not hasattr(node, "lhs"):
        left.append("it holds something else than comparisons")
        return
    path, operator, constant = str(node.lhs), str(node.operator), node.rhs
    values = [member.value for member in constant.value] if operator == "IN" else [constant.value]
    found: list[Comparison] = []
    if not node.negated and operator in ("=", "IN", "LIKE", "MATCHES", "ISSUBSET"):
        # The library leaves a quote and a backslash as they are escaped in the pattern.
        texts = [re.sub(r"\\(.)", r"\1", value) for value in values if isinstance(value, str)]
        found = [pair for text in texts for pair in _kinds(path, operator, text)]
    if not found:
        left.append(f"{path} {'NOT ' if node.negated else ''}{operator} cannot be hunted for")
    yield from found


def _kinds(path: str, operator: str, text: str) -> Iterable[Comparison]:
    exact = operator in ("=", "IN")
    if _HASH.fullmatch(path):
        return [("sha256", text.lower())] if exact else []
    if path in _ADDRESSES or _ENDS.fullmatch(path):
        usable = (exact or operator == "ISSUBSET") and plain.is_network(text)
        return [("remote", text)] if usable else []
    if path == "domain-name:value":
        return list(plain.domain(text)) if exact else []
    if _AGENT.fullmatch(path):
        return [("log", _pattern(operator, text, "{}"))]
    if path in _EXACT:
        kind, frame = _EXACT[path]
        return [(kind, _pattern(operator, text, frame))]
    return []


def _pattern(operator: str, text: str, frame: str) -> str:
    """A regular expression for what the operator compares; LIKE has % for any text and _ for any character."""
    if operator == "MATCHES":
        return text
    inner = re.escape(text)
    if operator == "LIKE":
        inner = inner.replace("%", ".*").replace("_", ".")
    return frame.format(inner)
