# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A case in, findings out: which bags are read, what is written, and that no evidence stops it."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import evaluate as evaluate_module
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import evidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evaluate import evaluate, write_findings
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.rules import ALL
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.build_case import (
    add_container,
    container_of,
    file,
    findings_of,
    grades,
    inspect,
    log,
    process,
)

PRIVILEGED = {"inspect.json": inspect(host_config={"Privileged": True})}
QUIET = {"inspect.json": inspect()}


def test_an_empty_case_has_no_findings(tmp_path: Path) -> None:
    assert evaluate(tmp_path) == []
    (tmp_path / "web1" / "20260301T120500Z-triage").mkdir(parents=True)
    (tmp_path / "custody.jsonl").write_text("{}\n")
    assert evaluate(tmp_path) == []


def test_a_case_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        evaluate(tmp_path / "nowhere")


def test_the_newest_bag_of_a_container_counts(tmp_path: Path) -> None:
    add_container(tmp_path, PRIVILEGED, bag="20260301T120500Z-triage")
    add_container(tmp_path, QUIET, bag="20260301T120500Z-triage-2")
    assert evaluate(tmp_path) == []
    add_container(tmp_path, PRIVILEGED, bag="20260301T120500Z-triage-10")
    found = evaluate(tmp_path)
    assert [ref.bag for ref in found[0].evidence] == ["web1/20260301T120500Z-triage-10"]


def test_a_container_that_only_an_older_bag_has_is_kept(tmp_path: Path) -> None:
    add_container(tmp_path, PRIVILEGED, bag="20260301T120500Z-triage", container="aaaaaaaaaaaa")
    add_container(tmp_path, QUIET, bag="20260301T130500Z-triage")
    assert [finding.container.id for finding in evaluate(tmp_path)] == ["aaaaaaaaaaaa"]


@pytest.mark.parametrize(
    "bag", ["20260301T120500Z-preserve", "triage", "20260301T120500Z-triage-x", ".hidden"]
)
def test_other_folders_are_no_triage(tmp_path: Path, bag: str) -> None:
    add_container(tmp_path, PRIVILEGED, bag=bag)
    assert evaluate(tmp_path) == []


def test_links_in_a_case_are_not_followed(tmp_path: Path) -> None:
    add_container(tmp_path / "real", PRIVILEGED)
    case = tmp_path / "case"
    case.mkdir()
    (case / "web1").symlink_to(tmp_path / "real" / "web1")
    assert evaluate(case) == []


def test_the_host_is_called_as_in_the_inventory(tmp_path: Path) -> None:
    folder = add_container(tmp_path, PRIVILEGED, host="web_1-0123456789ab")
    info = folder.parents[2] / "bag-info.txt"
    info.write_text("Bagging-Date: 2026-03-01\nHost: web 1\nPayload-Oxum: 1.1\n")
    found = evaluate(tmp_path)[0]
    assert found.host == "web 1"
    assert found.next == "ansible 'web 1' -b -m cordon.docker.container_info -a containers=shop"
    assert found.evidence[0].bag == "web_1-0123456789ab/20260301T120500Z-triage"
    info.unlink()
    assert evaluate(tmp_path)[0].host == "web_1-0123456789ab"


def test_commands_are_safe_to_paste(tmp_path: Path) -> None:
    document = {**PRIVILEGED["inspect.json"], "Name": "/x'; rm -rf ~ #"}
    found = findings_of(tmp_path, {"inspect.json": document})[0]
    assert found.next.endswith("-a containers=0123456789ab")
    shell = file("/var/www/html/$(id).php", code="php", head="<?php system($_GET['c']);")
    lines = log('"GET /$(id).php HTTP/1.1" 200 1')
    found = findings_of(tmp_path, {"layer.jsonl": [shell], "logs/tail.jsonl": lines})[0]
    assert found.next == "ansible web1 -b -m cordon.docker.container_logs_info -a containers=shop"


def test_evidence_points_at_real_lines(tmp_path: Path) -> None:
    rows = [process(100, 1, "/usr/bin/java", "java"), process(101, 100, "/usr/bin/bash", "bash")]
    found = findings_of(tmp_path, {"processes.jsonl": rows})[0]
    ref = found.evidence[0]
    lines = (tmp_path / ref.bag / ref.path).read_text().splitlines()
    assert json.loads(lines[(ref.line or 0) - 1])["pid"] == 101


