# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which containers are to be looked at, and how findings are told apart."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    CONFIDENCES,
    SEVERITIES,
    ContainerName,
    EvidenceRef,
    Finding,
    finding_id,
    severity_level,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.ranking import rank


def finding(container: str = "a", **more: Any) -> Finding:
    """A finding with the given values."""
    rule = more.pop("rule", "rule")
    values: dict[str, Any] = {
        "id": finding_id(rule, "web1", container, str(more)),
        "kind": "intrusion",
        "host": "web1",
        "container": ContainerName(container * 12, container, "image"),
        "severity": "medium",
        "confidence": "medium",
        "rule": rule,
        "sentence": f"{rule}.",
        "technique": "T1190",
        "evidence": (EvidenceRef("web1/x", "data/y", 1),),
        "next": "",
    }
    return Finding(**{**values, **more})


def order(*findings: Finding) -> list[str]:
    return [entry.container.name for entry in rank(findings)]


def test_severity_decides() -> None:
    assert order(finding("a", severity="medium"), finding("b", severity="critical")) == ["b", "a"]


def test_a_sign_of_a_break_in_comes_before_an_exposure() -> None:
    assert order(finding("a", kind="exposure", severity="high"), finding("b", severity="medium")) == [
        "b",
        "a",
    ]


def test_a_faint_sign_does_not() -> None:
    assert order(finding("b", severity="low"), finding("a", kind="exposure", severity="high")) == ["a", "b"]


def test_rules_that_agree_count_more_than_one() -> None:
    several = [finding("b", rule=name, severity="high") for name in ("x", "y")]
    assert order(finding("a", severity="high", confidence="high"), *several) == ["b", "a"]


def test_reasons_begin_with_the_strongest() -> None:
    entry = rank([finding(rule="x"), finding(rule="y", severity="high"), finding(rule="z", kind="exposure")])[
        0
    ]
    assert entry.reasons == ("y.", "x.", "z.")
    assert (entry.severity, entry.intrusion) == ("high", "high")


def test_exposures_alone_are_no_intrusion() -> None:
    assert rank([finding(kind="exposure")])[0].intrusion is None


@given(
    st.lists(
        st.builds(
            finding,
            st.sampled_from("abc"),
            host=st.sampled_from(["web1", "db3"]),
            kind=st.sampled_from(["intrusion", "exposure"]),
            severity=st.sampled_from(SEVERITIES),
            confidence=st.sampled_from(CONFIDENCES),
            rule=st.sampled_from(["x", "y"]),
        )
    ),
    st.randoms(),
)
def test_the_order_does_not_depend_on_the_order_found(found: list[Finding], random: Any) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    assert [(e.host, e.container) for e in rank(found)] == [(e.host, e.container) for e in rank(shuffled)]
    levels = [
        severity_level(entry.severity) for entry in rank(found) if entry.intrusion in ("high", "critical")
    ]
    assert sum(len(entry.findings) for entry in rank(found)) == len(found)
    assert all(level >= severity_level("high") for level in levels)


def test_ids_tell_parts_apart() -> None:
    assert finding_id("a", "b", "c", "d") != finding_id("ab", "", "c", "d")
    assert finding_id("a", "b", "c", "d") == finding_id("a", "b", "c", "d")
    assert len(finding_id("a", "\udcff", "c", "d")) == 16
