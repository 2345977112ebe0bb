# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hunt over the lab: each kind of indicator finds its scene and nothing else, and nothing of a container runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from case import Case, lines
from exec_watch import ExecWatch
from fleet import Fleet, Run
from test_nothing_runs import NAME, SETTLE_SECONDS, root_of
from test_triage_hosts import failed_in_recap, with_absent

__all__ = ["with_absent"]
INTRUDER = "10.213.66.6"


def hunt(fleet: Fleet, cwd: Path, *words: str, **asked: Any) -> Run:
    inventory = asked.pop("inventory", None)
    given = json.dumps({"case": "H", **asked})
    return fleet.playbook("hunt", "-e", given, *words, cwd=cwd, inventory=inventory)


def found(cwd: Path) -> set[tuple[str, str, str]]:
    """Kind, host and container of each hit."""
    rows = lines(cwd / "evidence" / "H" / "hits.jsonl")
    return {(row["kind"], row["host"], row["container"]["name"]) for row in rows}


def of_scene(fleet: Fleet, kind: str, *names: str) -> set[tuple[str, str, str]]:
    """The same for every container of a scene of one of the names, wherever it is staged."""
    return {
        (kind, host, name)
        for host in fleet.hosts
        for name in names
        if name in fleet.hostvars[host]["lab_scenes"]
    }


@pytest.fixture
def digests(fleet: Fleet) -> dict[str, str]:
    """SHA-256 by scene, as root's own tools tell them: the web shell, the deleted miner, and the agent's image."""
    told: dict[str, str] = {}
    for host in fleet.hosts:
        scenes = fleet.hostvars[host]["lab_scenes"]
        if "dvwa" in scenes:
            file = "/var/www/html/hackable/uploads/shell.php"
            told["dvwa"] = fleet.shell(host, "docker", "exec", "dvwa", "sha256sum", file).split()[0]
        if "miner" in scenes:
            pid = fleet.shell(host, "pgrep", "-of", "^/tmp/kdevtmpfsi").strip()
            told["miner"] = fleet.shell(host, "sha256sum", f"/proc/{pid}/exe").split()[0]
        if "escape" in scenes:
            told["escape"] = fleet.shell(host, "docker", "inspect", "-f", "{{.Image}}", "escape").strip()
    return told


@pytest.mark.parametrize(
    ("kind", "value", "scenes"),
    [
        ("process", r"\bkdevtmpfsi\b", ["miner"]),
        ("path", r"/uploads/shell\.php$", ["dvwa"]),
        ("remote", f"{INTRUDER}/32", ["log4shell"]),
        ("remote", "203.0.113.0/24", []),
        ("image", "^acme/agent:", ["escape"]),
        ("log", r"shell\.php\?cmd=", ["dvwa"]),
        ("log", r"\$\{jndi:", ["log4shell"]),
    ],
)
def test_each_kind_finds_its_scene_and_nothing_else(
    fleet: Fleet, tmp_path: Path, kind: str, value: str, scenes: list[str]
) -> None:
    run = hunt(fleet, tmp_path, **{kind: value})
    assert run.code == 0, run.output
    expected = of_scene(fleet, kind, *scenes)
    assert found(tmp_path) == expected
    assert bool(expected) == bool(scenes)
    for _kind, host, container in expected:
        assert f"{host}  {container}" in run.output
    assert ("Nothing was found" in run.output) == (not scenes)


def test_hashes_of_files_of_programs_and_of_images(
    fleet: Fleet, tmp_path: Path, digests: dict[str, str]
) -> None:
    run = hunt(fleet, tmp_path, sha256=[digests["dvwa"], digests["escape"]])
    assert run.code == 0, run.output
    assert found(tmp_path) == of_scene(fleet, "sha256", "dvwa", "escape")
    # The miner is a copy of bash that was deleted: whoever runs bash has it too.
    hunt(fleet, tmp_path, "-e", "case=M", sha256=digests["miner"])
    rows = lines(tmp_path / "evidence" / "M" / "hits.jsonl")
    deleted = {row["container"]["name"] for row in rows if "kdevtmpfsi" in row["what"]}
    assert deleted == {"miner"}


