# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is hunted for: which values there may be, and what they match."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.module_utils._hunt.indicators import MOST, Indicators

HASH = "ab" * 32


def asked(**given: Any) -> Indicators:
    return Indicators.from_params(given)


def test_the_kinds_are_in_the_order_of_a_sweep() -> None:
    assert asked(log=["x"], process=["y"], sha256=[]).kinds == ("process", "log")


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({}, "nothing to hunt for"),
        ({"process": ["("]}, "process"),
        ({"process": [""]}, "process"),
        ({"log": ["x" * 5000]}, "log"),
        ({"remote": ["10.0.0.300"]}, "remote"),
        ({"remote": ["evil.example"]}, "remote"),
        ({"sha256": ["ab"]}, "sha256"),
        ({"path": [str(number) for number in range(MOST + 1)]}, "split"),
    ],
)
def test_what_cannot_be_used_is_named(params: Any, word: str) -> None:
    with pytest.raises(InvalidOption, match=word):
        asked(**params)


def test_patterns_are_searched_without_regard_to_case() -> None:
    found = asked(process=["XMRIG", "(?-i:Exact)"])
    assert found.matching("process", "/tmp/xmrig -o pool") == "XMRIG"
    assert found.matching("process", "exact") is None
    assert found.matching("process", "a", "Exact") == "(?-i:Exact)"
    assert found.matching("process", "x" * 9000 + "xmrig") is None


def test_hashes_with_and_without_their_kind() -> None:
    assert asked(sha256=[f"SHA256:{HASH.upper()}"]).hashes == {HASH: f"SHA256:{HASH.upper()}"}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("::ffff:10.1.2.3", "10.0.0.0/8"),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.2", None),
        ("2001:db8::7", "2001:db8::/32"),
        ("", None),
        ("*", None),
    ],
)
def test_addresses_in_networks(address: str, expected: Any) -> None:
    found = asked(remote=["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"])
    assert found.of_address(address) == expected


@given(st.ip_addresses(), st.integers(0, 32))
def test_a_network_holds_what_the_library_says(address: Any, bits: int) -> None:
    found = asked(remote=[f"10.9.8.7/{bits}"])
    holds = address.version == 4 and address in ipaddress.ip_network(f"10.9.8.7/{bits}", strict=False)
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is None:
        assert (found.of_address(str(address)) is not None) == holds


@pytest.mark.parametrize("kind", ["process", "remote", "sha256", "log"])
@given(text=st.text(max_size=30))
def test_any_text_is_taken_or_refused_with_a_sentence(kind: str, text: str) -> None:
    try:
        found = asked(**{kind: [text]})
    except InvalidOption as exc:
        told = str(exc)
    else:
        told = f"{found.kinds[0]}."
    assert kind in told
    assert told.endswith(".")
