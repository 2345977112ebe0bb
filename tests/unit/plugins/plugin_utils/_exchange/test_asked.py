# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Indicators as people and feeds write them: what is taken for what, and that nothing is lost without a word."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.plugin_utils._exchange.asked import (
    Asked,
    file,
    options,
    plain_lines,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._exchange.stix_patterns import read_stix

HASH = "ab" * 32


def lines(text: str) -> Asked:
    found = Asked()
    plain_lines(text, found)
    return found


def stix(*patterns: str, **more: object) -> Asked:
    members = [{"type": "indicator", "pattern": one, "pattern_type": "stix", **more} for one in patterns]
    found = Asked()
    read_stix(json.dumps({"type": "bundle", "objects": [*members, {"type": "malware"}]}), found)
    return found


def only(found: Asked) -> dict[str, list[str]]:
    return {kind: values for kind, values in found.values.items() if values}


@pytest.mark.parametrize(
    ("line", "kind", "value"),
    [
        (HASH.upper(), "sha256", HASH),
        (f"sha256:{HASH}", "sha256", HASH),
        ("203[.]0[.]113[.]7", "remote", "203.0.113.7"),
        ("203.0.113.0/24", "remote", "203.0.113.0/24"),
        ("2001:db8::1", "remote", "2001:db8::1"),
        ("hxxp://203[.]0[.]113[.]7:8080/x.sh", "remote", "203.0.113.7"),
        ("/tmp/a+b", "path", r"^/tmp/a\+b$"),
        ("process = nc -e /bin/sh", "process", "nc -e /bin/sh"),
        ("Image: evil/miner", "image", "evil/miner"),
        (r"log=\$\{jndi:", "log", r"\$\{jndi:"),
        ("remote=10.0.0.0/8", "remote", "10.0.0.0/8"),
    ],
)
def test_a_plain_line(line: str, kind: str, value: str) -> None:
    assert only(lines(f"# comment\n\n  {line}  \n")) == {kind: [value]}


def test_a_domain_is_looked_for_where_it_can_be_seen() -> None:
    found = only(lines("https://evil.example/a?b\nevil.example"))
    assert set(found) == {"process", "log"}
    (pattern,) = found["log"]
    assert re.search(pattern, "GET http://evil.example/x")
    assert not re.search(pattern, "not-evil.example.org")
    assert not re.search(pattern, "myevil.example")


@pytest.mark.parametrize("line", ["d41d8cd98f00b204e9800998ecf8427e", "what is this", "12345", "a b.c"])
def test_what_cannot_be_used_is_told(line: str) -> None:
    found = lines(line)
    assert only(found) == {}
    assert [what for what, _why in found.unused] == [f"line 1: {line}"]


@pytest.mark.parametrize("line", ["process=(", "remote=evil", "sha256=ab"])
def test_what_is_said_to_be_something_and_is_not_is_refused(line: str) -> None:
    with pytest.raises(InvalidOption, match="line 2"):
        lines(f"\n{line}")


def test_options_split_addresses_and_leave_patterns_alone() -> None:
    found = Asked()
    options({"remote": "10.0.0.1, 10.0.0.2", "process": "a{1,3} b", "sha256": [HASH, HASH]}, found)
    assert only(found) == {"remote": ["10.0.0.1", "10.0.0.2"], "process": ["a{1,3} b"], "sha256": [HASH]}
    with pytest.raises(InvalidOption, match="log"):
        options({"log": {"a": "b"}}, found)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (f"[file:hashes.'SHA-256' = '{HASH}']", {"sha256": [HASH]}),
        (f"[file:hashes.'SHA-256' IN ('{HASH}', '{'cd' * 32}')]", {"sha256": [HASH, "cd" * 32]}),
        ("[ipv4-addr:value ISSUBSET '10.0.0.0/8']", {"remote": ["10.0.0.0/8"]}),
        (
            "[ipv6-addr:value = '2001:db8::1'] OR [ipv4-addr:value = '10.0.0.1']",
            {"remote": ["2001:db8::1", "10.0.0.1"]},
        ),
        ("[network-traffic:dst_ref.value = '1.2.3.4']", {"remote": ["1.2.3.4"]}),
        ("[process:command_line MATCHES 'nc -e']", {"process": ["nc -e"]}),
        ("[process:command_line = 'nc -e x']", {"process": [r"^nc\ \-e\ x$"]}),
        ("[file:name LIKE '%.php']", {"path": [r"(?:^|/).*\.php$"]}),
        (
            "[url:value = 'http://a/b'] FOLLOWEDBY [directory:path = '/tmp']",
            {"log": ["http://a/b"], "path": ["^/tmp(?:/|$)"]},
        ),
        ("([ipv4-addr:value = '1.2.3.4']) WITHIN 5 SECONDS", {"remote": ["1.2.3.4"]}),
    ],
)
def test_a_pattern_of_stix(pattern: str, expected: dict[str, list[str]]) -> None:
    found = stix(pattern)
    assert only(found) == expected
    assert found.unused == []


def test_of_an_and_the_most_telling_part_is_compared() -> None:
    found = stix(f"[file:name = 'x' AND file:hashes.'SHA-256' = '{HASH}' AND file:size = 3]")
    assert only(found) == {"sha256": [HASH]}
    assert {why for _what, why in found.unused} == {
        "file:size = cannot be hunted for",
        "of its parts joined by AND only sha256 is compared",
    }


@pytest.mark.parametrize(
    "pattern",
    [
        "junk",
        "[ipv4-addr:value NOT = '1.2.3.4']",
        "[ipv4-addr:value = 'x']",
        "[process:command_line MATCHES '(']",
        "[mutex:name = 'x']",
        "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']",
        "[" * 5000,
        "x" * 30_000,
    ],
)
def test_a_pattern_that_cannot_be_hunted_for_is_told(pattern: str) -> None:
    found = stix(pattern, name="bad")
    assert only(found) == {}
    assert [what for what, _why in found.unused] == ["bad"]


def test_what_was_revoked_or_is_no_stix_pattern_is_told() -> None:
    assert only(stix("[ipv4-addr:value = '1.2.3.4']", revoked=True)) == {}
    assert only(stix("alert ip", pattern_type="snort")) == {}


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "feed"
    path.write_bytes(b"\xef\xbb\xbf10.0.0.1\r\n\xff\xfe\n")
    found = Asked()
    file(path, found)
    assert only(found) == {"remote": ["10.0.0.1"]}
    assert len(found.unused) == 1
    path.write_text('{"type": "bundle", "objects": [')
    with pytest.raises(InvalidOption, match="no JSON"):
        file(path, Asked())


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_is_taken_told_or_refused(text: str) -> None:
    try:
        found = lines(text)
    except InvalidOption:
        return
    wanted = [line for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    assert (found.count + len(found.unused) > 0) == bool(wanted)
