# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that cannot be reached, engines that do not answer, names that are not there: rows, and an exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from case import Case
from fleet import BIN, ROOT, Fleet

NOBODY = "10.213.7.250"


@pytest.fixture
def with_absent(fleet: Fleet, tmp_path: Path) -> Path:
    """A folder of inventories: the fleet's, and one more host that nothing answers for."""
    folder = tmp_path / "inventory"
    folder.mkdir()
    (folder / "fleet.yml").symlink_to(fleet.inventory)
    (folder / "more.yml").write_text(f"all: {{hosts: {{absent: {{ansible_host: {NOBODY}}}}}}}\n")
    return folder


def failed_in_recap(output: str, host: str) -> bool:
    (line,) = [line for line in output.splitlines() if line.startswith(host) and "ok=" in line]
    return "failed=0" not in line


def test_a_host_that_does_not_answer_is_a_row(fleet: Fleet, with_absent: Path, tmp_path: Path) -> None:
    run = fleet.playbook("triage", "-e", "case=A", cwd=tmp_path, inventory=with_absent)
    case = Case(tmp_path / "evidence" / "A")
    assert run.code != 0
    assert failed_in_recap(run.output, "absent")
    assert not any(failed_in_recap(run.output, host) for host in fleet.hosts)
    assert {host: row["status"] for host, row in case.hosts.items()} == {
        **dict.fromkeys(fleet.hosts, "collected"),
        "absent": "unreachable",
    }
    assert "absent  unreachable" in run.output
    assert [row["action"] for row in case.custody if row["host"] == "absent"] == ["host unreachable"]
    case.check_chain()
    for host in fleet.hosts:
        case.bag(host).check()
    for name in (name for host in fleet.hosts for name in fleet.scenes(host, "breach")):
        assert name in run.output


def test_the_run_ends_in_order_when_no_host_answers(fleet: Fleet, with_absent: Path, tmp_path: Path) -> None:
    run = fleet.playbook("triage", "-l", "absent", "-e", "case=A", cwd=tmp_path, inventory=with_absent)
    case = Case(tmp_path / "evidence" / "A")
    assert run.code != 0
    assert "Nothing was collected." in run.output
    assert "No signs" not in run.output
    assert [event["action"] for event in case.custody[-2:]] == ["run closed", "case sealed"]
    assert (case.path / "compromised.yml").is_file()
    case.check_chain()


def test_a_broken_variable_of_the_first_host_stops_nobody_else(
    fleet: Fleet, with_absent: Path, tmp_path: Path
) -> None:
    (with_absent / "a.yml").write_text("all: {hosts: {aaa: {ansible_host: '{{ nowhere }}'}}}\n")
    run = fleet.playbook("triage", "-l", f"aaa,{fleet.hosts[0]}", cwd=tmp_path, inventory=with_absent)
    (folder,) = (tmp_path / "evidence").iterdir()
    assert run.code != 0
    statuses = {host: row["status"] for host, row in Case(folder).hosts.items()}
    assert statuses == {"aaa": "failed", fleet.hosts[0]: "collected"}


def test_an_engine_that_is_not_there_fails_its_host_with_the_mend(fleet: Fleet, tmp_path: Path) -> None:
    first, second = fleet.hosts[:2]
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "fleet.yml").symlink_to(fleet.inventory)
    (tmp_path / "inventory" / "more.yml").write_text(
        f"all: {{hosts: {{{first}: {{docker_host: 'unix:///run/none.sock'}}}}}}\n"
    )
    run = fleet.playbook(
        "triage", "-l", f"{first},{second}", "-e", "case=A", cwd=tmp_path, inventory=tmp_path / "inventory"
    )
    case = Case(tmp_path / "evidence" / "A")
    assert run.code != 0
    assert (case.hosts[first]["status"], case.hosts[second]["status"]) == ("failed", "collected")
    assert "/run/none.sock" in case.hosts[first]["reason"]
    assert "docker_host" in case.hosts[first]["reason"]


