# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contain and release over the fleet, on containers of the tests' own: does anything still get out of them?"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import stage
from case import Case, lines
from fleet import Fleet
from stage import Beacon

NAME = "rb-beacon"


@pytest.fixture
def beacons(fleet: Fleet) -> Iterator[dict[str, Beacon]]:
    with stage.beacons(fleet, fleet.hosts, NAME, "--restart", "always") as found:
        yield found


@pytest.fixture
def beacon(fleet: Fleet) -> Iterator[Beacon]:
    host = fleet.hosts[0]
    with stage.beacons(fleet, [host], NAME) as found:
        yield found[host]


def host_records(fleet: Fleet, host: str) -> str:
    return fleet.shell(host, "sh", "-c", "ls /run/cordon/containers/*.json 2>/dev/null; true").strip()


def records(case: Case) -> list[Path]:
    return sorted((case.path / "records").glob("*/*.json"))


def actions(case: Case, host: str) -> list[str]:
    return [row["action"] for row in case.custody if row["host"] == host]


def test_a_fleet_is_cut_off_with_evidence_first_and_comes_back(
    fleet: Fleet, beacons: dict[str, Beacon], tmp_path: Path
) -> None:
    assert all(beacon.calls() > 0 for beacon in beacons.values())
    before = {host: beacon.inspect() for host, beacon in beacons.items()}
    run = fleet.playbook("contain", "-e", "case=A", "-e", f"containers={NAME}", cwd=tmp_path)
    case = Case(tmp_path / "evidence" / "A")
    assert run.code == 0, run.output
    assert {host: beacon.calls() for host, beacon in beacons.items()} == dict.fromkeys(fleet.hosts, 0)
    for host in fleet.hosts:
        case.bag(host).check()
        told = actions(case, host)
        assert told.index("evidence sealed") < told.index("link_down") < told.index("raise_barrier")
        assert before[host]["Id"] in host_records(fleet, host)
    for path in records(case):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(records(case)) == len(fleet.hosts)
    assert "release.yml" in run.output
    assert "isolated" in run.output

    again = fleet.playbook("contain", "-e", "case=A", "-e", f"containers={NAME}", cwd=tmp_path)
    assert again.code == 0, again.output
    assert "changed=0" in again.output
    assert "changed=1" not in again.output
    assert len(case.bags(fleet.hosts[0])) == 1

    back = fleet.playbook("release", "-e", f"containers={NAME}", cwd=tmp_path)
    assert back.code == 0, back.output
    assert "Case A, the newest" in back.output
    assert all(beacon.calls() > 0 for beacon in beacons.values())
    for host, beacon in beacons.items():
        now = beacon.inspect()
        assert now["HostConfig"]["RestartPolicy"] == before[host]["HostConfig"]["RestartPolicy"]
        assert now["NetworkSettings"]["Networks"] == before[host]["NetworkSettings"]["Networks"]
        assert now["State"]["Pid"] == before[host]["State"]["Pid"]
        assert beacon.inspect()["Id"] not in host_records(fleet, host)
    assert records(case) == []
    case.check_chain()


def test_check_mode_plans_and_changes_nothing(fleet: Fleet, beacon: Beacon, tmp_path: Path) -> None:
    links = fleet.shell(beacon.host, "ip", "-o", "link")
    before = beacon.inspect()
    run = fleet.playbook(
        "contain", "-l", beacon.host, "-e", f"containers={NAME}", "--check", "--diff", cwd=tmp_path
    )
    assert run.code == 0, run.output
    assert "Nothing was changed: this is what would be done" in run.output
    assert "planned, 0 done" in run.output
    assert "+    barrier: true" in run.output
    assert beacon.inspect() == before
    assert fleet.shell(beacon.host, "ip", "-o", "link") == links
    assert before["Id"] not in host_records(fleet, beacon.host)
    assert list((tmp_path / "evidence").glob("*/records")) == []
    assert beacon.calls() > 0


def test_a_pause_holds_and_ends(fleet: Fleet, beacon: Beacon, tmp_path: Path) -> None:
    words = ("-l", beacon.host, "-e", f"containers={NAME}")
    run = fleet.playbook("contain", *words, "-e", "level=pause", cwd=tmp_path)
    assert run.code == 0, run.output
    assert beacon.inspect()["State"]["Paused"]
    assert beacon.calls() == 0
    assert fleet.playbook("release", *words, cwd=tmp_path).code == 0
    assert beacon.calls() > 0


@pytest.mark.parametrize("level", ["disconnect", "link"])
def test_the_other_cuts_hold_and_end(fleet: Fleet, beacon: Beacon, tmp_path: Path, level: str) -> None:
    words = ("-l", beacon.host, "-e", f"select=[?Name=='/{NAME}']")
    run = fleet.playbook("contain", *words, "-e", f"level={level}", cwd=tmp_path)
    assert run.code == 0, run.output
    assert beacon.calls() == 0
    back = fleet.playbook("release", *words, cwd=tmp_path)
    assert back.code == 0, back.output
    assert beacon.calls() > 0


