# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One command over the whole fleet, with its staged break-ins and its ordinary neighbours."""

from __future__ import annotations

import hashlib
import json
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from case import Case, at_least
from fleet import BIN, Fleet, Run

PAUSED, EXITED = "t-paused", "t-exited"


@dataclass(frozen=True)
class Triaged:
    """A finished run, its case, and the folder it was run in."""

    run: Run
    case: Case
    folder: Path


@pytest.fixture(scope="module")
def still(fleet: Fleet) -> Iterator[dict[str, dict[str, str]]]:
    """A paused and an exited container on each host: IDs by name by host."""
    ids = {}
    for host in fleet.hosts:
        paused, exited = fleet.container(host, PAUSED), fleet.container(host, EXITED)
        fleet.shell(host, "docker", "pause", PAUSED)
        fleet.shell(host, "docker", "kill", EXITED)
        ids[host] = {PAUSED: paused, EXITED: exited}
    yield ids
    for host in fleet.hosts:
        fleet.shell(host, "docker", "unpause", PAUSED, check=False)
        fleet.remove(host, PAUSED, EXITED)


@pytest.fixture(scope="module")
def triaged(
    fleet: Fleet, still: dict[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Triaged:
    assert still
    folder = tmp_path_factory.mktemp("responder")
    run = fleet.playbook("triage", "-e", "case=INC-7", cwd=folder)
    return Triaged(run, Case(folder / "evidence" / "INC-7"), folder)


def test_every_host_is_collected_and_the_exit_code_says_so(fleet: Fleet, triaged: Triaged) -> None:
    assert triaged.run.code == 0, triaged.run.output
    assert {host: row["status"] for host, row in triaged.case.hosts.items()} == dict.fromkeys(
        fleet.hosts, "collected"
    )


def test_every_bag_is_one_for_strangers(fleet: Fleet, triaged: Triaged) -> None:
    for host in fleet.hosts:
        triaged.case.bag(host).check()


def test_bag_info_has_the_clocks_of_both_sides(fleet: Fleet, triaged: Triaged) -> None:
    for host in fleet.hosts:
        text = (triaged.case.bag(host).path / "bag-info.txt").read_text()
        info = dict(line.split(": ", 1) for line in text.splitlines())
        assert info["Host"] == host
        assert info["Controller-Time-Asked"] < info["Host-Time"] < info["Controller-Time-Answered"]


def test_the_custody_chain_holds_and_tells_of_every_host(fleet: Fleet, triaged: Triaged) -> None:
    triaged.case.check_chain()
    for host in fleet.hosts:
        told = [row["action"] for row in triaged.case.custody if row["host"] == host]
        assert told == ["bundle received", "evidence sealed", "host copy removed"]


def test_everything_is_private(triaged: Triaged) -> None:
    modes: dict[bool, set[int]] = {True: set(), False: set()}
    for path in [triaged.case.path, *triaged.case.path.rglob("*")]:
        assert not path.is_symlink()
        modes[path.is_dir()].add(stat.S_IMODE(path.stat().st_mode))
    assert modes == {True: {0o700}, False: {0o600}}


def test_each_break_in_is_found_and_shown(fleet: Fleet, triaged: Triaged) -> None:
    for host in fleet.hosts:
        for name, scene in fleet.scenes(host, "breach").items():
            found = at_least("medium", triaged.case.findings(host, name))
            assert set(scene["expect"]) <= {finding["rule"] for finding in found} or found, (host, name)
            assert any(finding["sentence"] and finding["technique"] for finding in found), (host, name)
            assert name in triaged.run.output


def test_the_evidence_of_a_finding_is_where_it_says(fleet: Fleet, triaged: Triaged) -> None:
    for host in fleet.hosts:
        for name in fleet.scenes(host, "breach"):
            for finding in triaged.case.findings(host, name):
                for reference in finding["evidence"]:
                    path = triaged.case.path / reference["bag"] / reference["path"]
                    assert path.is_file(), finding
                    if reference["line"] is not None:
                        assert reference["line"] <= len(path.read_bytes().splitlines()), finding


def test_no_neighbour_is_accused(fleet: Fleet, triaged: Triaged) -> None:
    for host in fleet.hosts:
        for name in [*fleet.scenes(host, "neighbour"), PAUSED, EXITED]:
            assert at_least("medium", triaged.case.findings(host, name, "intrusion")) == [], (host, name)


def test_the_inventory_of_compromised_hosts_is_one(fleet: Fleet, triaged: Triaged) -> None:
    written = triaged.case.path / "compromised.yml"
    listed = set(yaml.safe_load(written.read_text())["all"]["children"]["compromised"]["hosts"])
    assert listed >= {host for host in fleet.hosts if fleet.scenes(host, "breach")}
    done = subprocess.run(
        [BIN / "ansible-inventory", "-i", fleet.inventory, "-i", written, "--list"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert set(json.loads(done.stdout)["compromised"]["hosts"]) >= listed


def test_every_container_of_the_engine_is_there(fleet: Fleet, triaged: Triaged) -> None:
    for host in fleet.hosts:
        there = fleet.shell(host, "docker", "ps", "--all", "--quiet", "--no-trunc").split()
        stored = {path.name for path in triaged.case.bag(host).path.glob("data/containers/*")}
        scenes = {*fleet.scenes(host, "breach"), *fleet.scenes(host, "neighbour"), PAUSED, EXITED}
        named = {
            fleet.shell(host, "docker", "inspect", "--format", "{{.Id}}", name).strip() for name in scenes
        }
        assert {container_id[:12] for container_id in named} <= stored
        assert named <= set(there)


def test_what_is_stored_is_what_the_engine_says(fleet: Fleet, triaged: Triaged) -> None:
    for host in fleet.hosts:
        for name in {**fleet.scenes(host, "breach"), **fleet.scenes(host, "neighbour")}:
            (oracle,) = json.loads(fleet.shell(host, "docker", "inspect", name))
            stored = triaged.case.bag(host).document(oracle["Id"], "inspect.json")
            for document in (stored, oracle):
                # Engine 20.10 keeps mounts in a map: each answer has them in another order.
                document["Mounts"].sort(key=lambda mount: mount["Destination"])
            for field in ("Id", "Name", "Image", "Created", "Path", "Args", "Mounts", "Config"):
                assert stored[field] == oracle[field], (host, name, field)


def test_paused_and_exited_containers_are_collected_too(
    fleet: Fleet, triaged: Triaged, still: dict[str, dict[str, str]]
) -> None:
    for host in fleet.hosts:
        bag = triaged.case.bag(host)
        for name, container_id in still[host].items():
            assert bag.document(container_id, "inspect.json")["Name"] == f"/{name}"
            rows = [
                row for row in bag.outcomes if row["container"] and row["container"]["id"] == container_id
            ]
            assert {row["item"] for row in rows} >= {"inspect", "processes", "stats", "layer", "log_tail"}
            assert [row for row in rows if row["status"] == "failed"] == []
            assert all(row["reason"] for row in rows if row["status"] in ("missing", "truncated"))
        assert bag.rows(still[host][PAUSED], "processes.jsonl")
        assert (
            fleet.shell(host, "docker", "inspect", "--format", "{{.State.Status}}", PAUSED).strip()
            == "paused"
        )


def test_nothing_stays_on_the_hosts(fleet: Fleet, triaged: Triaged) -> None:
    assert triaged.run.code == 0
    places = (
        "/dev/shm/cordon-*",
        "/run/cordon-*",
        "/tmp/cordon-*",
        "/tmp/ansible*",
        "/home/*/.ansible/tmp/*",
    )
    for host in fleet.hosts:
        assert fleet.shell(host, "sh", "-c", f"ls -d {' '.join(places)} 2>/dev/null; true") == ""


def test_a_second_run_adds_and_changes_nothing_of_the_first(fleet: Fleet, triaged: Triaged) -> None:
    # What lies beside the hosts' folders is derived, and written anew; bags and seals are not.
    before = {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in triaged.case.path.rglob("*")
        if path.is_file() and path.parent != triaged.case.path
    }
    custody = (triaged.case.path / "custody.jsonl").read_bytes()
    run = fleet.playbook("triage", "-e", "case=INC-7", "-l", fleet.hosts[0], cwd=triaged.folder)
    assert run.code == 0, run.output
    assert {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in before} == before
    assert (triaged.case.path / "custody.jsonl").read_bytes().startswith(custody)
    triaged.case.check_chain()
    assert len(triaged.case.bags(fleet.hosts[0])) == 2
    for bag in triaged.case.bags(fleet.hosts[0]):
        bag.check()
    # The findings are those of the whole case still.
    for host in fleet.hosts:
        for name in fleet.scenes(host, "breach"):
            assert triaged.case.findings(host, name)
