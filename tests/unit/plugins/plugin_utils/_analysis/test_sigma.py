# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sigma rules over a case: what they find, what becomes of each rule, and that no evidence gets out of its column."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import (
    baseline,
    database,
    sigma,
    sigma_compile,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import severity_level
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.build_case import (
    add_container,
    connection,
    file,
    inspect,
    log,
    process,
)
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.unpack_case import unpack

LAB = Path(__file__).parents[3] / "fixtures" / "cases" / "lab"
NEIGHBOURS = {"shop", "ledger", "nightly", "billing"}
LINUX = {"product": "linux", "category": "process_creation"}


def rule(
    folder: Path, detection: dict[str, Any], logsource: dict[str, str] | None = None, **more: Any
) -> Path:
    document = {
        "title": "A rule of a test",
        "id": "6f3b1d0e-6a0a-4b7e-9b1a-000000000001",
        "logsource": logsource or LINUX,
        "detection": detection,
        "level": "high",
        "status": "test",
        "tags": ["attack.execution", "attack.t1059.004"],
        **more,
    }
    folder.mkdir(exist_ok=True)
    path = folder / "rule.yml"
    path.write_text(yaml.safe_dump(document))
    return path


def run(case: Path, path: Path) -> sigma.Outcome:
    return sigma.run(database.build(case), [path])


def one(case: Path, tmp_path: Path, selection: Any, logsource: dict[str, str] | None = None) -> sigma.Outcome:
    return run(case, rule(tmp_path / "rules", {"selection": selection, "condition": "selection"}, logsource))


def test_a_rule_becomes_a_finding_that_points_at_its_lines(tmp_path: Path) -> None:
    case = tmp_path / "case"
    rows = [process(100, 1, "/usr/bin/java", "java"), process(101, 100, "/usr/bin/bash", "bash", "-i")]
    add_container(case, {"processes.jsonl": rows})
    found = one(case, tmp_path, {"ParentImage|endswith": "/java", "CommandLine|contains": "BASH"}).findings[0]
    assert (found.severity, found.confidence, found.technique, found.kind) == (
        "high",
        "medium",
        "T1059.004",
        "intrusion",
    )
    assert (found.evidence[0].path, found.evidence[0].line) == (
        "data/containers/0123456789ab/processes.jsonl",
        2,
    )
    assert found.sentence == "A rule of a test: a process, such as `bash -i`."
    assert found.next == "ansible web1 -b -m cordon.docker.container_top_info -a containers=shop"


@pytest.mark.parametrize(
    ("logsource", "selection"),
    [
        (
            {"category": "webserver"},
            {"cs-uri-query|contains": "cmd=id", "sc-status": 200, "cs-method": "get"},
        ),
        ({"category": "webserver"}, {"cs-user-agent": "curl/8", "c-ip": "10.0.0.9"}),
        ({"category": "webserver"}, ["/shell.php?cmd"]),
        ({"product": "linux", "category": "file_event"}, {"TargetFilename|startswith": "/etc/cron"}),
        (
            {"product": "linux", "category": "network_connection"},
            {"DestinationPort": 4444, "Initiated": "true"},
        ),
        ({"product": "linux", "category": "network_connection"}, {"DestinationIp|cidr": "198.51.100.0/24"}),
        ({"product": "linux", "service": "sshd"}, ["Accepted publickey"]),
        ({"product": "jvm", "category": "application"}, ["InvalidClassException"]),
        ({"category": "webserver"}, ["${jndi:ldap://x/a}"]),
        ({"product": "docker", "service": "container"}, {"Privileged": "true"}),
    ],
)
def test_each_log_source_is_there(tmp_path: Path, logsource: dict[str, str], selection: Any) -> None:
    case = tmp_path / "case"
    lines = log(
        '10.0.0.9 - - [01/Mar/2026:12:00:00 +0000] "GET /shell.php?cmd=id HTTP/1.1" 200 5 "-" "curl/8"',
        '10.0.0.9 - - [01/Mar/2026:12:00:00 +0000] "GET /?x=${${lower:j}ndi:ldap://x/a} HTTP/1.1" 404 5 "-" "-"',
        "Mar  1 12:00:00 shop sshd[12]: Accepted publickey for root from 10.0.0.9",
        "java.io.InvalidClassException: filter status: REJECTED",
    )
    items = {
        "inspect.json": inspect(host_config={"Privileged": True}),
        "processes.jsonl": [process(100, 1, "/usr/bin/java", "java")],
        "sockets.jsonl": [connection(1, "198.51.100.7", 4444, 100)],
        "layer.jsonl": [file("/etc/cron.d/x")],
        "logs/tail.jsonl": lines,
        "logs/hits.jsonl": lines[:2],
    }
    add_container(case, items)
    outcome = one(case, tmp_path, selection, logsource)
    assert [use.status for use in outcome.rules] == ["used"], outcome.rules
    assert len(outcome.findings) == 1
    assert outcome.rules[0].rows == 1


