# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What leaves a case for other tools: valid there, the same each time, and harmless whatever a host wrote."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import stix2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evaluate import evaluate, write_findings
from ansible_collections.cordon.docker.plugins.plugin_utils._exchange import asked, library
from ansible_collections.cordon.docker.plugins.plugin_utils._exchange.csv import COLUMNS, cell, write_csv
from ansible_collections.cordon.docker.plugins.plugin_utils._exchange.navigator import write_navigator
from ansible_collections.cordon.docker.plugins.plugin_utils._exchange.stix import pattern_of, write_stix
from ansible_collections.cordon.docker.plugins.plugin_utils._exchange.stix_patterns import read_stix

LAB = Path(__file__).parents[3] / "fixtures" / "cases" / "lab"
WEB_SHELL = "227ebc0ff008ace615a8ef72636b6e39235517f97738e9bdc3e87d36adcc59da"
BASH = "55b89ab22bee4792a210f493a53fb066accd5d30b69837c28d98be5ff863efcf"
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n=1", "＝1", "|calc", "%0A=1", "\x00=1"]


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    case = tmp_path / "lab"
    shutil.copytree(LAB, case)
    write_findings(case, evaluate(case))
    return case


def test_indicators_are_stix_and_can_be_hunted_for(lab: Path) -> None:
    text = write_stix(lab).read_text()
    bundle = stix2.parse(text)
    patterns = [member.pattern for member in bundle.objects if member.type == "indicator"]
    assert f"[file:hashes.'SHA-256' = '{WEB_SHELL}']" in patterns
    assert "[ipv4-addr:value = '10.213.66.6']" in patterns
    assert not any(BASH in pattern for pattern in patterns), "a copy of bash is no clue: everybody has bash"
    techniques = {member.name for member in bundle.objects if member.type == "attack-pattern"}
    assert {"T1505.003", "T1059.004"} <= techniques
    found = asked.Asked()
    asked.file(lab / "indicators.stix.json", found)
    assert found.values["sha256"] == [WEB_SHELL]
    assert found.values["remote"] == ["10.213.66.6"]
    assert found.unused == []


def test_indicators_do_not_name_our_machines_and_are_the_same_each_time(lab: Path) -> None:
    first = write_stix(lab).read_bytes()
    assert write_stix(lab).read_bytes() == first
    for name in ("web1", "app2", "dvwa", "log4shell"):
        assert f'"{name}"'.encode() not in first
        assert f" {name} ".encode() not in first


def test_without_the_library_it_is_named(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "stix2", None)
    with pytest.raises(CordonError, match="pip install stix2"):
        library.stix()
    with pytest.raises(CordonError):
        write_stix(lab)
    assert not (lab / "indicators.stix.json").exists()


@given(st.text(min_size=1, max_size=60).filter(lambda text: text.isprintable() and text.strip() == text))
@settings(max_examples=50, deadline=None)
def test_patterns_hold_any_command_line_and_are_hunted_for_as_such(command: str) -> None:
    member = {"type": "indicator", "pattern": pattern_of("command-line", command)}
    found = asked.Asked()
    read_stix(json.dumps(member), found)
    (pattern,) = found.values["process"]
    assert re.search(pattern, command)
    assert not re.search(pattern, command + "x")


def test_the_layer_of_the_navigator(lab: Path) -> None:
    layer = json.loads(write_navigator(lab).read_text())
    assert layer["domain"] == "enterprise-attack"
    assert layer["versions"]["layer"] == "4.5"
    scores = {entry["techniqueID"]: entry["score"] for entry in layer["techniques"]}
    assert scores["T1059.004"] == 4
    assert scores["T1496"] == 3
    assert all(isinstance(entry["comment"], str) for entry in layer["techniques"])


def read_csv(case: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(write_csv(case).read_bytes().decode("utf-8-sig"), newline="")))


def test_findings_in_a_spreadsheet(lab: Path) -> None:
    rows = read_csv(lab)
    assert len(rows) == len((lab / "findings.jsonl").read_text().splitlines())
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["severity"] == "critical"
    assert "processes.jsonl:2" in " ".join(row["evidence"] for row in rows)


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text)[0] in "'\\"


@given(st.text(max_size=40) | st.sampled_from(FORMULAS))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_host_wrote_stays_in_its_cell(tmp_path: Path, text: str) -> None:
    finding: dict[str, Any] = {
        "host": "web1",
        "container": {"id": "0" * 12, "name": text, "image": text},
        "severity": "high",
        "confidence": text,
        "kind": "intrusion",
        "rule": text,
        "sentence": text,
        "technique": text,
        "next": text,
        "evidence": [{"bag": text, "path": text, "line": 1}],
    }
    (tmp_path / "findings.jsonl").write_text(json.dumps(finding) + "\n")
    (row,) = read_csv(tmp_path)
    assert set(row) == set(COLUMNS)
    for value in row.values():
        assert value.isprintable()
        assert value.lstrip()[:1] not in tuple("=+-@|%＝＋－＠")
    layer = json.loads(write_navigator(tmp_path).read_text())
    assert layer["techniques"] == [] or text.startswith("T")
