# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
from pathlib import Path

from ansible_collections.cordon.docker.plugins.plugin_utils._containment.known import Known

OLD, NEW, OTHER = "0" * 64, "1" * 64, "2" * 64


def triaged(case: Path, second: int, *containers: tuple[str, str], host: str = "web1") -> None:
    for container, name in containers:
        home = case / host / f"20260102T1200{second:02}Z-triage" / "data" / "containers" / container[:12]
        home.mkdir(parents=True)
        (home / "inspect.json").write_text(json.dumps({"Id": container, "Name": f"/{name}"}))


def finding(container: str, severity: str = "critical", kind: str = "intrusion", host: str = "web1") -> str:
    short = {"id": container[:12], "name": "x", "image": "y"}
    return json.dumps({"host": host, "container": short, "kind": kind, "severity": severity}) + "\n"


def test_a_name_is_the_newest_container_that_bore_it(tmp_path: Path) -> None:
    triaged(tmp_path, 1, (OLD, "dvwa"))
    triaged(tmp_path, 2, (NEW, "dvwa"), (OTHER, "shop"))
    known = Known.of(tmp_path, "web1")
    assert known.match(["/dvwa", OLD[:12], "none"]) == ({NEW: "/dvwa", OLD: OLD[:12]}, ["none"])
    assert known.has(OTHER)
    assert not known.has("3" * 64)


def test_another_hosts_evidence_is_not_this_ones(tmp_path: Path) -> None:
    triaged(tmp_path, 1, (OLD, "dvwa"), host="app2")
    known = Known.of(tmp_path, "web1")
    assert (known.any, known.names) == (False, {})


def test_an_id_that_does_not_fit_its_folder_is_not_believed(tmp_path: Path) -> None:
    triaged(tmp_path, 1, (OLD, "dvwa"))
    path = next(tmp_path.glob("web1/*/data/containers/*/inspect.json"))
    path.write_text(json.dumps({"Id": NEW, "Name": "/dvwa"}))
    assert list(Known.of(tmp_path, "web1").names) == [OLD[:12]]


def test_the_findings_that_were_shown_count(tmp_path: Path) -> None:
    triaged(tmp_path, 1, (OLD, "a"), (NEW, "b"), (OTHER, "c"))
    shown = (
        finding(OLD) + finding(NEW, kind="exposure") + finding(OTHER, "medium") + finding(OTHER, host="app2")
    )
    (tmp_path / "findings.jsonl").write_text(shown + "{broken\n")
    known = Known.of(tmp_path, "web1")
    assert known.suspected("high") == [OLD]
    assert known.suspected("medium") == [OLD, OTHER]


def test_findings_older_than_the_evidence_are_made_anew(tmp_path: Path) -> None:
    triaged(tmp_path, 1, (OLD, "a"))
    (tmp_path / "findings.jsonl").write_text(finding(OLD))
    os.utime(tmp_path / "findings.jsonl", (1, 1))
    assert Known.of(tmp_path, "web1").suspected("info") == []