def test_a_kill_is_refused_where_nothing_is_preserved(fleet: Fleet, beacon: Beacon, tmp_path: Path) -> None:
    words = ("-l", beacon.host, "-e", "case=A", "-e", f"containers={NAME}", "-e", "level=kill")
    case = Case(tmp_path / "evidence" / "A")
    run = fleet.playbook("contain", *words, cwd=tmp_path)
    assert run.code != 0
    assert "refused" in run.output
    assert "respond.yml" in run.output
    assert "kill refused" in actions(case, beacon.host)
    assert beacon.inspect()["State"]["Running"]

    unsaid = fleet.playbook("contain", *words, "-e", "without_evidence=true", cwd=tmp_path)
    assert unsaid.code != 0
    assert 'add -e reason="…"' in " ".join(unsaid.output.split())
    assert beacon.inspect()["State"]["Running"]

    why = "It wipes the disks of others."
    done = fleet.playbook(
        "contain", *words, "-e", json.dumps({"without_evidence": True, "reason": why}), cwd=tmp_path
    )
    assert done.code == 0, done.output
    assert not beacon.inspect()["State"]["Running"]
    (waived,) = [row for row in case.custody if row["action"] == "evidence waived"]
    assert (waived["host"], waived["reason"]) == (beacon.host, why)
    assert actions(case, beacon.host).index("evidence waived") < actions(case, beacon.host).index("kill")


def test_only_signs_of_a_break_in_are_contained_by_themselves(fleet: Fleet, tmp_path: Path) -> None:
    host, names = fleet.hosts[0], ("rb-intruded", "rb-exposed")
    try:
        intruded = stage.run(fleet, host, names[0], stage.SH, "-c", stage.INTRUDER)
        stage.run(fleet, host, names[1], "/bin/busybox", "sleep", "9999", options=("--privileged",))
        fleet.playbook("triage", "-l", host, "-e", "case=OLD", "-e", "containers=none", cwd=tmp_path)
        chosen = ("-l", host, "-e", "case=NEW", "-e", f"containers={','.join(names)}")
        triage = fleet.playbook("triage", *chosen, cwd=tmp_path)
        assert triage.code == 0, triage.output
        case = Case(tmp_path / "evidence" / "NEW")
        assert case.findings(host, names[0], "intrusion")
        assert case.findings(host, names[1], "exposure")
        run = fleet.playbook("contain", "-l", host, "-e", "level=pause", cwd=tmp_path)
        assert run.code == 0, run.output
        assert "Case NEW, the newest" in run.output
        assert stage.inspect(fleet, host, names[0])["State"]["Paused"]
        assert not stage.inspect(fleet, host, names[1])["State"]["Paused"]
        assert [path.stem for path in records(case)] == [intruded[:12]]

        fleet.shell(host, "docker", "unpause", names[0])
        stage.run(fleet, host, names[0], "/bin/busybox", "sleep", "9999")
        gone = fleet.playbook("contain", "-l", host, "-e", "level=pause", cwd=tmp_path)
        assert gone.code == 0, gone.output
        assert "removed since it was triaged" in " ".join(gone.output.split())
        assert not stage.inspect(fleet, host, names[0])["State"]["Paused"]
    finally:
        stage.clear(fleet, host, *names)


def test_another_container_of_the_same_name_is_triaged_first(
    fleet: Fleet, beacon: Beacon, tmp_path: Path
) -> None:
    words = ("-l", beacon.host, "-e", "case=A", "-e", f"containers={NAME}", "-e", "level=pause")
    assert fleet.playbook("contain", *words, cwd=tmp_path).code == 0
    other = stage.run(fleet, beacon.host, NAME, "/bin/busybox", "sleep", "9999")
    run = fleet.playbook("contain", *words, cwd=tmp_path)
    assert run.code == 0, run.output
    case = Case(tmp_path / "evidence" / "A")
    newest = case.bags(beacon.host)[-1]
    assert newest.document(other, "inspect.json")["Id"] == other
    assert beacon.inspect()["State"]["Paused"]


def test_another_controller_releases_by_the_hosts_own_record(
    fleet: Fleet, beacon: Beacon, tmp_path: Path
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    words = ("-l", beacon.host, "-e", f"containers={NAME}")
    assert fleet.playbook("contain", *words, cwd=ours).code == 0
    assert beacon.calls() == 0
    run = fleet.playbook("release", *words, cwd=theirs)
    assert run.code == 0, run.output
    assert "There is no case in" in " ".join(run.output.split())
    assert beacon.calls() > 0
    # What the first controller still has on record is found to be taken back.
    again = fleet.playbook("release", *words, cwd=ours)
    assert again.code == 0, again.output
    assert list(ours.glob("evidence/*/records/*/*.json")) == []


def test_the_case_remembers_what_a_host_forgot(fleet: Fleet, beacon: Beacon, tmp_path: Path) -> None:
    words = ("-l", beacon.host, "-e", f"containers={NAME}")
    assert fleet.playbook("contain", *words, cwd=tmp_path).code == 0
    fleet.shell(beacon.host, "rm", f"/run/cordon/containers/{beacon.inspect()['Id']}.json")
    run = fleet.playbook("release", *words, cwd=tmp_path)
    assert run.code == 0, run.output
    assert beacon.calls() > 0


def test_rows_tell_of_every_container(fleet: Fleet, beacon: Beacon, tmp_path: Path) -> None:
    words = ("-l", beacon.host, "-e", "case=A", "-e", f"containers={NAME},nonesuch")
    run = fleet.playbook("contain", *words, cwd=tmp_path)
    assert run.code != 0
    assert "No host that was reached has a container named nonesuch." in " ".join(run.output.split())
    (row,) = lines(tmp_path / "evidence" / "A" / "containments.jsonl")
    assert (row["name"], row["status"], row["outstanding"]) == (NAME, "done", len(row["steps"]))
