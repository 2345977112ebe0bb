# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cores are read back by a parser of the test's own that knows only elf(5), and by readelf and gdb where they are."""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._preserve import elf

PAGE = 4096
PERSON = elf.Person(4242, 1, 33, 33, "T", b"kworker/u8", b"/usr/sbin/apache2 -k start")


@dataclass
class Loaded:
    address: int
    memory: int
    flags: int
    content: bytes


@dataclass
class Core:
    kind: int
    machine: int
    notes: list[tuple[bytes, int, bytes]]
    loaded: list[Loaded]


def parse(raw: bytes) -> Core:
    """A little-endian 64-bit core by the letter of elf(5)."""
    if raw[:7] != b"\x7fELF\x02\x01\x01":
        raise ValueError("no ELF file")
    kind, machine = struct.unpack_from("<HH", raw, 16)
    offset, size, count = struct.unpack_from("<Q", raw, 32)[0], *struct.unpack_from("<HH", raw, 54)
    notes: list[tuple[bytes, int, bytes]] = []
    loaded: list[Loaded] = []
    for number in range(count):
        fields = struct.unpack_from("<IIQQQQQQ", raw, offset + number * size)
        segment, flags, at, address, _physical, stored, memory, _align = fields
        content = raw[at : at + stored]
        if len(content) != stored:
            raise ValueError("a segment beyond the end")
        if segment == 4:
            notes = list(parse_notes(content))
        elif segment == 1:
            loaded.append(Loaded(address, memory, flags, content))
    return Core(kind, machine, notes, loaded)


def parse_notes(raw: bytes) -> list[tuple[bytes, int, bytes]]:
    found = []
    at = 0
    while at < len(raw):
        name, size, kind = struct.unpack_from("<III", raw, at)
        at += 12
        owner = raw[at : at + name].rstrip(b"\0")
        at += name + -name % 4
        found.append((owner, kind, raw[at : at + size]))
        at += size + -size % 4
    return found


PIECES = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 3), st.integers(0, 7)), max_size=30
)


@given(PIECES)
def test_any_memory_is_read_back(pieces: list[tuple[int, int, int, int]]) -> None:
    segments, address = [], 0x400000
    for gap, stored, empty, flags in pieces:
        address += gap * PAGE
        segments.append(elf.Segment(address, (stored + empty) * PAGE, stored * PAGE, flags))
        address += (stored + empty) * PAGE
    said = elf.note_segment("x86_64", PERSON, [elf.Thread(4242)], b"", [], PAGE)
    head = elf.preamble("x86_64", said, segments, PAGE)
    assert len(head) % PAGE == 0
    contents = [bytes([number % 251 + 1]) * segment.stored for number, segment in enumerate(segments)]
    core = parse(head + b"".join(contents))
    assert (core.kind, core.machine) == (4, 62)
    assert [(one.address, one.memory, one.flags) for one in core.loaded] == [
        (segment.start, segment.memory, segment.flags) for segment in segments
    ]
    assert [one.content for one in core.loaded] == contents


def test_threads_have_what_the_kernel_shows_of_a_call() -> None:
    in_call = "230 0x1 0x2 0x3 0x4 0x5 0x6 0x7ffd00001000 0x7f0000001234"
    threads = [
        elf.Thread(10, in_call),
        elf.Thread(11, "-1 0x7000 0x8000"),
        elf.Thread(12, "running"),
        elf.Thread(13),
    ]
    notes = parse_notes(elf.note_segment("x86_64", PERSON, threads, b"", [], PAGE))
    states = [content for _owner, kind, content in notes if kind == 1]
    assert [len(content) for content in states] == [336] * 4
    assert [struct.unpack_from("<i", content, 32)[0] for content in states] == [10, 11, 12, 13]
    registers = [struct.unpack_from("<27Q", content, 112) for content in states]
    # orig_rax, rip, rsp, rdi of struct user_regs_struct (sys/user.h).
    assert [registers[0][place] for place in (15, 16, 19, 14)] == [230, 0x7F0000001234, 0x7FFD00001000, 1]
    assert [registers[1][place] for place in (16, 19)] == [0x8000, 0x7000]
    assert set(registers[2]) == {0}


def test_who_the_process_is_and_what_it_maps() -> None:
    mapped = [
        elf.Mapped(0x1000, 0x3000, 2, b"/tmp/a b (deleted)"),
        elf.Mapped(0x5000, 0x6000, 0, b"/bin/x\xff"),
    ]
    notes = {kind: content for _owner, kind, content in parse_notes(
        elf.note_segment("aarch64", PERSON, [elf.Thread(1)], b"\1" * 16, mapped, PAGE)
    )}  # fmt: skip
    assert len(notes[3]) == 136
    assert struct.unpack_from("<ii", notes[3], 24) == (4242, 1)
    assert notes[3][40:56].rstrip(b"\0") == b"kworker/u8"
    assert notes[3][56:].rstrip(b"\0") == b"/usr/sbin/apache2 -k start"
    assert len(notes[1]) == 392
    assert notes[6] == b"\1" * 16
    assert struct.unpack_from("<8Q", notes[0x46494C45]) == (2, PAGE, 0x1000, 0x3000, 2, 0x5000, 0x6000, 0)
    assert notes[0x46494C45][64:] == b"/tmp/a b (deleted)\0/bin/x\xff\0"


def test_more_segments_than_the_header_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="60001 segments"):
        elf.preamble("x86_64", b"", [elf.Segment(0, PAGE, 0, 4)] * 60_001, PAGE)


def test_readelf_reads_it(tmp_path: Path) -> None:
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not installed")
    said = elf.note_segment("x86_64", PERSON, [elf.Thread(4242)], b"", [], PAGE)
    raw = elf.preamble("x86_64", said, [elf.Segment(0x400000, 2 * PAGE, PAGE, 5)], PAGE) + b"x" * PAGE
    (tmp_path / "core").write_bytes(raw)
    done = subprocess.run(
        ["readelf", "-W", "-h", "-l", "-n", str(tmp_path / "core")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "CORE (Core file)" in done.stdout
    assert "0x0000000000400000" in done.stdout
    assert "NT_PRPSINFO" in done.stdout
    assert done.stderr == ""
