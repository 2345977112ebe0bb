# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that chooses findings in a playbook."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.cordon.docker.plugins.filter.findings import FilterModule, findings
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evaluate import evaluate

LAB = Path(__file__).parents[2] / "fixtures" / "cases" / "lab"
ALL = [finding.to_json() for finding in evaluate(LAB)]


def rules(found: list[dict[str, Any]]) -> list[str]:
    return [finding["rule"] for finding in found]


def test_it_is_a_filter_by_its_name() -> None:
    assert FilterModule().filters() == {"findings": findings}


def test_the_most_urgent_come_first_whatever_the_order_was() -> None:
    mixed = random.Random(7).sample(ALL, len(ALL))
    found = findings(mixed)
    assert len(found) == len(ALL)
    assert found == findings(ALL)
    levels = [("info", "low", "medium", "high", "critical").index(finding["severity"]) for finding in found]
    assert levels == sorted(levels, reverse=True)
    assert found[0]["kind"] == "intrusion"


def test_the_text_of_the_file_does_as_well() -> None:
    assert findings("\n".join(map(json.dumps, ALL)) + "\n") == findings(ALL)


def test_what_is_asked_for_is_kept() -> None:
    assert set(rules(findings(ALL, "critical"))) == {"jndi-lookup", "reverse-shell", "web-shell"}
    assert {finding["host"] for finding in findings(ALL, host="web1")} == {"web1"}
    assert {finding["container"]["name"] for finding in findings(ALL, container=["dvwa", "miner"])} == {
        "dvwa",
        "miner",
    }
    assert set(rules(findings(ALL, kind="exposure"))) == {"engine-socket", "host-path", "privileged"}
    assert rules(findings(ALL, technique="T1059", rule="reverse-shell")) == ["reverse-shell"]
    assert rules(findings(ALL, technique="T105")) == []
    assert len(findings(ALL, limit=2)) == 2
    assert findings([]) == []


def test_what_is_suppressed_is_kept_only_when_asked_for() -> None:
    known = {**ALL[0], "suppressed": {"reason": "a drill"}}
    assert findings([known]) == []
    assert findings([known], suppressed=True) == [known]


@pytest.mark.parametrize(
    "value", ["junk", [1], [{}], {"a": 1}, 7, b"x", [{"severity": "grave"}], "[" * 100_000]
)
def test_what_is_no_finding_is_refused(value: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="finding"):
        findings(value)


@pytest.mark.parametrize(
    "options", [{"severity": "grave"}, {"confidence": "sure"}, {"limit": -1}, {"limit": True}]
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(AnsibleFilterError, match="cannot be"):
        findings(ALL, **options)
