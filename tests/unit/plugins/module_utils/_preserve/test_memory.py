# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real processes of the test's own: stopped, with a known word in memory."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import Outcome
from ansible_collections.cordon.docker.plugins.module_utils._host.cgroups import Hierarchies
from ansible_collections.cordon.docker.plugins.module_utils._preserve import elf, memory, regions
from ansible_collections.cordon.docker.plugins.module_utils._preserve.item import Item
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._preserve.test_elf import parse
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._preserve.worlds import (
    content,
    mounts_of,
    process_of,
    subject,
    view,
)

WORD = b"needle-in-anonymous-memory"
# 16 GiB of which one page is used, and a word that is made only when the program runs.
PROGRAM = """
import mmap, sys, time
room = mmap.mmap(-1, 16 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
room[8 << 30 : (8 << 30) + 26] = bytes.fromhex(sys.argv[1])
print(hex(0), flush=True)
time.sleep(600)
"""


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, WORD.hex()], stdout=subprocess.PIPE)
    if process.stdout is not None:
        process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGSTOP)
    for _attempt in range(500):
        if process_of(process.pid).stat.state == "T":
            return
        time.sleep(0.01)


def asked(pid: int, **choice: object) -> list[Item | Outcome]:
    found = subject(processes=[process_of(pid)], mounts=mounts_of(pid))
    return list(memory.memory(view(found, memory=[str(pid)], **choice), found))


def test_a_stopped_process_gives_a_core(sleeper: subprocess.Popen[bytes]) -> None:
    stop(sleeper)
    (item,) = asked(sleeper.pid)
    assert isinstance(item, Item)
    raw = content(item)
    assert item.notes == []
    core = parse(raw)
    assert core.kind == 4
    holding = [one for one in core.loaded if WORD in one.content]
    assert holding
    # What was never touched is not read, nor made up.
    assert len(raw) < 100 << 20
    assert sum(one.memory for one in core.loaded) > 16 << 30
    pids = [struct.unpack_from("<i", said, 32)[0] for _owner, kind, said in core.notes if kind == 1]
    assert pids[0] == sleeper.pid
    assert sum(len(one.content) for one in core.loaded) > 1 << 20


def test_reading_does_not_make_the_process_larger(sleeper: subprocess.Popen[bytes]) -> None:
    stop(sleeper)
    before = resident(sleeper.pid)
    (item,) = asked(sleeper.pid)
    content(item)
    assert resident(sleeper.pid) <= before + 256 * 1024


def resident(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def test_the_same_memory_gives_the_same_bytes(sleeper: subprocess.Popen[bytes]) -> None:
    stop(sleeper)
    (item,) = asked(sleeper.pid)
    assert content(item) == content(item)


def test_a_running_process_is_not_read(sleeper: subprocess.Popen[bytes]) -> None:
    (row,) = asked(sleeper.pid)
    assert isinstance(row, Outcome)
    assert row.status == "missing"
    assert "pause the container first" in str(row.reason)


def test_a_process_that_goes_on_meanwhile_is_told(sleeper: subprocess.Popen[bytes]) -> None:
    stop(sleeper)
    (item,) = asked(sleeper.pid)
    assert isinstance(item, Item)
    stream = iter(item.open())
    next(stream)
    sleeper.send_signal(signal.SIGCONT)
    for _part in stream:
        pass
    assert f"process {sleeper.pid} did not hold still until its memory was read" in item.notes


def test_a_bound_keeps_what_only_memory_holds(sleeper: subprocess.Popen[bytes]) -> None:
    stop(sleeper)
    (whole,) = asked(sleeper.pid)
    everything = parse(content(whole))
    anonymous = sum(
        sum(end - start for start, end in runs)
        for region, runs in runs_of(sleeper.pid)
        if not region.is_file or region.is_gone
    )
    (item,) = asked(sleeper.pid, memory_bytes=anonymous)
    assert isinstance(item, Item)
    core = parse(content(item))
    assert any(WORD in one.content for one in core.loaded)
    assert sum(len(one.content) for one in core.loaded) < sum(len(one.content) for one in everything.loaded)
    assert "memory_bytes" in item.notes[0]


def runs_of(pid: int) -> list[tuple[regions.Region, list[regions.Run]]]:
    page = os.sysconf("SC_PAGE_SIZE")
    handle = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY)
    try:
        found = list(regions.parse_smaps(Path(f"/proc/{pid}/smaps").read_bytes().splitlines()))
        return [(one, regions.present(handle, one, page)[0] if one.used else []) for one in found]
    finally:
        os.close(handle)


def test_a_process_that_ended_is_a_row() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    found = subject(processes=[process_of(process.pid)])
    process.kill()
    process.wait()
    (row,) = memory.memory(view(found, memory=["all"]), found)
    assert isinstance(row, Outcome)
    assert row.reason == f"Process {process.pid} has ended."


def test_frozen_by_either_kind_of_cgroup(tmp_path: Path) -> None:
    for name, file, frozen, thawed in (
        ("freezer", "freezer.state", "FROZEN\n", "THAWED\n"),
        ("", "cgroup.events", "populated 1\nfrozen 1\n", "populated 1\nfrozen 0\n"),
    ):
        folder = tmp_path / (name or "unified") / "docker" / "id"
        folder.mkdir(parents=True)
        hierarchies = Hierarchies({name: (str(tmp_path / (name or "unified")), "/")})
        cgroup = f"7:{name}:/docker/id\n".encode()
        for said, expected in ((frozen, True), (thawed, False)):
            (folder / file).write_text(said)
            assert memory.is_frozen(cgroup, hierarchies) is expected
    assert (
        memory.is_frozen(b"7:freezer:/../../etc\n", Hierarchies({"freezer": (str(tmp_path), "/")})) is False
    )


SMAPS = b"""\
00400000-00402000 r-xp 00000000 fe:00 77                         /bin/x
Rss:                   8 kB
Swap:                  0 kB
VmFlags: rd ex
7f0000000000-7f4000000000 rw-p 00000000 00:00 0
Rss:                   0 kB
Swap:                 12 kB
7f4000000000-7f4000001000 rw-s 00001000 00:05 9                  /memfd:a b (deleted)
Rss:                   4 kB
7ffd00000000-7ffd00004000 r--p 00000000 00:00 0                  [vvar]
Rss:                   0 kB
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0          [vsyscall]
Rss:                   0 kB
"""


def test_mappings_are_read() -> None:
    found = list(regions.parse_smaps(SMAPS.splitlines()))
    assert [(one.start, one.used, one.path) for one in found] == [
        (0x400000, 8192, b"/bin/x"),
        (0x7F0000000000, 12288, b""),
        (0x7F4000000000, 4096, b"/memfd:a b (deleted)"),
    ]
    assert [one.flags for one in found] == [
        elf.READ | elf.EXECUTE,
        elf.READ | elf.WRITE,
        elf.READ | elf.WRITE,
    ]
    assert [(one.is_file, one.is_gone) for one in found] == [(True, False), (False, False), (True, True)]


def test_too_many_pieces_are_cut_and_told() -> None:
    region = regions.Region(0, 100 * 8192, b"r--p", 0, 5, b"/x", 4096 * 100)
    runs = [(number * 8192, number * 8192 + 4096) for number in range(100)]
    segments, notes = regions.plan([(region, runs)], 1 << 30, most=50)
    assert len(segments) == 50
    assert notes == ["the address space is cut into 200 pieces; the first 50 are kept"]
