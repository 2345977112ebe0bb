# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import Selected
from ansible_collections.cordon.docker.plugins.module_utils._evidence.content import Content, Found, Missing
from ansible_collections.cordon.docker.plugins.module_utils._host.links import parse_links
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import Mount, Overlay
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import Snapshot, read_snapshot
from ansible_collections.cordon.docker.plugins.module_utils._triage.kernel import (
    KernelView,
    clock,
    links,
    started_at,
    terminal,
)
from ansible_collections.cordon.docker.plugins.module_utils._triage.subject import Subject
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._host.recordings import (
    load,
    raise_proc,
)


def rows(content: Content) -> list[Any]:
    assert isinstance(content, Found)
    return [json.loads(line) for line in b"".join(content.chunks).splitlines()]


def subject(recording: dict[str, Any], name: str, snapshot: Snapshot, **inspect: Any) -> Subject:
    container = recording["containers"][name]
    state = {"Status": "running", "Running": True, "Pid": container["pid"]}
    return Subject.of(Selected(None, container["id"], name, {"State": state, **inspect}), snapshot)


@pytest.fixture
def recording() -> dict[str, Any]:
    return load("26")


@pytest.fixture
def snapshot(recording: dict[str, Any], tmp_path: Path) -> Snapshot:
    return read_snapshot(str(raise_proc(recording, tmp_path / "proc")))


@pytest.fixture
def view(snapshot: Snapshot) -> KernelView:
    return KernelView(snapshot, 1_700_000_000.0, {0: "root"})


def test_processes(recording: dict[str, Any], snapshot: Snapshot, view: KernelView) -> None:
    java, bash = rows(view.processes(subject(recording, "log4shell", snapshot)))
    assert (bash["comm"], bash["ppid"], bash["user"]) == ("bash", java["pid"], "root")
    assert java["container_pid"] == 1
    assert bash["stdio"]["0"].startswith("socket:[")
    assert bash["started"].startswith("2023-11-1")
    assert java["in_cgroup"] is bash["in_cgroup"] is True


def test_a_process_that_left_its_control_group_is_told(recording: dict[str, Any], tmp_path: Path) -> None:
    container = recording["containers"]["log4shell"]
    bash = next(
        process
        for pid, process in recording["processes"].items()
        if container["id"] in process["files"]["cgroup"] and int(pid) != container["pid"]
    )
    bash["files"]["cgroup"] = "0::/\n"
    snapshot = read_snapshot(str(raise_proc(recording, tmp_path)))
    found = rows(KernelView(snapshot, 0.0, {}).processes(subject(recording, "log4shell", snapshot)))
    assert {row["comm"]: row["in_cgroup"] for row in found} == {"java": True, "bash": False}


def test_a_process_that_sees_the_hosts_files_is_told(recording: dict[str, Any], snapshot: Snapshot) -> None:
    there = subject(recording, "log4shell", snapshot)

    def told() -> list[object]:
        return [row["on_host_files"] for row in rows(KernelView(snapshot, 0, {}).processes(there))]

    assert told() == [None, None]
    snapshot.own_mount_namespace = 1
    assert told() == [False, False]
    there.processes[1].mount_namespace = 1
    assert told() == [False, True]


def test_sockets_name_their_process(recording: dict[str, Any], snapshot: Snapshot, view: KernelView) -> None:
    found = rows(view.sockets(subject(recording, "log4shell", snapshot)))
    shell = next(row for row in found if row["state"] == "ESTABLISHED" and row["process"] == "bash")
    assert (shell["remote_address"], shell["remote_port"]) == ("10.213.66.6", 4444)


def test_of_the_hosts_namespace_only_own_sockets(recording: dict[str, Any], snapshot: Snapshot) -> None:
    shared = subject(recording, "log4shell", snapshot)
    snapshot.own_net_namespace = shared.processes[0].net_namespace
    held = {inode for process in shared.processes for inode in process.sockets}
    found = rows(KernelView(snapshot, 0, {}).sockets(shared))
    assert found
    assert {row["inode"] for row in found} <= held


def test_top_has_the_shape_of_the_engines(
    recording: dict[str, Any], snapshot: Snapshot, view: KernelView
) -> None:
    (top,) = rows(view.top(subject(recording, "log4shell", snapshot), time.time()))
    assert top["Titles"] == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert all(len(row) == 8 and all(isinstance(cell, str) for cell in row) for row in top["Processes"])
    assert top["Processes"][0][0] == "root"
    assert top["Processes"][0][7].startswith("java ")