def test_findings_are_written_whole_and_private(tmp_path: Path) -> None:
    found = findings_of(tmp_path, PRIVILEGED)
    path = write_findings(tmp_path, found)
    first = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [json.loads(line) for line in first.splitlines()] == [finding.to_json() for finding in found]
    assert set(json.loads(first)) == {
        *("id", "kind", "host", "container", "severity", "confidence"),
        *("rule", "sentence", "technique", "evidence", "next"),
    }
    assert write_findings(tmp_path, evaluate(tmp_path)).read_bytes() == first
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_the_worst_container_comes_first(tmp_path: Path) -> None:
    add_container(tmp_path, PRIVILEGED, container="aaaaaaaaaaaa")
    rows = [
        process(100, 1, "/usr/bin/node", "node"),
        process(101, 100, "/usr/bin/python3", "python3", "x.py"),
    ]
    add_container(tmp_path, {"processes.jsonl": rows}, container="bbbbbbbbbbbb", host="db3")
    add_container(
        tmp_path, {"processes.jsonl": [process(1, 0, "/x", state="memfd")]}, container="cccccccccccc"
    )
    assert [f.container.id[0] for f in evaluate(tmp_path)] == ["c", "b", "a"]


# ---- hostile evidence

ITEMS = [
    *("inspect.json", "stats.json", "top.json", "processes.jsonl", "sockets.jsonl", "changes.jsonl"),
    *("layer.jsonl", "volumes.jsonl", "logs/tail.jsonl", "logs/hits.jsonl"),
]
BROKEN = [
    b"",
    b"\n\n\n",
    b"null\n[]\n3\n",
    b"\xff\xfe\x00",
    b"{",
    b'{"a":' * 100_000,
    b"[" * 200_000,
    b'{"pid":' + b"9" * 10_000 + b"}",
    b'{"pid":1e999,"ppid":NaN}',
    b'{"a":"' + b"x" * (3 << 20) + b'"}\n{"pid":1,"ppid":2}\n',
    b"\x00" * (2 << 20),
]


@pytest.mark.parametrize("raw", BROKEN, ids=range(len(BROKEN)))
@pytest.mark.parametrize("item", ITEMS)
def test_broken_items_stop_nothing(tmp_path: Path, item: str, raw: bytes) -> None:
    memory = process(100, 1, "/usr/bin/java", "[kthreadd]")
    items: dict[str, Any] = {"processes.jsonl": [memory], item: raw}
    found = findings_of(tmp_path, items)
    assert not any(f.rule == "unreadable-evidence" and f.severity == "low" for f in found)
    if item != "processes.jsonl":
        assert "disguised-process" in grades(found)


def test_lines_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    good = json.dumps(process(101, 100, "/tmp/x", state="memfd")).encode()
    raw = b"junk\n" + b"[]\n" + b"x" * (2 << 20) + b"\n" + good + b"\n"
    found = findings_of(tmp_path, {"processes.jsonl": raw})
    assert grades(found) == {"memfd-executable": "high", "unreadable-evidence": "info"}
    assert found[0].evidence[0].line == 4
    assert found[1].sentence.startswith("3 rows of processes.jsonl could not be read")


def test_a_rule_that_fails_is_told_and_the_others_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_container: Any) -> Any:
        raise ValueError("never shown")

    monkeypatch.setattr(evaluate_module, "ALL", (failing, *ALL))
    found = findings_of(tmp_path, PRIVILEGED)
    assert grades(found) == {"privileged": "high", "unreadable-evidence": "low"}
    assert "never shown" not in found[1].sentence


def test_no_more_rows_are_kept_than_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "MAX_ROWS", 10)
    rows = [process(100 + n, 1, "/usr/bin/sleep") for n in range(20)]
    container = container_of(tmp_path, {"processes.jsonl": rows})
    assert len(list(container.processes)) == 10
    assert container.problems == {"processes.jsonl": 1}


def test_a_flood_of_signs_is_bounded(tmp_path: Path) -> None:
    rows = [process(100 + n, 1, f"/tmp/x{n}", state="memfd") for n in range(2000)]
    assert len(findings_of(tmp_path, {"processes.jsonl": rows})) == 300


def test_folders_that_are_no_containers_are_passed_over(tmp_path: Path) -> None:
    add_container(tmp_path, PRIVILEGED, container="not-an-id")
    add_container(tmp_path, PRIVILEGED, container="0123456789AB")
    assert evaluate(tmp_path) == []


