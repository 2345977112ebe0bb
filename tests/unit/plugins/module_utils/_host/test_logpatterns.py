# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import random
import re

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.module_utils._host.logformats import json_record
from ansible_collections.cordon.docker.plugins.module_utils._host.logpatterns import (
    Pattern,
    Prefilter,
    json_text,
)


def written(text: str) -> bytes:
    return b'{"log":"' + json_text(text + "\n") + b'","stream":"stdout","time":"2026-02-03T04:05:06.7Z"}\n'


@pytest.mark.parametrize(
    ("expression", "literals"),
    [
        ("jndi", (b"jndi",)),
        ("jndi:(ldap|rmi)", (b"jndi:",)),
        ("wget|curl", (b"wget", b"curl")),
        (r"(?:wget|curl)\s+http", (b"http",)),
        (r"(wget|curl)[ +]+\d", (b"wget", b"curl")),
        (r"/etc/(passwd|shadow)", (b"/etc/",)),
        (r"(?:abc)+x?", (b"abc",)),
        (r"(?:abc)*longer", (b"longer",)),
        (r"(?:abc)*", ()),
        (r"a|bcd", ()),
        (r"[a-z]{9}\d", ()),
        (r"x?y?", ()),
        (r'say "hello"', (b"hello",)),
        ("<script>alert", (b"script",)),
        ("käse ist", (b"se ist",)),
        (r"^GET /admin$", (b"GET /admin",)),
        (r"(?=look)ahead", (b"ahead",)),
        (r"(?!not)this", (b"this",)),
        ("", ()),
    ],
)
def test_literals_that_every_match_holds(expression: str, literals: tuple[bytes, ...]) -> None:
    assert Pattern.regex(expression).literals == literals


@pytest.mark.parametrize("expression", ["(?i)JNDI", "(?i:JNDI)x", "(?mi)JNDI"])
def test_case_ignored_by_the_expression_itself(expression: str) -> None:
    pattern = Pattern.regex(expression)
    assert pattern.ignore_case
    assert pattern.literals[0].startswith(b"jndi")


@pytest.mark.parametrize("expression", ["(", "[z-a]", "*", "a{99999999999}", "(?P<x>a)(?P<x>b)", "(?u)x"])
def test_what_is_no_expression(expression: str) -> None:
    with pytest.raises(InvalidOption, match="regex has"):
        Pattern.regex(expression)


def test_an_empty_keyword_is_refused() -> None:
    with pytest.raises(InvalidOption, match="empty"):
        Pattern.keyword("")


TEXTS = [
    "jndi",
    '"quoted"',
    "back\\slash",
    "<tag> & more",
    "<",
    "&",
    '"',
    "\\",
    "\t",
    "\x00\x1b[31m",
    "käse",
    "ü",
    "\u2028",
    "\ufffd",
    "日本",
    "a",
    "${jndi:ldap://x}",
    "\x7f",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("ignore_case", [False, True])
def test_a_keyword_is_found_as_the_engine_writes_it(text: str, ignore_case: bool) -> None:
    chunk = written("before") + written(f"x{text}y") + written("after")
    line = len(written("before"))
    found = Prefilter([Pattern.keyword(text, ignore_case)]).candidates(chunk)
    assert line in found
    assert Pattern.keyword(text, ignore_case).matches(json_record(chunk[line:].splitlines()[0]).line)


def test_json_text_is_json() -> None:
    for text in TEXTS:
        assert json.loads(b'"' + json_text(text) + b'"') == text


def test_case() -> None:
    chunk = written("GET /?x=${JnDi:ldap}")
    assert not Prefilter([Pattern.keyword("jndi")]).candidates(chunk)
    assert Prefilter([Pattern.keyword("JNDI", ignore_case=True)]).candidates(chunk) == {0: {0}}
    assert Pattern.keyword("JNDI", ignore_case=True).matches("${JnDi:")


@pytest.mark.parametrize("seed", range(20))
def test_no_line_that_matches_is_passed_over(seed: int) -> None:
    """Against the slow way: every line parsed, every pattern tried. Bytes are made rare and frequent."""
    chance = random.Random(seed)
    words = [
        "jndi",
        "JNDI",
        "wget",
        "curl",
        "j",
        "x" * 40,
        "/etc/passwd",
        "${",
        "union  select",
        "käse",
        '"',
        "<",
    ]
    lines = [
        " ".join(chance.choices(words, k=chance.randrange(6))) for _dummy in range(chance.randrange(1, 400))
    ]
    chunk = b"".join(map(written, lines))
    patterns = [
        Pattern.keyword("jndi", ignore_case=bool(seed % 2)),
        Pattern.regex(r"wget|curl .*jndi"),
        Pattern.regex(r"union\s+select", ignore_case=True),
        Pattern.keyword('"'),
        Pattern.regex("k.se"),
    ]
    starts, position = [], 0
    for line in chunk.splitlines(keepends=True):
        starts.append(position)
        position += len(line)
    found = Prefilter(patterns).candidates(chunk)
    assert list(found) == sorted(found)
    for start, text in zip(starts, lines):
        for index, pattern in enumerate(patterns):
            if pattern.matches(text):
                assert index in found[start], (text, pattern.text)
            assert pattern.matches(text) == bool(re.search(pattern.expression, text))
