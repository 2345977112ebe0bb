# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bulk evidence of real containers over real SSH: whole, sealed, gone on with after every kind of end, nothing left."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from case import Bag, Case
from fleet import BIN, ROOT, Fleet

NAME = "t-preserve"
FOLDER = "/var/tmp/t-preserve"
BYTES = 120_000_000
SLOW = 15_000_000
AS_ROOT = ("-e", "ansible_user=root", "-e", "ansible_become=false")
WAYS = {
    "become, pipe": (),
    "root, pipe": AS_ROOT,
    "become, chunks": ("-e", "transfer=chunks"),
    "root, chunks": (*AS_ROOT, "-e", "transfer=chunks"),
}
BIG = ("-e", '{"items": ["bind_content", "logs"]}', "-e", "bind_content=*", "-e", "idle_seconds=10")


@pytest.fixture(scope="module")
def host(fleet: Fleet) -> Iterator[str]:
    """A host with a container that has a changed file, a log, and a folder of the host with 120 MB in it."""
    name = fleet.hosts[0]
    fleet.shell(name, "sh", "-c", f"mkdir -p {FOLDER}; head -c {BYTES} /dev/urandom > {FOLDER}/data")
    script = "echo '<?php system($_GET[0]);' > /shell.php; echo GET /shell.php; exec sleep infinity"
    fleet.remove(name, NAME)
    options = ("--name", NAME, "--volume", f"{FOLDER}:/data:ro")
    fleet.shell(name, "docker", "run", "--detach", *options, "acme/base:1", "sh", "-c", script)
    yield name
    fleet.remove(name, NAME)
    fleet.shell(name, "rm", "-rf", FOLDER)


def preserve(fleet: Fleet, host: str, folder: Path, *extra: str) -> Any:
    return fleet.playbook(
        "preserve", "-l", host, "-e", "case=INC-7", "-e", f"containers={NAME}", *extra, cwd=folder
    )


def begin(fleet: Fleet, host: str, folder: Path, *extra: str) -> subprocess.Popen[bytes]:
    """The same, but under way."""
    command: list[str | Path] = [
        BIN / "ansible-playbook",
        ROOT / "playbooks" / "preserve.yml",
        "-i",
        fleet.inventory,
        "-l",
        host,
    ]
    given = ["-e", "case=INC-7", "-e", f"containers={NAME}", "-e", f"bytes_per_second={SLOW}", *BIG, *extra]
    env = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    nothing = subprocess.DEVNULL
    return subprocess.Popen(
        [*command, *given], cwd=folder, env=env, stdin=nothing, stdout=nothing, stderr=nothing
    )


def case_in(folder: Path) -> Case:
    return Case(folder / "evidence" / "INC-7")


def info(bag: Bag) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in (bag.path / "bag-info.txt").read_text().splitlines())


def left_on(fleet: Fleet, host: str) -> str:
    """Staging folders, and processes that hold one open; but not a reader that waits for a network that was cut."""
    folders = "ls -d /dev/shm/cordon-* /run/cordon-* 2>/dev/null"
    holders = "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -e /cordon- | grep -v 'stream (deleted)'"
    script = f"{folders}; {holders}"
    return fleet.shell(host, "sh", "-c", script, check=False)


def staged_on(fleet: Fleet, host: str) -> str:
    return fleet.shell(host, "sh", "-c", "ls -d /dev/shm/cordon-* /run/cordon-* 2>/dev/null", check=False)