def test_a_container_without_processes(snapshot: Snapshot, view: KernelView) -> None:
    exited = Subject.of(Selected(None, "f" * 64, "x", {"State": {"Status": "exited", "Pid": 0}}), snapshot)
    elsewhere = Subject.of(
        Selected(None, "f" * 64, "x", {"State": {"Status": "running", "Pid": 999999}}), snapshot
    )
    for collect in (view.processes, view.sockets):
        assert "exited" in getattr(collect(exited), "reason", "")
        assert "another host" in getattr(collect(elsewhere), "reason", "")


def test_links(recording: dict[str, Any], snapshot: Snapshot) -> None:
    one = subject(recording, "log4shell", snapshot, HostConfig={"NetworkMode": "default"})
    namespace = one.processes[0].net_namespace
    host = parse_links(recording["host_links"])
    inner = {namespace: parse_links(recording["links"]["log4shell"])}
    numbers = {namespace: recording["netnsid"]["log4shell"]}
    (found,) = rows(links(one, {}, 1, host, inner, numbers))
    assert found["mode"] == "own"
    assert [link["host_peer"] and link["host_peer"]["master"] for link in found["links"]] == [None, "docker0"]
    assert rows(links(one, {}, namespace, host, inner, numbers))[0] == {
        "net_namespace": namespace,
        "mode": "host",
        "links": [],
    }
    assert isinstance(links(one, {}, 1, host, {}, {}), Missing)


@pytest.mark.parametrize(
    ("inspect", "mounts", "expected"),
    [
        ({"GraphDriver": {"Name": "overlay2", "Data": {"UpperDir": "/u", "LowerDir": "/a:/b"}}}, [],
         Overlay("/u", ("/a", "/b"))),
        ({"Driver": "overlayfs"}, [b"lowerdir=/s/snapshots/1/fs,upperdir=/s/snapshots/2/fs"],
         Overlay("/s/snapshots/2/fs", ("/s/snapshots/1/fs",))),
        ({"Driver": "overlayfs"}, [], "no process shows them"),
        # A privileged container can put any overlay there.
        ({"Driver": "overlayfs"}, [b"lowerdir=/s/snapshots/1/fs,upperdir=/etc"], "not the engine's"),
        ({"Driver": "overlayfs"}, [b"lowerdir=/a,upperdir=/s/snapshots/../../etc/fs"], "not the engine's"),
        ({"Driver": "overlayfs"}, [b"lowerdir=1/fs,upperdir=2/fs"], "relative"),
        ({"GraphDriver": {"Name": "vfs", "Data": {}}}, [], "storage driver vfs"),
    ],
)  # fmt: skip
def test_overlay(inspect: dict[str, Any], mounts: list[bytes], expected: Any) -> None:
    one = Subject.of(Selected(None, "f" * 64, "x", {"State": {"Status": "exited"}, **inspect}), Snapshot())
    one.mounts = [Mount("0:1", "/", "/", "overlay", "overlay", options) for options in mounts]
    found = one.overlay("/var/lib/docker")
    if isinstance(expected, Overlay):
        assert found == expected
    else:
        assert isinstance(found, Missing)
        assert expected in found.reason


def test_relative_layers_are_found_in_the_engines_folder(tmp_path: Path) -> None:
    home = tmp_path / "containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots"
    (home / "2/fs").mkdir(parents=True)
    one = Subject.of(Selected(None, "f" * 64, "x", {"Driver": "overlayfs"}), Snapshot())
    one.mounts = [Mount("0:1", "/", "/", "overlay", "overlay", b"lowerdir=1/fs,upperdir=2/fs")]
    assert one.overlay(str(tmp_path)) == Overlay(f"{home}/2/fs", (f"{home}/1/fs",))


def test_how_ps_writes() -> None:
    assert (clock(5), clock(3661), clock(90061)) == ("00:00:05", "01:01:01", "1-01:01:01")
    assert (terminal(0), terminal(136 << 8 | 3), terminal(4 << 8 | 1), terminal(5 << 8)) == (
        "?",
        "pts/3",
        "tty1",
        "5:0",
    )
    now = time.mktime((2026, 6, 15, 12, 0, 0, 0, 0, -1))
    assert started_at(now - 60, now) == "11:59"
    assert started_at(now - 3 * 86400, now) == "Jun12"
    assert started_at(now - 400 * 86400, now) == "2025"
