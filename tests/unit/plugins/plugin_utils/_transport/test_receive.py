# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.receive import Announced, receive
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.watchdog import Bounds, Watchdog

FOLDER = "/dev/shm/cordon-ab12cd34"
CONTENT = b"evidence" * 1000
GOOD = {
    "dir": FOLDER,
    "path": f"{FOLDER}/bundle.zip",
    "bytes": len(CONTENT),
    "sha256": hashlib.sha256(CONTENT).hexdigest(),
}
MOST = 1 << 20


@pytest.mark.parametrize("folder", [FOLDER, "/run/cordon-a_b1", "/var/tmp/x/cordon-1234", "/cordon-1234"])
def test_what_the_module_announces_is_taken(folder: str) -> None:
    announced = Announced.parse({**GOOD, "dir": folder, "path": f"{folder}/bundle.zip"}, MOST)
    assert announced.folder == folder


@pytest.mark.parametrize(
    "change",
    [
        {"dir": "/"},
        {"dir": "/dev/shm"},
        {"dir": "/dev/shm/../etc/cordon-ab12"},
        {"dir": "relative/cordon-ab12"},
        {"dir": "/tmp/cordon-ab12; reboot"},
        {"dir": "/tmp/cordon-$(reboot)"},
        {"dir": "/tmp/cordon-ab12\n"},
        {"dir": "/tmp/-rf/cordon-ab12"},
        {"dir": "/tmp/cordon-*"},
        {"dir": "//tmp/cordon-ab12"},
        {"dir": ["/tmp/cordon-ab12"]},
        {"dir": None},
        {"path": "/etc/shadow"},
        {"path": f"{FOLDER}/../../etc/shadow"},
        {"path": f"{FOLDER}/*.zip"},
        {"path": f"{FOLDER}/a b.zip"},
        {"path": f"{FOLDER}/bundle.zip\n"},
        {"path": FOLDER},
        {"bytes": 0},
        {"bytes": -1},
        {"bytes": MOST + 1},
        {"bytes": True},
        {"bytes": "10"},
        {"bytes": 1e3},
        {"sha256": "0" * 63},
        {"sha256": "G" * 64},
        {"sha256": None},
    ],
)
def test_anything_else_is_an_error_in_words(change: dict[str, Any]) -> None:
    announced = {**GOOD, **change}
    if "dir" in change:
        announced["path"] = f"{change['dir']}/bundle.zip"
    with pytest.raises(EvidenceError, match=r"^The host announces a bundle"):
        Announced.parse(announced, MOST)


@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_an_announcement_that_is_none(value: Any) -> None:
    with pytest.raises(EvidenceError, match="announces no bundle"):
        Announced.parse(value, MOST)


ANNOUNCED = Announced.parse(GOOD, MOST)


class Copies:
    """A connection that sends what it is given, in this process."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def fetch_file(self, in_path: str, out_path: str) -> None:
        assert in_path == ANNOUNCED.path
        Path(out_path).write_bytes(self.content)


class Runs:
    """A connection whose transfer is a program of its own, as with ssh, and that tries again."""

    def __init__(self, script: str, times: int = 3) -> None:
        self.script = script
        self.times = times
        self.codes: list[int] = []

    def fetch_file(self, in_path: str, out_path: str) -> None:
        assert in_path == ANNOUNCED.path
        for _dummy in range(self.times):
            done = subprocess.run([sys.executable, "-c", self.script, out_path], check=False)
            self.codes.append(done.returncode)
        raise RuntimeError("the transfer failed")


def test_what_was_announced_arrives(tmp_path: Path) -> None:
    receive(Copies(CONTENT), "web1", ANNOUNCED, tmp_path / "in", 10)
    assert (tmp_path / "in").read_bytes() == CONTENT
    assert (tmp_path / "in").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT[:-1] + b"x"])
def test_what_was_not_announced_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(EvidenceError, match=r"announced 8000 bytes .* arrived"):
        receive(Copies(content), "web1", ANNOUNCED, tmp_path / "in", 10)


@pytest.mark.parametrize("more", [1, 100, 1 << 22])
def test_more_than_was_announced_is_cut_off(tmp_path: Path, more: int) -> None:
    with pytest.raises(EvidenceError, match="sent more than the 8000 bytes it announced"):
        receive(Copies(CONTENT + b"x" * more), "web1", ANNOUNCED, tmp_path / "in", 10)
    assert (tmp_path / "in").stat().st_size <= len(CONTENT) + 65536


ENDLESS = "import sys\nout = open(sys.argv[1], 'wb', 0)\nwhile True: out.write(bytes(65536))"
SILENT = "import time\ntime.sleep(60)"


def test_a_sender_that_never_ends_is_ended(tmp_path: Path) -> None:
    connection = Runs(ENDLESS)
    with pytest.raises(EvidenceError, match="sent more than"):
        receive(connection, "web1", ANNOUNCED, tmp_path / "in", 30)
    assert all(connection.codes)
    assert (tmp_path / "in").stat().st_size <= len(CONTENT) + 65536


def test_a_sender_that_says_nothing_is_ended(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(EvidenceError, match="took longer than 1 s"):
        receive(Runs(SILENT), "web1", ANNOUNCED, tmp_path / "in", 1)
    assert time.monotonic() - began < 5


def test_what_the_connection_says_comes_through(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the transfer failed"):
        receive(Runs("", times=1), "web1", ANNOUNCED, tmp_path / "in", 10)


def flood() -> None:
    """As a connection plugin does it: everything a program prints is kept."""
    kept = bytearray()
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while block := process.stdout.read(1 << 16):
            kept += block


def test_a_flood_of_memory_is_ended() -> None:
    began = time.monotonic()
    watched = Watchdog(Bounds(30, 8 << 20), "web1")
    with pytest.raises(EvidenceError, match="more than 8 MiB in one answer"), watched:
        flood()
    assert time.monotonic() - began < 20


def test_no_room_is_said_before_anything_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Status:
        f_bavail = 1
        f_frsize = 1

    monkeypatch.setattr(os, "statvfs", lambda _: Status)
    with pytest.raises(EvidenceError, match="No room is left"):
        receive(Copies(CONTENT), "web1", ANNOUNCED, tmp_path / "in", 10)
    assert not (tmp_path / "in").exists()