def until(done: Callable[[], Any], what: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def arrived(folder: Path) -> int:
    """Bytes of unfinished items in the case."""
    parts = (case_in(folder).path / "partial").rglob("part/**/*")
    return sum(path.stat().st_size for path in parts if path.is_file())


def assert_whole(fleet: Fleet, host: str, bag: Bag) -> None:
    """The bag is one for strangers, and the folder's file in it is what the host's own sha256sum says."""
    bag.check()
    assert all(row["status"] != "failed" for row in bag.outcomes)
    (row,) = [row for row in bag.outcomes if row["item"] == "bind_content" and row["path"]]
    path = bag.path / "data" / row["path"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]
    with tarfile.open(path) as archive:
        member = next(one for one in archive if one.name.endswith("data") and one.isfile())
        content = archive.extractfile(member)
        assert content is not None
        digest = hashlib.sha256(content.read()).hexdigest()
    assert digest == fleet.shell(host, "sha256sum", f"{FOLDER}/data").split()[0]


@pytest.mark.parametrize("way", WAYS)
def test_evidence_arrives_sealed_and_nothing_is_left(
    fleet: Fleet, host: str, tmp_path: Path, way: str
) -> None:
    run = preserve(fleet, host, tmp_path, *WAYS[way])
    assert run.code == 0, run.output
    case = case_in(tmp_path)
    bag = case.bag(host)
    bag.check()
    case.check_chain()
    assert left_on(fleet, host) == ""
    rows = {row["item"]: row for row in bag.outcomes}
    assert {"host", "inspect", "layer", "logs", "processes", "image"} <= set(rows)
    payload = {
        path.relative_to(bag.path / "data").as_posix()
        for path in (bag.path / "data").rglob("*")
        if path.is_file()
    }
    assert payload == {row["path"] for row in bag.outcomes if row["path"]} | {"outcomes.jsonl"}
    with tarfile.open(bag.path / "data" / rows["layer"]["path"]) as layer:
        assert any(member.name.endswith("shell.php") for member in layer)
    assert b"GET /shell.php" in (bag.path / "data" / rows["logs"]["path"]).read_bytes()
    assert info(bag)["Transfer-Complete"] == "yes"
    assert list((case.path / "partial" / host).glob("*")) == []


@pytest.mark.parametrize("way", ["pipe", "chunks"])
def test_a_controller_that_is_killed_goes_on_where_it_was(
    fleet: Fleet, host: str, tmp_path: Path, way: str
) -> None:
    process = begin(fleet, host, tmp_path, "-e", f"transfer={way}")
    until(lambda: arrived(tmp_path) > 30_000_000, "nothing arrives")
    for child in descendants(process.pid):
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    process.wait()
    until(lambda: not left_on(fleet, host), "the sender does not end by itself")
    assert not list(case_in(tmp_path).path.glob(f"{host}/*"))
    run = preserve(fleet, host, tmp_path, *BIG, "-e", f"transfer={way}")
    assert run.code == 0, run.output
    bag = case_in(tmp_path).bag(host)
    assert int(info(bag)["Transfer-Bytes-From-Earlier-Runs"]) > 20_000_000
    assert int(info(bag)["Transfer-Bytes"]) < BYTES - 20_000_000
    assert_whole(fleet, host, bag)


@pytest.mark.parametrize("way", ["pipe", "chunks"])
def test_a_sender_that_is_killed_leaves_a_partial_item_and_what_is_whole(
    fleet: Fleet, host: str, tmp_path: Path, way: str
) -> None:
    process = begin(fleet, host, tmp_path, "-e", f"transfer={way}")
    until(lambda: arrived(tmp_path) > 30_000_000, "nothing arrives")
    open_in = "for fd in /proc/[0-9]*/fd/*; do case $(readlink $fd) in */cordon-*) echo $fd;; esac; done"
    fleet.shell(host, "sh", "-c", f"kill -9 $({open_in} | cut -d/ -f3 | sort -un)", check=False)
    assert process.wait(120) == 2
    case = case_in(tmp_path)
    first = case.bag(host)
    first.check()
    assert case.hosts[host]["status"] == "failed"
    assert info(first)["Transfer-Complete"] == "no"
    (row,) = [row for row in first.outcomes if row["item"] == "bind_content"]
    assert row["path"] is None
    assert "not whole" in row["reason"]
    assert any(row["item"] == "host" and row["path"] for row in first.outcomes)
    assert arrived(tmp_path) > 20_000_000
    assert left_on(fleet, host) == ""
    run = preserve(fleet, host, tmp_path, *BIG)
    assert run.code == 0, run.output
    second = case.bags(host)[-1]
    assert int(info(second)["Transfer-Bytes-From-Earlier-Runs"]) > 20_000_000
    assert_whole(fleet, host, second)
    first.check()


def test_a_network_that_is_cut_ends_both_sides_and_the_next_run_goes_on(
    fleet: Fleet, host: str, tmp_path: Path
) -> None:
    process = begin(fleet, host, tmp_path)
    until(lambda: arrived(tmp_path) > 30_000_000, "nothing arrives")
    nic = json.loads(fleet.shell(host, "ip", "-j", "route", "get", "10.213.7.1"))[0]["dev"]
    fleet.shell(host, "ip", "link", "set", nic, "down")
    try:
        assert process.wait(150) == 2
        # The user's cat waits for the network with what it had read; the sender and its folder are gone.
        until(lambda: not staged_on(fleet, host), "the sender does not end by itself")
    finally:
        fleet.shell(host, "ip", "link", "set", nic, "up")
        process.kill()
    run = preserve(fleet, host, tmp_path, *BIG)
    assert run.code == 0, run.output
    bag = case_in(tmp_path).bags(host)[-1]
    assert int(info(bag)["Transfer-Bytes-From-Earlier-Runs"]) > 20_000_000
    assert_whole(fleet, host, bag)


def test_no_more_than_the_bound_is_staged_and_nothing_on_the_disk(
    fleet: Fleet, host: str, tmp_path: Path
) -> None:
    process = begin(fleet, host, tmp_path, "-e", "transfer=chunks")
    most = 0
    while process.poll() is None:
        used = fleet.shell(
            host, "sh", "-c", "du -skc /dev/shm/cordon-* 2>/dev/null | tail -1", check=False
        ).split()
        most = max(most, int(used[0]) if used else 0)
        time.sleep(0.1)
    assert process.returncode == 0
    assert 0 < most <= 64 << 10
    assert (
        fleet.shell(host, "sh", "-c", "ls -d /tmp/cordon-* /var/tmp/cordon-* 2>/dev/null", check=False) == ""
    )


def test_an_image_that_all_hosts_share_is_sent_once(fleet: Fleet, tmp_path: Path) -> None:
    for name in fleet.hosts:
        fleet.container(name, "t-image")
    try:
        given = ("-e", "case=INC-7", "-e", "containers=t-image", "-e", '{"items": ["image"]}')
        run = fleet.playbook("preserve", *given, cwd=tmp_path)
    finally:
        for name in fleet.hosts:
            fleet.remove(name, "t-image")
    assert run.code == 0, run.output
    sent = [int(info(case_in(tmp_path).bag(name))["Transfer-Bytes"]) for name in fleet.hosts]
    held = [
        int(info(case_in(tmp_path).bag(name))["Transfer-Bytes-Known-To-The-Case"]) for name in fleet.hosts
    ]
    assert min(held) == 0
    assert all(known > 1_000_000 for known in sorted(held)[1:])
    assert all(octets < 1_000_000 for octets in sorted(sent)[:-1])
    for name in fleet.hosts:
        case_in(tmp_path).bag(name).check()


def test_memory_is_taken_while_paused_and_the_container_runs_again(
    fleet: Fleet, host: str, tmp_path: Path
) -> None:
    run = preserve(
        fleet, host, tmp_path, "-e", '{"items": ["memory"], "memory": ["all"]}', "-e", "pause=true"
    )
    assert run.code == 0, run.output
    cores = [row for row in case_in(tmp_path).bag(host).outcomes if row["item"] == "memory"]
    assert cores
    assert all(row["path"] for row in cores), cores
    core = case_in(tmp_path).bag(host).path / "data" / cores[0]["path"]
    told = subprocess.run(["readelf", "-h", core], capture_output=True, text=True, check=True)
    assert "CORE" in told.stdout
    state = fleet.shell(host, "docker", "inspect", "--format", "{{.State.Status}}", NAME)
    assert state.strip() == "running"


def test_no_room_leaves_what_is_whole_and_says_what_is_missing(
    fleet: Fleet, host: str, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", small], check=True)
    try:
        run = preserve(
            fleet, host, tmp_path, *BIG, "-e", f"evidence_dir={small}", "-e", f"reserve_bytes={8 << 20}"
        )
        (bag,) = Case(small / "INC-7").bags(host)
        bag.check()
        rows = {row["item"]: row for row in bag.outcomes}
        assert rows["logs"]["path"]
        assert rows["bind_content"]["path"] is None
        assert "room" in rows["bind_content"]["reason"]
    finally:
        subprocess.run(["umount", "-l", small], check=True)
    assert "failed" in run.output


def descendants(pid: int) -> list[int]:
    """The process and all below it, those first that start others."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, task.read_text().split())
    return found
