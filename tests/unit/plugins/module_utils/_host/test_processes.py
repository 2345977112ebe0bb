# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import read_snapshot
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._host.recordings import (
    load,
    raise_proc,
)


def test_recorded_processes(recording: dict[str, Any], proc: Path) -> None:
    snapshot = read_snapshot(str(proc))
    assert snapshot.notes == []
    assert {process.pid for process in snapshot.processes} == {int(pid) for pid in recording["processes"]} - {
        1
    }
    for container in recording["containers"].values():
        processes = snapshot.of(container["id"], container["pid"])
        assert processes[0].pid == container["pid"]
        assert processes[0].status.pids[-1] == 1
        assert len({process.net_namespace for process in processes}) == 1
        assert processes[0].mount_namespace in snapshot.mounts
        for process in processes:
            assert process.cmdline or process.stat.state == "Z"
            assert all("=" not in name and name != "kept-out" for name in process.environment)


def test_the_reverse_shell_of_the_recording(tmp_path: Path) -> None:
    recording = load("26")
    snapshot = read_snapshot(str(raise_proc(recording, tmp_path)))
    container = recording["containers"]["log4shell"]
    java, bash = snapshot.of(container["id"], container["pid"])
    assert (bash.stat.comm, bash.stat.ppid) == ("bash", java.pid)
    assert bash.stdio["0"] == bash.stdio["1"] == f"socket:[{bash.sockets[0]}]"
    (shell,) = [row for row in snapshot.sockets[bash.net_namespace] if row.inode == bash.sockets[0]]
    assert (shell.state, shell.remote_address, shell.remote_port) == ("ESTABLISHED", "10.213.66.6", 4444)


def test_a_process_that_left_its_cgroup_is_found_by_its_namespace(tmp_path: Path) -> None:
    recording = load("26")
    container = recording["containers"]["log4shell"]
    pids = [
        pid
        for pid, process in recording["processes"].items()
        if container["id"] in process["files"]["cgroup"]
    ]
    stray = next(pid for pid in pids if int(pid) != container["pid"])
    recording["processes"][stray]["files"]["cgroup"] = "0::/\n"
    snapshot = read_snapshot(str(raise_proc(recording, tmp_path)))
    assert int(stray) in {process.pid for process in snapshot.of(container["id"], container["pid"])}


def test_a_process_that_vanishes_is_no_error(tmp_path: Path) -> None:
    recording = load("28")
    proc = raise_proc(recording, tmp_path)
    pid = next(str(container["pid"]) for container in recording["containers"].values())
    (proc / pid / "stat").unlink()
    snapshot = read_snapshot(str(proc))
    assert snapshot.vanished == 1
    assert snapshot.notes == []


def test_much_of_everything_is_bounded_and_said(tmp_path: Path) -> None:
    recording = load("28")
    proc = raise_proc(recording, tmp_path)
    pid = str(recording["containers"]["ledger"]["pid"])
    (proc / pid / "cmdline").write_bytes(b"x" * 100_000)
    (proc / pid / "environ").write_bytes(b"NAME=value\0" * 100_000)
    for number in range(1000, 1400):
        (proc / pid / "fd" / str(number)).symlink_to(f"/tmp/file{number} (deleted)")
    process = next(one for one in read_snapshot(str(proc)).processes if str(one.pid) == pid)
    assert sum(map(len, process.cmdline)) == 32768
    assert len(process.environment) == 1024
    assert len(process.files) == 256
    assert len(process.notes) == 3


def test_what_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = load("28")
    proc = raise_proc(recording, tmp_path)
    readlink = os.readlink

    def denied(name: Any, *, dir_fd: int | None = None) -> str:
        if dir_fd is not None:
            raise PermissionError(13, "Permission denied", name)
        return str(readlink(name))

    monkeypatch.setattr(os, "readlink", denied)
    container = recording["containers"]["ledger"]
    (process,) = read_snapshot(str(proc)).of(container["id"], container["pid"])
    assert process.cmdline
    assert any("use become" in note for note in process.notes)


def test_no_proc(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="cannot be read"):
        read_snapshot(str(tmp_path / "nothing"))
