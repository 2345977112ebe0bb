# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's break-ins are found in evidence recorded from real engines, and no neighbour is accused."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evaluate import evaluate
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import CaseEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import Finding, severity_level
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.ranking import rank
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.unpack_case import unpack

CASES = Path(__file__).parents[3] / "fixtures" / "cases"
ZOO = CASES / "zoo.jsonl"
SCENES = {
    path.parent.name: tomllib.loads(path.read_text())
    for path in sorted(Path(__file__).parents[5].glob("lab/scenes/*/scene.toml"))
}
LAB = CASES / "lab"
# Scene: rules that have to tell, and the least severity of each.
BREACHES = {
    "dvwa": {"web-shell": "critical"},
    "log4shell": {"reverse-shell": "critical", "jndi-lookup": "high"},
    "miner": {"deleted-executable": "high", "busy-cpu": "high"},
    "escape": {"privileged": "high", "engine-socket": "high", "host-path": "high"},
}
NEIGHBOURS = {"shop", "ledger", "nightly", "billing"}


def recorded() -> dict[tuple[str, str], str]:
    """The version of the engine by host and container of the recorded case."""
    versions = {}
    for container in CaseEvidence(LAB).containers:
        facts = json.loads((container.bag.path / "data" / "host.json").read_text())
        versions[container.bag.host, container.name.name] = facts["engine"]["version"]
    return versions


RECORDED = recorded()


def of_container(host: str, name: str) -> list[Finding]:
    return [f for f in evaluate(LAB) if (f.host, f.container.name) == (host, name)]


def test_all_scenes_are_recorded_from_several_engines() -> None:
    assert {name for _dummy, name in RECORDED} == set(BREACHES) | NEIGHBOURS
    assert len({version.partition(".")[0] for version in RECORDED.values()}) >= 3


@pytest.mark.parametrize(("host", "name"), [key for key in RECORDED if key[1] in BREACHES], ids=str)
def test_each_breach_is_found(host: str, name: str) -> None:
    found = {finding.rule: finding.severity for finding in of_container(host, name)}
    for rule, least in BREACHES[name].items():
        assert severity_level(found[rule]) >= severity_level(least), (rule, RECORDED[host, name])


@pytest.mark.parametrize(("host", "name"), [key for key in RECORDED if key[1] in NEIGHBOURS], ids=str)
def test_no_neighbour_is_accused(host: str, name: str) -> None:
    assert of_container(host, name) == [], RECORDED[host, name]


def test_the_worst_come_first() -> None:
    assert [entry.container.name for entry in rank(evaluate(LAB))] == ["log4shell", "dvwa", "miner", "escape"]


def test_the_sentences_are_for_people() -> None:
    shell = next(f for f in of_container("app2", "log4shell") if f.rule == "reverse-shell")
    assert shell.sentence.endswith(
        ") runs as a child of java and its input is a network socket to 10.213.66.6:4444."
    )
    for finding in evaluate(LAB):
        assert finding.sentence.endswith(".")
        assert len(finding.sentence) < 300
        for ref in finding.evidence:
            assert (LAB / ref.bag / ref.path).is_file()


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Finding]]:
    """Findings of at least medium by scene, of all hosts together, from a fleet with every scene."""
    case = unpack(ZOO, tmp_path_factory.mktemp("zoo"))
    found: dict[str, list[Finding]] = {container.name.name: [] for container in CaseEvidence(case).containers}
    for finding in evaluate(case):
        if severity_level(finding.severity) >= severity_level("medium"):
            found[finding.container.name].append(finding)
    return found


def of_kind(kind: str) -> list[str]:
    return [name for name, scene in SCENES.items() if scene["kind"] == kind]


@pytest.mark.parametrize("name", of_kind("breach"))
def test_each_breach_of_the_zoo_is_found_for_what_it_is(zoo: dict[str, list[Finding]], name: str) -> None:
    assert set(SCENES[name]["expect"]) <= {finding.rule for finding in zoo[name]}
    for finding in zoo[name]:
        assert finding.sentence.endswith(".")
        assert finding.technique.startswith("T1")


@pytest.mark.parametrize("name", of_kind("neighbour"))
def test_no_neighbour_of_the_zoo_is_accused(zoo: dict[str, list[Finding]], name: str) -> None:
    assert [finding.sentence for finding in zoo[name] if finding.kind == "intrusion"] == []
    assert set(SCENES[name].get("expect", ())) <= {finding.rule for finding in zoo[name]}
