# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contain and respond where hosts are missing, waves fail, and the whole chain is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import stage
from case import Case
from fleet import Fleet

NOBODY = "10.213.7.250"
NAME = "rb-chain"


@pytest.fixture
def inventory(fleet: Fleet, tmp_path: Path) -> Path:
    """The fleet's inventory, beside which a test puts more."""
    folder = tmp_path / "inventory"
    folder.mkdir()
    (folder / "fleet.yml").symlink_to(fleet.inventory)
    return folder


@pytest.fixture
def sleepers(fleet: Fleet) -> Iterator[None]:
    """A container on each host that can be paused."""
    for host in fleet.hosts:
        stage.run(fleet, host, NAME, "/bin/busybox", "sleep", "9999")
    yield
    for host in fleet.hosts:
        stage.clear(fleet, host, NAME)


def paused(fleet: Fleet) -> list[str]:
    return [host for host in fleet.hosts if stage.inspect(fleet, host, NAME)["State"]["Paused"]]


@pytest.mark.usefixtures("sleepers")
def test_a_host_that_does_not_answer_is_a_row_and_fails(
    fleet: Fleet, inventory: Path, tmp_path: Path
) -> None:
    (inventory / "more.yml").write_text(f"all: {{hosts: {{absent: {{ansible_host: {NOBODY}}}}}}}\n")
    first = fleet.hosts[0]
    words = ("-e", "case=A", "-e", f"containers={NAME}", "-e", "level=pause")
    run = fleet.playbook("contain", "-l", f"absent,{first}", *words, cwd=tmp_path, inventory=inventory)
    assert run.code != 0
    assert "absent  unreachable" in run.output
    assert paused(fleet) == [first]
    assert Case(tmp_path / "evidence" / "A").hosts["absent"]["status"] == "unreachable"
    alone = fleet.playbook("contain", "-l", "absent", *words, cwd=tmp_path, inventory=inventory)
    assert alone.code != 0
    assert "There was nothing to contain." in alone.output
    assert "absent  unreachable" in alone.output
    back = fleet.playbook(
        "release", "-l", f"absent,{first}", "-e", f"containers={NAME}", cwd=tmp_path, inventory=inventory
    )
    assert back.code != 0
    assert paused(fleet) == []


@pytest.mark.usefixtures("sleepers")
def test_waves_stop_at_a_failure(fleet: Fleet, inventory: Path, tmp_path: Path) -> None:
    # Two in a wave: Ansible alone would go on, since one of them is well.
    broken, well, *others = fleet.hosts
    if not others:
        pytest.skip("The lab has no host left for a second wave: make lab HOSTS=3")
    words = ("-e", "case=A", "-e", f"containers={NAME}", "-e", "level=pause", "-e", "batch=2")
    hostvars = f"{{{broken}: {{docker_host: 'unix:///run/none.sock'}}}}"
    (inventory / "more.yml").write_text(
        f"first: {{hosts: {{{broken}: , {well}: }}}}\nall: {{hosts: {hostvars}}}\n"
    )
    run = fleet.playbook("contain", *words, cwd=tmp_path, inventory=inventory)
    case = Case(tmp_path / "evidence" / "A")
    assert run.code != 0
    asked = set(case.hosts)
    assert broken in asked
    assert len(asked) == 2
    assert paused(fleet) == sorted(asked - {broken})
    waiting = len(fleet.hosts) - 2
    assert f"Stopped after a failure: {waiting} host" in run.output
    assert "Stopped before this wave" in run.output


@pytest.mark.usefixtures("sleepers")
def test_waves_go_on_where_all_is_well(fleet: Fleet, tmp_path: Path) -> None:
    words = ("-e", f"containers={NAME}", "-e", "level=pause", "-e", "batch=1,100%")
    run = fleet.playbook("contain", *words, cwd=tmp_path)
    assert run.code == 0, run.output
    assert paused(fleet) == fleet.hosts
    (case,) = (tmp_path / "evidence").iterdir()
    assert set(Case(case).hosts) == set(fleet.hosts)
    assert f"1 host done without a failure (1 container); {len(fleet.hosts) - 1} to go." in run.output
    assert all(f"  {host} " in run.output for host in fleet.hosts)


def test_the_whole_chain_on_a_container(fleet: Fleet, tmp_path: Path) -> None:
    host = fleet.hosts[-1]
    with stage.beacons(fleet, [host], NAME, "--restart", "always") as found:
        beacon = found[host]
        container = beacon.inspect()["Id"]
        words = ("-l", host, "-e", "case=A", "-e", f"containers={NAME}")
        plan = fleet.playbook("respond", *words, "-e", "kill=true", "--check", cwd=tmp_path)
        assert plan.code == 0, plan.output
        assert beacon.calls() > 0
        assert stage.images(fleet, host, container) == []
        run = fleet.playbook("respond", *words, cwd=tmp_path)
        assert run.code == 0, run.output
        assert "committed" in run.output
        assert "isolated" in run.output
        assert beacon.calls() == 0
        assert len(stage.images(fleet, host, container)) == 1
        kill = fleet.playbook("contain", *words, "-e", "level=kill", cwd=tmp_path)
        assert kill.code == 0, kill.output
        assert not beacon.inspect()["State"]["Running"]
        assert beacon.inspect()["HostConfig"]["RestartPolicy"]["Name"] == "no"
        told = [row["action"] for row in Case(tmp_path / "evidence" / "A").custody if row["host"] == host]
        order = ["evidence sealed", "commit", "link_down", "kill"]
        assert sorted(order, key=told.index) == order
        fleet.shell(host, "docker", "rmi", *stage.images(fleet, host, container), check=False)


def test_what_is_critical_is_paused_and_rm_is_not_killed(fleet: Fleet, tmp_path: Path) -> None:
    host = fleet.hosts[0]
    try:
        container = stage.run(fleet, host, NAME, stage.SH, "-c", stage.INTRUDER, options=("--rm",))
        words = ("-l", host, "-e", "case=A", "-e", f"containers={NAME}")
        run = fleet.playbook(
            "respond", *words, "-e", "pause_threshold=medium", "-e", "kill=true", cwd=tmp_path
        )
        assert run.code != 0
        assert "started with --rm" in " ".join(run.output.split())
        assert stage.inspect(fleet, host, NAME)["State"]["Paused"]
        assert len(stage.images(fleet, host, container)) == 1
        fleet.shell(host, "docker", "rmi", *stage.images(fleet, host, container), check=False)
        back = fleet.playbook("release", *words, cwd=tmp_path)
        assert back.code == 0, back.output
        assert not stage.inspect(fleet, host, NAME)["State"]["Paused"]
    finally:
        stage.clear(fleet, host, NAME)


@pytest.mark.parametrize(
    ("verb", "arguments", "said"),
    [
        ("contain", ("level=destroy",), "value of contain_level must be one of: pause, isolate"),
        ("contain", ("containers=a", "select=[0]"), "mutually exclusive"),
        ("contain", ("threshold=awful",), "contain_threshold"),
        ("respond", ("kill=perhaps",), "respond_kill"),
        ("release", ("case=../x",), "cannot be the name of a case"),
    ],
)
def test_what_cannot_be_asked_for_is_named(
    fleet: Fleet, tmp_path: Path, verb: str, arguments: tuple[str, ...], said: str
) -> None:
    words = [word for argument in arguments for word in ("-e", argument)]
    run = fleet.playbook(verb, "-l", fleet.hosts[0], *words, cwd=tmp_path)
    assert run.code != 0
    assert said in " ".join(run.output.split()), run.output
