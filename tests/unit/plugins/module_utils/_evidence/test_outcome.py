# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import (
    COLLECTED,
    ContainerRef,
    Outcome,
)

GOOD = Outcome(
    item="layer",
    container=ContainerRef("ab" * 32, "web"),
    status=COLLECTED,
    reason=None,
    path="containers/abababababab/layer.jsonl",
    bytes=12,
    sha256="0" * 64,
    started="2024-01-02T03:04:05.123456Z",
    seconds=0.25,
)


def test_round_trip() -> None:
    assert Outcome.from_json(GOOD.to_json()) == GOOD


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("item", "../x"), ("item", 3), ("item", ""), ("container", "web"),
        ("container", {"id": "../..", "name": "x"}),
        ("container", {"id": "ab" * 32, "name": 7}), ("container", {"id": "ab" * 32}), ("status", "fine"),
        ("status", None), ("reason", 1), ("reason", "x" * 5000), ("path", "/etc/passwd"),
        ("path", "a/../b"),
        ("path", None), ("bytes", -1), ("bytes", True), ("bytes", 1.5), ("bytes", 1 << 60),
        ("sha256", "z" * 64),
        ("sha256", None), ("started", "now"), ("started", "2024-01-02T03:04:05.123456Z\n"), ("seconds", "1"),
        ("seconds", -1.0), ("seconds", float("nan")), ("seconds", True), ("surplus", 1),
    ],
)  # fmt: skip
def test_a_hostile_outcome_is_refused(field: str, value: Any) -> None:
    with pytest.raises(EvidenceError):
        Outcome.from_json({**GOOD.to_json(), field: value})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(list(GOOD.to_json())) | st.text(), inner)
        ),
        max_leaves=10,
    )
)
def test_nothing_else_is_raised(value: Any) -> None:
    try:
        Outcome.from_json(value)
    except EvidenceError:
        return
