# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real processes of the test's own, with executables and files that have no name any more."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import Outcome
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import parse_mountinfo
from ansible_collections.cordon.docker.plugins.module_utils._preserve import executables, living, processes
from ansible_collections.cordon.docker.plugins.module_utils._preserve.item import Item
from ansible_collections.cordon.docker.plugins.module_utils._preserve.notes import Notes
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._preserve.worlds import (
    content,
    extracted,
    members,
    mounts_of,
    process_of,
    subject,
    view,
)

HOLDER = """
import os, sys, time
folder = sys.argv[1]
kept = open(folder + "/stolen.db", "w+b")
kept.write(b"rows and rows")
kept.flush()
os.unlink(folder + "/stolen.db")
same = os.dup(kept.fileno())
os.mkfifo(folder + "/pipe")
pipe = os.open(folder + "/pipe", os.O_RDWR)
os.unlink(folder + "/pipe")
memory = os.memfd_create("payload")
os.write(memory, b"never on disk")
bomb = open(folder + "/bomb", "w+b")
bomb.truncate(1 << 40)
bomb.seek(1 << 39)
bomb.write(b"needle")
bomb.flush()
os.unlink(folder + "/bomb")
print(flush=True)
time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"SECRET": "in-the-environment"},
    )
    if process.stdout is not None:
        process.stdout.readline()
    yield process.pid
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def test_what_the_kernel_tells_of_a_process(holder: int) -> None:
    found = subject(processes=[process_of(holder)])
    (item,) = processes.processes(view(found), found)
    assert isinstance(item, Item)
    raw = content(item)
    assert item.notes == []
    names = members(raw)
    assert {f"{holder}/{name}" for name in ("maps", "status", "environ", "cmdline", "links.json")} <= set(
        names
    )
    assert b"SECRET=in-the-environment\0" in extracted(raw, f"{holder}/environ")
    assert extracted(raw, f"{holder}/cmdline") == Path(f"/proc/{holder}/cmdline").read_bytes()
    assert b"[stack]" in extracted(raw, f"{holder}/maps")
    links = json.loads(extracted(raw, f"{holder}/links.json"))
    assert "stolen.db (deleted)" in " ".join(str(target) for target in links["fd"].values())
    assert links["exe"] == os.readlink(f"/proc/{holder}/exe")
    assert holder in links["tasks"]


def test_a_process_that_ended_is_a_note_beside_the_others(holder: int) -> None:
    gone = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    found = subject(processes=[process_of(gone.pid), process_of(holder)])
    gone.kill()
    gone.wait()
    (item,) = processes.processes(view(found), found)
    assert isinstance(item, Item)
    raw = content(item)
    assert f"{holder}/status" in members(raw)
    assert item.notes == [f"process {gone.pid} was left out: Process {gone.pid} has ended."]


def test_another_process_with_the_number_is_not_read(holder: int) -> None:
    seen = process_of(holder)
    seen.stat = seen.stat.__class__(**{**seen.stat.__dict__, "started": seen.stat.started - 1})
    with pytest.raises(HostError, match="another has its number"), living.opened("/proc", seen):
        pass


def test_a_reading_that_never_returns_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(living, "PATIENCE", 0.1)
    with pytest.raises(HostError, match="did not let itself be read"):
        living.patiently(lambda: time.sleep(5), "Process 7")


def test_files_without_a_name_are_kept_once_each(holder: int) -> None:
    found = subject(processes=[process_of(holder)])
    products = list(executables.deleted_files(view(found), found))
    items = {
        str(item.note).partition(",")[0].rpartition("/")[2]: item
        for item in products
        if isinstance(item, Item)
    }
    assert set(items) == {"stolen.db", "memfd:payload", "bomb"}
    assert len(products) == 3
    assert content(items["stolen.db"]) == b"rows and rows"
    assert content(items["memfd:payload"]) == b"never on disk"
    assert items["stolen.db"].path.startswith(f"containers/cccccccccccc/processes/{holder}/fd-")
    # Mostly holes: an archive that tells them, and not a terabyte of zeros.
    assert items["bomb"].path.endswith(".tar")
    assert len(content(items["bomb"])) < 1 << 20


def test_a_deleted_executable_is_kept_with_its_own_hash(tmp_path: Path) -> None:
    program = tmp_path / "kworkerd"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    expected = hashlib.sha256(program.read_bytes()).hexdigest()
    running = [subprocess.Popen([program, "600"]) for _number in range(2)]
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and any(
            os.readlink(f"/proc/{one.pid}/exe") != str(program) for one in running
        ):
            time.sleep(0.01)
        program.unlink()
        found = subject(processes=[process_of(one.pid) for one in running], mounts=mounts_of(running[0].pid))
        (item,) = executables.executables(view(found), found)
        assert isinstance(item, Item)
        assert hashlib.sha256(content(item)).hexdigest() == expected
        assert item.path == f"containers/cccccccccccc/processes/{running[0].pid}/executable"
        assert item.note == f"{program}, run by process {running[0].pid}; deleted."
    finally:
        for one in running:
            one.kill()
            one.wait()


def test_an_executable_on_a_file_system_of_somebodys_is_a_row(holder: int) -> None:
    one = process_of(holder)
    mounts = parse_mountinfo(b"1 0 0:99 / / rw - fuse.evil evil rw\n")
    found = subject(processes=[one], mounts=mounts)
    (row,) = executables.executables(view(found), found)
    assert isinstance(row, Outcome)
    assert "whose server can hold up a reader" in str(row.reason)


def test_without_processes_there_is_a_reason() -> None:
    found = subject(state="exited")
    for make in (processes.processes, executables.executables, executables.deleted_files):
        (row,) = make(view(found), found)
        assert isinstance(row, Outcome)
        assert row.reason == "The container is exited: it has no processes."


def test_a_file_that_got_holes_meanwhile_is_cut(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data")
    os.truncate(tmp_path / "file", 1 << 40)
    handle = os.open(tmp_path / "file", os.O_RDONLY)
    said: list[str] = []
    size = sum(map(len, executables.content(handle, 1 << 50, "fd/3", Notes(said))))
    os.close(handle)
    assert size <= executables.HOLES + 8192
    assert "most of them holes" in said[0]