def test_a_name_that_no_host_has_is_a_clear_error(fleet: Fleet, tmp_path: Path) -> None:
    run = fleet.playbook("triage", "-e", "containers=nonesuch", "-e", "case=A", cwd=tmp_path)
    assert run.code != 0
    assert "No host that was reached has a container named nonesuch." in run.output
    assert {row["status"] for row in Case(tmp_path / "evidence" / "A").hosts.values()} == {"collected"}


def test_a_name_that_some_host_has_is_enough(fleet: Fleet, tmp_path: Path) -> None:
    host = next(host for host in fleet.hosts if fleet.scenes(host, "breach"))
    name = next(iter(fleet.scenes(host, "breach")))
    others = [other for other in fleet.hosts if name not in fleet.hostvars[other]["lab_scenes"]]
    run = fleet.playbook("triage", "-e", f"containers={name}", "-e", "case=A", cwd=tmp_path)
    case = Case(tmp_path / "evidence" / "A")
    assert run.code == 0, run.output
    assert case.hosts[host]["containers"] == 1
    for other in others:
        assert (case.hosts[other]["containers"], case.hosts[other]["unknown"]) == (0, [name])
        assert [row["reason"] for row in case.bag(other).outcomes if row["status"] == "missing"]


def test_no_container_at_all_is_said(fleet: Fleet, tmp_path: Path) -> None:
    host = fleet.hosts[0]
    run = fleet.playbook("triage", "-l", host, "-e", "select=[?Name=='/none']", "-e", "case=A", cwd=tmp_path)
    case = Case(tmp_path / "evidence" / "A")
    assert run.code == 0, run.output
    assert "There are no containers on 1 host." in run.output
    case.bag(host).check()
    assert {row["item"] for row in case.bag(host).outcomes} >= {"host", "engine", "events"}


@pytest.mark.parametrize(
    "login",
    [("ansible_user=root", "ansible_become=false"), ("ansible_user=docker-member", "ansible_become=false")],
)
def test_other_logins_do_too(fleet: Fleet, tmp_path: Path, login: tuple[str, str]) -> None:
    host = fleet.hosts[0]
    run = fleet.playbook("triage", "-l", host, "-e", login[0], "-e", login[1], "-e", "case=A", cwd=tmp_path)
    assert run.code == 0, run.output
    Case(tmp_path / "evidence" / "A").bag(host).check()
    assert (
        fleet.shell(host, "sh", "-c", "ls -d /dev/shm/cordon-* /run/cordon-* /tmp/cordon-* 2>/dev/null; true")
        == ""
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("case=../x",), "cannot be the name of a case"),
        (("threshold=awful",), "value of triage_threshold must be one of: info, low, medium, high, critical"),
        (("budget=soon",), "triage_budget"),
        (("evidence_dir=file",), "is no folder: name another evidence_dir"),
        (("containers=a", "select=[0]"), "mutually exclusive"),
        (("since=yesterday",), "a duration such as 30m, 2h or 1d"),
        (("select=[?",), "select"),
    ],
)
def test_what_cannot_be_asked_for_is_named(
    fleet: Fleet, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "file").write_text("")
    words = [word for argument in arguments for word in ("-e", argument)]
    run = fleet.playbook("triage", "-l", fleet.hosts[0], *words, cwd=tmp_path)
    assert run.code != 0
    # Ansible wraps what it prints.
    assert said in " ".join(run.output.split()), run.output


def test_an_interrupted_run_leaves_a_valid_case(fleet: Fleet, tmp_path: Path) -> None:
    playbook = ROOT / "playbooks" / "triage.yml"
    process = subprocess.Popen(
        [BIN / "ansible-playbook", playbook, "-i", fleet.inventory, "-e", "case=A"],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    custody = tmp_path / "evidence" / "A" / "custody.jsonl"
    while not custody.exists():
        time.sleep(0.05)
    time.sleep(0.7)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) != 0
    case = Case(tmp_path / "evidence" / "A")
    case.check_chain()
    again = fleet.playbook("triage", "-e", "case=A", cwd=tmp_path)
    assert again.code == 0, again.output
    case.check_chain()
    assert list((case.path / ".incoming").iterdir()) == []
    for host in fleet.hosts:
        for bag in case.bags(host):
            bag.check()
