# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    ContainerName,
    Finding,
    Kind,
    Severity,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.ranking import rank
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_case import HostState, host_states
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_facts import facts, figures
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_lines import Told, lines

QUIET = Told(ranked=[], hosts=[], seen=2, containers=9, times=[], undo=[], suppressed=0, shared=0, gaps=0)


def finding(host: str, name: str, severity: Severity, kind: Kind = "intrusion") -> Finding:
    container = ContainerName(name.encode().hex()[:12].ljust(12, "0"), name, "acme/x:1")
    return Finding(
        f"{host}{name}", kind, host, container, severity, "high", name, f"{name} is odd.", "T1059", (), ""
    )


def texts(told: Told) -> dict[str, str]:
    return {line["about"]: line["text"] for line in lines(told)}


def test_a_quiet_fleet_is_told_in_five_lines() -> None:
    assert texts(QUIET) == {
        "What": "No sign of a break-in was found in 9 containers on 2 hosts.",
        "Where": "There is nothing to point at.",
        "When": "No sign of a break-in carries a time. No trace is on more than one host.",
        "Done": "Nothing is contained by this case: the containers run as they were found.",
        "Missing": "Every host answered, and every item is whole.",
    }


def test_the_worst_comes_first_and_the_next_are_named() -> None:
    found = [
        finding("web1", "shop", "high"),
        finding("db1", "ledger", "critical"),
        finding("web2", "ci", "high", "exposure"),
    ]
    told = texts(replace(QUIET, ranked=rank(found)))
    assert told["What"] == (
        "Signs of a break-in in 2 of 9 containers on 2 hosts; 2 hosts affected, the worst sign is critical."
        " 1 more container would let an intruder out to the host."
    )
    assert told["Where"] == "Start with ledger on db1: ledger is odd. Then shop on web1."


def test_an_exposure_alone_is_where_to_look_first() -> None:
    told = texts(replace(QUIET, ranked=rank([finding("web2", "ci", "high", "exposure")])))
    assert told["Where"] == "Look first at ci on web2: ci is odd."


@pytest.mark.parametrize(
    ("times", "text"),
    [
        (["2026-03-01T11:00:00Z"], "The only dated sign is of 2026-03-01 11:00:00 UTC."),
        (
            ["2026-03-01T11:00:00Z", "2026-02-01T11:00:00Z", "soon"],
            "The earliest sign is of 2026-02-01 11:00:00 UTC, the latest of 2026-03-01 11:00:00 UTC.",
        ),
    ],
)
def test_the_span_of_dated_signs(times: list[str], text: str) -> None:
    assert (
        texts(replace(QUIET, times=times, shared=None))["When"]
        == f"{text} Hosts were not compared with each other yet."
    )


def test_what_is_missing_is_named() -> None:
    hosts = [HostState(f"h{number}", "unreachable") for number in range(5)] + [HostState("up", "collected")]
    told = texts(replace(QUIET, hosts=hosts, gaps=2))
    assert told["Missing"] == (
        "5 of 6 hosts not collected: h0 (unreachable), h1 (unreachable), h2 (unreachable) and 2 more."
        " 2 items failed or cut short."
    )


def test_what_is_contained_is_counted() -> None:
    undo = [{"host": "web1", "steps": [1, 2]}, {"host": "web1", "steps": [1]}]
    assert texts(replace(QUIET, undo=undo))["Done"].startswith(
        "2 containers on 1 host contained; 3 steps can be taken back"
    )


def row(verb: str, status: str, **more: Any) -> dict[str, Any]:
    return {
        "host": "web1",
        "verb": verb,
        "status": status,
        "reason": None,
        "time": "t",
        "bag": None,
        "containers": 0,
        **more,
    }


@pytest.mark.parametrize(
    ("rows", "status", "bag"),
    [
        ([row("triage", "asked"), row("triage", "collected", bag="web1/b")], "collected", "web1/b"),
        ([row("triage", "collected", bag="web1/b"), row("triage", "unreachable")], "unreachable", "web1/b"),
        ([row("triage", "collected", bag="web1/b"), row("contain", "failed")], "collected", "web1/b"),
        ([row("contain", "failed"), row("triage", "collected", bag="web1/b")], "collected", "web1/b"),
        ([row("triage", "collected", bag="web1/b"), row("triage", "asked")], "collected", "web1/b"),
        ([row("triage", "asked")], "asked", ""),
    ],
)
def test_the_last_triage_is_what_counts(
    tmp_path: Path, rows: list[dict[str, Any]], status: str, bag: str
) -> None:
    (tmp_path / "hosts.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    state = host_states(tmp_path)["web1"]
    assert (state.status, state.bag) == (status, bag)


def test_facts_name_rights_mounts_and_no_secret() -> None:
    told = facts(
        {
            "Config": {"Env": ["TOKEN=s3cret", "PATH=/bin"], "Entrypoint": ["/init"], "Cmd": ["serve"]},
            "HostConfig": {
                "Privileged": True,
                "PidMode": "host",
                "NetworkMode": "container:abc",
                "Devices": [{"PathOnHost": "/dev/sda"}],
            },
            "Mounts": [{"Type": "bind", "Source": "/", "Destination": "/host", "RW": False}],
            "State": {
                "Status": "exited",
                "Running": False,
                "ExitCode": 0,
                "FinishedAt": "0001-01-01T00:00:00Z",
            },
        }
    )
    assert told == {
        "command": ["/init", "serve"],
        "environment": ["PATH", "TOKEN"],
        "exit_code": 0.0,
        "mounts": ["bind / → /host (read-only)"],
        "rights": ["--privileged", "--pid host", "--network container:abc", "--device /dev/sda"],
        "state": "exited",
    }


@pytest.mark.parametrize(
    "stats", [{}, {"cpu_percent": "x", "network": [], "second": 4}, {"cpu_percent": float("nan")}]
)
def test_no_figures_are_none(stats: dict[str, Any]) -> None:
    assert figures(stats) == {}