def test_what_a_case_exports_finds_the_same_again(fleet: Fleet, tmp_path: Path) -> None:
    feed = tmp_path / "feed.txt"
    feed.write_text(
        "# seen elsewhere\n10[.]213[.]66[.]6\nprocess=kdevtmpfsi\nd41d8cd98f00b204e9800998ecf8427e\n"
    )
    run = hunt(fleet, tmp_path, indicators=str(feed))
    assert run.code == 0, run.output
    assert found(tmp_path) == of_scene(fleet, "remote", "log4shell") | of_scene(fleet, "process", "miner")
    assert "only SHA-256 hashes are compared" in run.output
    pattern = f"[ipv4-addr:value = '{INTRUDER}'] OR [file:name = 'shell.php']"
    stix = {"type": "bundle", "objects": [{"type": "indicator", "pattern": pattern, "pattern_type": "stix"}]}
    feed.write_text(json.dumps(stix))
    assert hunt(fleet, tmp_path, "-e", "case=S", indicators=str(feed)).code == 0
    rows = lines(tmp_path / "evidence" / "S" / "hits.jsonl")
    assert {row["container"]["name"] for row in rows} == {"log4shell", "dvwa"}


def test_the_case_is_sealed_and_the_host_left_as_it_was(fleet: Fleet, tmp_path: Path) -> None:
    before = {
        host: fleet.shell(host, "find", "/dev/shm", "/run", "/tmp", "-name", "cordon-*")
        for host in fleet.hosts
    }
    run = hunt(fleet, tmp_path, process="kdevtmpfsi", log="jndi")
    case = Case(tmp_path / "evidence" / "H")
    case.check_chain()
    for host in fleet.hosts:
        bag = case.bag(host)
        bag.check()
        kinds = {(row["item"], row["status"]) for row in bag.outcomes}
        assert ("hits_process", "failed") not in kinds
        assert f"{host}: " in run.output
        assert fleet.shell(host, "find", "/dev/shm", "/run", "/tmp", "-name", "cordon-*") == before[host]
    for row in lines(case.path / "hits.jsonl"):
        ref = row["evidence"]
        json.loads((case.path / ref["bag"] / ref["path"]).read_text().splitlines()[ref["line"] - 1])


def test_a_host_that_does_not_answer_is_a_row(fleet: Fleet, with_absent: Path, tmp_path: Path) -> None:
    run = hunt(fleet, tmp_path, inventory=with_absent, process="kdevtmpfsi")
    assert run.code != 0
    assert failed_in_recap(run.output, "absent")
    assert not any(failed_in_recap(run.output, host) for host in fleet.hosts)
    assert "absent  unreachable" in run.output
    assert found(tmp_path) == of_scene(fleet, "process", "miner")


def test_lines_for_programs_and_an_exit_code_for_timed_jobs(fleet: Fleet, tmp_path: Path) -> None:
    run = hunt(fleet, tmp_path, process="kdevtmpfsi", format="jsonl", fail_on_hits=True)
    told = [json.loads(line) for line in run.output.splitlines() if line.startswith("{")]
    assert run.code != 0
    assert {(row["type"], row["container"]["name"]) for row in told} == {("hit", "miner")}
    assert hunt(fleet, tmp_path, process="kdevtmpfsi").code == 0


def test_what_cannot_be_hunted_for_is_said_before_anything_is_asked(fleet: Fleet, tmp_path: Path) -> None:
    for asked in ({}, {"process": "("}, {"remote": "evil"}, {"indicators": "nowhere"}):
        run = hunt(fleet, tmp_path, **asked)
        assert run.code != 0
        assert not (tmp_path / "evidence").exists()


@pytest.fixture
def quiet(fleet: Fleet) -> Iterator[dict[str, str]]:
    """A container on each host that starts nothing by itself: IDs by host."""
    ids = {host: fleet.container(host, NAME) for host in fleet.hosts}
    time.sleep(SETTLE_SECONDS)
    yield ids
    for host in fleet.hosts:
        fleet.remove(host, NAME)


def test_nothing_of_a_container_is_started(fleet: Fleet, quiet: dict[str, str], tmp_path: Path) -> None:
    roots = {host: root_of(container_id) for host, container_id in quiet.items()}
    with ExitStack() as stack:
        watches = {host: stack.enter_context(ExecWatch(root)) for host, root in roots.items()}
        run = hunt(
            *(fleet, tmp_path),
            sha256="ab" * 32,
            path=".",
            process=".",
            remote="0.0.0.0/0",
            image=".",
            log=".",
        )
        time.sleep(SETTLE_SECONDS)
    assert run.code == 0, run.output
    assert {host: watch.starts for host, watch in watches.items()} == {host: [] for host in fleet.hosts}
    assert ("process", fleet.hosts[0], NAME) in found(tmp_path)