def test_what_is_not_used_is_told_with_the_reason(tmp_path: Path) -> None:
    case = tmp_path / "case"
    add_container(case, {"processes.jsonl": [process(100, 1, "/usr/bin/java", "java")]})
    windows = one(case, tmp_path, {"Image": "x"}, {"product": "windows", "category": "process_creation"})
    assert (windows.rules[0].status, windows.findings) == ("no log source", [])
    assert "product windows" in windows.rules[0].reason
    blind = one(case, tmp_path, {"LogonId": 0})
    assert (blind.rules[0].status, blind.rules[0].reason) == ("blind", "A case does not have: LogonId.")
    broken = one(case, tmp_path, {"CommandLine|nosuch": "x"})
    assert broken.rules[0].status == "failed"
    (tmp_path / "rules" / "rule.yml").write_text("{")
    assert run(case, tmp_path / "rules").rules[0].status == "failed"


def test_a_name_in_a_rule_never_becomes_sql(tmp_path: Path) -> None:
    case = tmp_path / "case"
    add_container(case, {"processes.jsonl": [process(100, 1, "/usr/bin/java", "java")]})
    outcome = one(case, tmp_path, {'x") OR 1=1 --': "'; DROP TABLE container; --", "Image": "' OR 1=1 --"})
    assert outcome.findings == []
    assert run(case, rule(tmp_path / "r", {"s": {"Image|endswith": "java"}, "condition": "s"})).findings


def test_a_rule_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sigma, "SECONDS_A_RULE", 0.3)
    case = tmp_path / "case"
    add_container(
        case, {"processes.jsonl": [process(100, 1, "/bin/x", "a" * 3000 + "!") for _dummy in range(3)]}
    )
    begin = time.monotonic()
    outcome = one(case, tmp_path, {"CommandLine|re": "(a+)+$"})
    assert time.monotonic() - begin < 10
    assert (outcome.rules[0].status, outcome.rules[0].reason) == ("failed", "It took longer than 0 s.")


def test_our_own_rules_are_all_used_and_accuse_no_neighbour(tmp_path: Path) -> None:
    outcome = sigma.run(_built(tmp_path), [sigma_compile.OWN_RULES])
    assert len(outcome.rules) >= 16
    assert {use.status for use in outcome.rules} == {"used"}
    assert not {finding.container.name for finding in outcome.findings} & NEIGHBOURS
    assert "sigma-command_in_query_answered" in {finding.rule for finding in outcome.findings}


def test_no_neighbour_of_the_zoo_is_accused_by_rule_or_baseline(tmp_path: Path) -> None:
    case = unpack(LAB.parent / "zoo.jsonl", tmp_path / "zoo")
    found = sigma.run(database.build(case), [sigma_compile.OWN_RULES]).findings + baseline.evaluate(case)
    least = severity_level("medium")
    strong = {
        finding.container.name
        for finding in found
        if finding.kind == "intrusion" and severity_level(finding.severity) >= least
    }
    scenes = Path(__file__).parents[5] / "lab" / "scenes"
    kinds = {name: tomllib.loads((scenes / name / "scene.toml").read_text())["kind"] for name in strong}
    assert set(kinds.values()) == {"breach"}, kinds
    assert len(strong) >= 10


def test_a_path_without_rules_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CordonError, match="There are no Sigma rules at"):
        sigma.run(_built(tmp_path), [tmp_path / "nowhere"])


def _built(tmp_path: Path) -> Path:
    case = tmp_path / "lab"
    case.mkdir()
    for host in LAB.iterdir():
        (case / host.name).mkdir()
        for bag in host.iterdir():
            _copy(bag, case / host.name / bag.name)
    return database.build(case)


def _copy(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
