# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._host.executables import (
    Inspector,
    state_by_name,
)
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import Mount, Overlay
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import Process
from ansible_collections.cordon.docker.plugins.module_utils._host.procfs import Stat, Status

ROOT = Mount("0:9", "/", "/", "overlay", "overlay", b"")
DATA = Mount("8:1", "/v", "/data", "ext4", "/dev/sda1", b"")
FUSE = Mount("0:7", "/", "/mnt", "fuse.evil", "evil", b"")


@pytest.mark.parametrize(
    ("link", "links", "state"),
    [
        (None, None, "kernel"),
        ("/tmp/x (deleted)", 0, "deleted"),
        ("/tmp/x (deleted)", None, "deleted"),
        # A file that is merely called so.
        ("/tmp/x (deleted)", 1, None),
        ("/memfd:payload (deleted)", 0, "memfd"),
        ("/memfd:payload", 1, None),
        ("/usr/bin/bash", 1, None),
    ],
)
def test_state_by_name(link: str | None, links: int | None, state: str | None) -> None:
    assert state_by_name(link, links) == state


class Host:
    """A /proc with one process whose executable is a link to a real file, and the layers of its container."""

    def __init__(self, tmp_path: Path) -> None:
        self.proc = tmp_path / "proc"
        self.upper = tmp_path / "upper"
        self.file = tmp_path / "program"
        self.file.write_bytes(b"\x7fELF program")
        self.upper.mkdir()
        self.inspector = Inspector(str(self.proc), hash_bytes=1 << 20)
        self.pids = 0

    def look(self, exe: str | None, **more: Any) -> Any:
        self.pids += 1
        folder = self.proc / str(self.pids)
        folder.mkdir(parents=True)
        if more.get("opens", True):
            (folder / "exe").symlink_to(self.file)
        process = Process(
            pid=self.pids, container_id="c", stat=Stat("x", "S", 1, 0, 0, 0), status=Status(0, (1,), "", 0), cgroup=b"",
            pid_namespace=1, net_namespace=1, mount_namespace=1, cmdline=[], environment=[], cwd=None, exe=exe,
        )  # fmt: skip
        overlay = more.get("overlay", Overlay(str(self.upper), ("/init", "/base")))
        return self.inspector.inspect(process, more.get("mounts", [ROOT, DATA, FUSE]), overlay)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_states(host: Host) -> None:
    (host.upper / "tmp").mkdir()
    (host.upper / "tmp/miner").touch()
    (host.upper / "bin").symlink_to("tmp")
    found = host.look("/usr/bin/bash")
    assert (found.state, found.sha256) == ("image", hashlib.sha256(b"\x7fELF program").hexdigest())
    assert host.look("/tmp/miner").state == "upper"
    # A link that the intruder put into the layer does not count as the folder.
    assert host.look("/bin/miner").state == "image"
    assert host.look("/data/tool").state == "volume"
    assert host.look("/usr/bin/bash", overlay=None).state == "unknown"
    assert host.look("/usr/bin/bash", mounts=[]).state == "unknown"
    assert host.look(None).state == "kernel"
    assert host.look("").hash_reason == "may not be read by this user; use become"


def test_what_could_hold_up_a_reader_is_not_opened(host: Host) -> None:
    found = host.look("/mnt/x")
    assert (found.state, found.sha256) == ("volume", None)
    assert "fuse.evil" in found.hash_reason


def test_a_process_that_ends_keeps_its_state(host: Host) -> None:
    found = host.look("/tmp/gone (deleted)", opens=False)
    assert (found.path, found.state, found.sha256) == ("/tmp/gone", "deleted", None)
    assert "could not be opened" in found.hash_reason


def test_each_file_is_hashed_once(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    read = os.read

    def counted(handle: int, size: int) -> bytes:
        reads.append(handle)
        return read(handle, size)

    monkeypatch.setattr(os, "read", counted)
    for number in range(5):
        # Containers of one image: other upper and init layers, the same layers below.
        upper = host.upper / f"u{number}"
        upper.mkdir()
        overlay = Overlay(str(upper), (f"/init{number}", "/base"))
        assert host.look("/usr/bin/bash", overlay=overlay).sha256
    assert len(reads) <= 2


def test_large_files_have_a_reason(host: Host) -> None:
    host.inspector = Inspector(str(host.proc), hash_bytes=4)
    assert "hash_bytes (4)" in str(host.look("/usr/bin/bash").hash_reason)
