# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The timeline of a case: what is in it, in which order, and that nothing a host writes breaks a line of it."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evaluate import evaluate, write_findings
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.timeline import Window, write_timeline
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.build_case import (
    BEFORE,
    CONTAINER,
    LATER,
    STARTED,
    add_container,
    file,
    inspect,
    process,
)

LAB = Path(__file__).parents[3] / "fixtures" / "cases" / "lab"
HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "a\nb",
    "\u202egpj.exe",
    '"}{"',
    "\t\t",
    "=cmd|' /C calc'!A0",
    "\udcff",
    "\x00",
]


def timeline(case: Path, window: Window | None = None) -> list[dict[str, Any]]:
    lines = write_timeline(case, window).read_bytes().split(b"\n")
    assert lines.pop() == b""
    return [json.loads(line) for line in lines]


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    case = tmp_path / "lab"
    shutil.copytree(LAB, case)
    write_findings(case, evaluate(case))
    return case


def test_the_lab_in_order(lab: Path) -> None:
    rows = timeline(lab)
    times = [row["datetime"] for row in rows]
    assert times == sorted(times)
    assert {row["kind"] for row in rows} == {"process", "file", "log", "engine", "finding"}
    shell = next(row for row in rows if row["kind"] == "process" and row["severity"] == "critical")
    assert shell["message"].startswith("Process started: bash")
    web_shell = next(row for row in rows if row["kind"] == "file" and "shell.php" in row["message"])
    assert (web_shell["host"], web_shell["container"]["name"]) == ("web1", "dvwa")
    asked = [row for row in rows if row["kind"] == "log" and "shell.php?cmd=id" in row["message"]]
    assert [row["severity"] for row in asked] == ["critical"]


def test_each_line_has_what_timesketch_needs_and_points_at_evidence(lab: Path) -> None:
    for row in timeline(lab):
        assert datetime.fromisoformat(row["datetime"]).tzinfo is not None
        assert row["message"]
        assert row["timestamp_desc"]
        assert row["data_type"].startswith("cordon:")
        ref = row["ref"]
        lines = (lab / ref["bag"] / ref["path"]).read_text().splitlines()
        if ref["line"] is not None:
            json.loads(lines[ref["line"] - 1])


def test_the_same_case_gives_the_same_bytes(lab: Path) -> None:
    first = write_timeline(lab).read_bytes()
    assert write_timeline(lab).read_bytes() == first


def test_the_window_keeps_what_is_in_it(lab: Path) -> None:
    everything = timeline(lab)
    window = Window.of("2026-11-25T02:08:52Z", "2026-11-25T02:08:53Z", 0)
    kept = [
        row for row in everything if "2026-11-25T02:08:52" <= row["datetime"] <= "2026-11-25T02:08:53.000000Z"
    ]
    assert timeline(lab, window) == kept
    assert 0 < len(kept) < len(everything)


@pytest.mark.parametrize(("first", "last"), [("yesterday", None), (None, "soon"), ("1h", "2h")])
def test_a_window_that_is_none_is_refused(first: str | None, last: str | None) -> None:
    with pytest.raises(InvalidOption, match="timeline_"):
        Window.of(first, last, 1e9)


def test_a_time_that_was_set_back_is_two_lines(tmp_path: Path) -> None:
    rows = [
        file("/var/www/html/a.php", mtime=BEFORE),
        file("/tmp/b"),
        file("/tmp/c", kind="D", type="whiteout"),
    ]
    add_container(tmp_path, {"layer.jsonl": rows})
    told = [(row["timestamp_desc"], row["datetime"], row["message"]) for row in timeline(tmp_path)]
    files = [row for row in told if "File" in row[2]]
    assert [row[0] for row in files if "a.php" in row[2]] == [
        "Content Modification Time",
        "Metadata Modification Time",
    ]
    assert files[0][1].startswith("2026-02-01")
    assert "its content is dated 28 days earlier" in files[1][2] + files[2][2] + files[3][2]
    assert [row[0] for row in files if "/tmp/b" in row[2]] == ["Content Modification Time"]
    assert [row[0] for row in files if "/tmp/c" in row[2]] == ["Deletion Time"]


def test_what_was_seen_twice_is_told_once(tmp_path: Path) -> None:
    later = [process(100, 1, "/bin/sleep", started="2026-03-01T11:30:00.004000Z")]
    items: dict[str, Any] = {
        "processes.jsonl": [process(100, 1, "/bin/sleep")],
        "layer.jsonl": [file("/tmp/b")],
    }
    add_container(tmp_path, items)
    add_container(tmp_path, {**items, "processes.jsonl": later}, bag="20260301T130500Z-triage")
    rows = timeline(tmp_path)
    assert [row["kind"] for row in rows if row["kind"] != "engine"] == ["file", "process"]
    assert [row["message"] for row in rows if row["kind"] == "engine"] == [
        "Container shop started (acme/shop:5.2)"
    ]
    assert rows[-1]["ref"]["bag"].endswith("20260301T130500Z-triage")