_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["bash", "/tmp/x", "deleted", "memfd", "socket:[1]", "php", "host", "file", "ESTABLISHED"]
    ),
)
_KEYS = st.sampled_from(
    [
        "pid",
        "ppid",
        "container_pid",
        "exe",
        "path",
        "state",
        "cmdline",
        "comm",
        "stdio",
        "0",
        "started",
        "capabilities",
        "inode",
        "remote_address",
        "remote_port",
        "type",
        "kind",
        "code",
        "head",
        "ctime",
        "executable",
        "in_diff",
        "content_changed",
        "line",
        "time",
        "HostConfig",
        "State",
        "StartedAt",
        "Mounts",
        "Source",
        "RW",
        "Type",
        "CapAdd",
        "Devices",
        "PathOnHost",
        "SecurityOpt",
        "MaskedPaths",
        "NanoCpus",
        "Config",
        "Image",
        "Name",
        "cpu_percent",
        "first",
        "cpuacct.usage",
        "cpu.stat",
    ]
)
_VALUES = st.one_of(
    _SCALARS,
    st.lists(_SCALARS, max_size=3),
    st.dictionaries(_KEYS, _SCALARS, max_size=4),
    st.lists(st.dictionaries(_KEYS, _SCALARS, max_size=4), max_size=2),
)
_RECORDS = st.dictionaries(_KEYS, _VALUES, max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(ITEMS), st.lists(_RECORDS, min_size=1, max_size=4), max_size=10))
def test_values_of_any_type_stop_no_rule(
    tmp_path_factory: pytest.TempPathFactory, items: dict[str, list[dict[str, Any]]]
) -> None:
    case = tmp_path_factory.mktemp("case")
    written: dict[str, Any] = {name: rows if name.endswith("l") else rows[0] for name, rows in items.items()}
    found = findings_of(case, json.loads(json.dumps(written).encode("utf-8", "backslashreplace")))
    assert not any(f.rule == "unreadable-evidence" and f.severity == "low" for f in found)
    assert all(f.sentence.isprintable() for f in found)
    assert all(line.isprintable() for f in found for line in (f.container.id, f.next))
    write_findings(case, found)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(ITEMS), st.binary(max_size=300), max_size=10))
def test_bytes_of_any_kind_stop_no_rule(
    tmp_path_factory: pytest.TempPathFactory, items: dict[str, bytes]
) -> None:
    found = findings_of(tmp_path_factory.mktemp("case"), items)
    assert not any(f.rule == "unreadable-evidence" and f.severity == "low" for f in found)


def test_a_hostile_log_takes_bounded_time(tmp_path: Path) -> None:
    nested = "${lower:" * 1500 + "x" * 3000 + "}" * 1500
    raw = b"".join(json.dumps(row).encode() + b"\n" for row in log(*[nested] * 60)) * 20
    add_container(tmp_path, {"logs/hits.jsonl": raw, "logs/tail.jsonl": raw})
    began = time.process_time()
    evaluate(tmp_path)
    assert time.process_time() - began < 10


def test_a_fleet_is_evaluated_quickly(tmp_path: Path) -> None:
    rows = [process(100 + n, 100, "/usr/sbin/nginx", "nginx: worker") for n in range(5)]
    lines = log(
        *(f'10.0.0.{n} - - "GET /items/{n}?page={n} HTTP/1.1" 200 512 "-" "Mozilla/5.0"' for n in range(60))
    )
    items = {
        "processes.jsonl": rows,
        "logs/tail.jsonl": lines * 15,
        "layer.jsonl": [file(f"/var/cache/{n}") for n in range(20)],
        "stats.json": {"cpu_percent": 3},
    }
    for number in range(150):
        add_container(tmp_path, items, host=f"h{number % 3}", container=f"{number:012x}")
    evaluate(tmp_path)
    began = time.process_time()
    assert evaluate(tmp_path) == []
    assert time.process_time() - began < 2  # 0.1 s on an idle core


def test_unreadable_files_are_passed_over(tmp_path: Path) -> None:
    folder = add_container(tmp_path, PRIVILEGED)
    (folder / "processes.jsonl").mkdir()
    os.mkfifo(folder / "other")
    assert grades(evaluate(tmp_path)) == {"privileged": "high"}