def test_the_clock_of_a_host_that_is_off_is_put_right(tmp_path: Path) -> None:
    add_container(tmp_path, {"layer.jsonl": [file("/tmp/b")]})
    bag = tmp_path / "web1" / "20260301T120500Z-triage"
    written = "Host: web1\nHost-Clock-Ahead-Seconds: between 3599.000 and 3601.000\n"
    (bag / "bag-info.txt").write_text(written)
    row = next(row for row in timeline(tmp_path) if row["kind"] == "file")
    assert row["datetime"] == "2026-03-01T10:30:00.000000Z"
    assert row["clock_correction_seconds"] == -3600
    (bag / "bag-info.txt").write_text(written.replace("3599", "-0.100").replace("3601", "4"))
    (right,) = (row for row in timeline(tmp_path) if row["kind"] == "file")
    assert right["datetime"] == LATER
    assert "clock_correction_seconds" not in right


def test_engine_events_and_our_own_actions(tmp_path: Path) -> None:
    add_container(tmp_path, {})
    actor = {"ID": CONTAINER + "0" * 52, "Attributes": {"name": "shop", "image": "acme/shop:5.2"}}
    event = {
        "Type": "container",
        "Action": "exec_create: sh -c id",
        "Actor": actor,
        "timeNano": 1772363100123456789,
    }
    data = tmp_path / "web1" / "20260301T120500Z-triage" / "data"
    (data / "events.jsonl").write_text(
        "junk\n" + json.dumps(event) + "\n" + json.dumps({"Type": [], "time": True})
    )
    container = {"id": CONTAINER, "name": "shop"}
    custody.record(
        tmp_path, [custody.Event("pause", "web1", container, verified=False, reason="It did not stay.")]
    )
    rows = timeline(tmp_path)
    engine = next(row for row in rows if row["data_type"] == "cordon:engine:event")
    assert engine["message"] == "Engine: container exec_create: sh -c id: shop (acme/shop:5.2)"
    assert engine["datetime"] == "2026-03-01T11:05:00.123456Z"
    assert engine["container"] == container
    assert engine["ref"]["line"] == 2
    action = rows[-1]
    assert action["kind"] == "action"
    assert action["message"].endswith(": pause on web1 shop: It did not stay. (not verified)")
    assert action["ref"] == {"bag": "", "path": "custody.jsonl", "line": 1}


def test_a_finding_that_is_known_does_not_alarm(lab: Path) -> None:
    rows = [json.loads(line) for line in (lab / "findings.jsonl").read_text().splitlines()]
    for row in rows:
        row["suppressed"] = {"reason": "a drill"}
    (lab / "findings.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = timeline(lab)
    findings = [row for row in told if row["kind"] == "finding"]
    assert len(findings) == len(rows)
    assert all(row["suppressed"] and "a drill" in row["message"] for row in findings)
    assert {row["severity"] for row in told} == {None, "info"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(HOSTILE) | st.text(max_size=20),
    st.sampled_from([LATER, STARTED, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "junk", None, 7]),
)
def test_nothing_hostile_breaks_a_line(tmp_path: Path, text: str, time: Any) -> None:
    shutil.rmtree(tmp_path / "web1", ignore_errors=True)
    raw = json.dumps(process(100, 1, text, text, started=time)).encode() + b"\n\xff\xfe{}\n[]\n"
    items = {
        "inspect.json": json.dumps(inspect(Name=f"/{text}", Created=time)).encode(),
        "processes.jsonl": raw,
        "layer.jsonl": json.dumps(file(text, ctime=time, code=text)).encode() + b"\n{",
        "logs/hits.jsonl": json.dumps({"time": time, "line": text}).encode(),
    }
    add_container(tmp_path, items)
    events = tmp_path / "web1" / "20260301T120500Z-triage" / "data" / "events.jsonl"
    events.write_bytes(json.dumps({"Type": text, "Action": text, "time": 1, "Actor": text}).encode())
    reference = {"bag": "web1/20260301T120500Z-triage", "line": 1}
    finding = {
        "host": "web1",
        "container": {"id": CONTAINER, "name": text},
        "severity": "high",
        "kind": text,
        "sentence": text,
        "evidence": [
            {**reference, "path": f"data/containers/{CONTAINER}/logs/hits.jsonl"},
            {**reference, "path": f"../{text}"},
        ],
    }
    (tmp_path / "findings.jsonl").write_text(json.dumps(finding) + "\n")
    for row in timeline(tmp_path):
        assert row["message"].isprintable()
        assert row["container"] is None or row["container"]["name"].isprintable()
        assert row["ref"] is None or ".." not in row["ref"]["path"]
