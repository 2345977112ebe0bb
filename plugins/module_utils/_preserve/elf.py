# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An ELF core file, as the kernel writes one (elf(5), fs/binfmt_elf.c, include/uapi/linux/elf.h). Pure.

Of registers only those are in it that /proc/PID/task/TID/syscall tells: the rest are zero.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from typing import Sequence, Tuple

READ, WRITE, EXECUTE = 4, 2, 1
MAX_SEGMENTS = 60_000  # below 65,535, where the count would not fit its field
_ORDER = "<" if sys.byteorder == "little" else ">"
_HEADER_BYTES = 64
_SEGMENT_BYTES = 56
_ET_CORE, _PT_LOAD, _PT_NOTE = 4, 1, 4
_NT_PRSTATUS, _NT_PRPSINFO, _NT_AUXV, _NT_FILE = 1, 3, 6, 0x46494C45
# By machine as uname tells: e_machine, and where user_regs_struct keeps what syscall tells; null where that is not
# known here, so that the core has memory but no threads.
Places = Tuple[int, int, int, int, Tuple[int, ...]]
_MACHINES: dict[str, tuple[int, Places | None]] = {
    # Registers in all, the counter of the program, the stack's, the call's number, its six arguments.
    "x86_64": (62, (27, 16, 19, 15, (14, 13, 12, 7, 9, 8))),
    "aarch64": (183, (34, 32, 31, 8, (0, 1, 2, 3, 4, 5))),
    "ppc64le": (21, None),
    "ppc64": (21, None),
    "s390x": (22, None),
    "riscv64": (243, None),
}


@dataclass(frozen=True)
class Segment:
    """``memory`` bytes from the address ``start`` on, of which the first ``stored`` are in the file."""

    start: int
    memory: int
    stored: int
    flags: int


@dataclass(frozen=True)
class Thread:
    """``syscall`` is what /proc/PID/task/TID/syscall says, empty where it cannot be read."""

    tid: int
    syscall: str = ""


@dataclass(frozen=True)
class Person:
    """Who the process is; ``state`` is the letter of proc(5)."""

    pid: int
    ppid: int
    uid: int
    gid: int
    state: str
    name: bytes
    arguments: bytes


@dataclass(frozen=True)
class Mapped:
    """One mapping of a file: addresses, and the offset in pages."""

    start: int
    end: int
    page_offset: int
    path: bytes


def supported(machine: str) -> bool:
    """Whether a core can be written for this machine, as uname names it."""
    return machine in _MACHINES


def preamble(machine: str, notes: bytes, segments: Sequence[Segment], page: int) -> bytes:
    """All that precedes memory: header, program headers, notes, and zeros up to the next page.

    The stored bytes of the segments follow, in their order, without gaps. Raises KeyError for an unknown machine and
    ValueError for more than 60,000 segments.
    """
    if len(segments) > MAX_SEGMENTS:
        raise ValueError(f"{len(segments)} segments do not fit a core")
    count = 1 + len(segments)
    notes_at = _HEADER_BYTES + count * _SEGMENT_BYTES
    data_at = -(-(notes_at + len(notes)) // page) * page
    identity = b"\x7fELF" + bytes((2, 1 if _ORDER == "<" else 2, 1, 0)) + b"\0" * 8
    parts = [
        identity,
        struct.pack(
            f"{_ORDER}HHIQQQIHHHHHH",
            _ET_CORE, _MACHINES[machine][0], 1, 0, _HEADER_BYTES, 0, 0, _HEADER_BYTES, _SEGMENT_BYTES, count, 0, 0, 0,
        ),
        _program(_PT_NOTE, 0, notes_at, 0, len(notes), 0, 4),
    ]  # fmt: skip
    at = data_at
    for segment in segments:
        parts.append(
            _program(_PT_LOAD, segment.flags, at, segment.start, segment.stored, segment.memory, page)
        )
        at += segment.stored
    whole = b"".join(parts) + notes
    return whole.ljust(data_at, b"\0")


def _program(kind: int, flags: int, at: int, address: int, stored: int, memory: int, align: int) -> bytes:
    return struct.pack(f"{_ORDER}IIQQQQQQ", kind, flags, at, address, 0, stored, memory, align)


def note_segment(
    machine: str,
    person: Person,
    threads: Sequence[Thread],
    auxv: bytes,
    mapped: Sequence[Mapped],
    page: int,
) -> bytes:
    """The notes of a process: each thread, the process, its auxiliary vector, and its mappings of files."""
    places = _MACHINES[machine][1]
    states = [_note(_NT_PRSTATUS, _status(person, thread, places)) for thread in threads] if places else []
    # As in the kernel's own: the first thread, the process, then the other threads.
    first, rest = states[:1], states[1:]
    return b"".join(
        (
            *first,
            _note(_NT_PRPSINFO, _info(person)),
            _note(_NT_AUXV, auxv),
            _note(_NT_FILE, _files(mapped, page)),
            *rest,
        )
    )


def _note(kind: int, content: bytes) -> bytes:
    head = struct.pack(f"{_ORDER}III", 5, len(content), kind)
    return head + b"CORE\0\0\0\0" + content + b"\0" * (-len(content) % 4)


def _status(person: Person, thread: Thread, places: Places) -> bytes:
    """struct elf_prstatus (include/uapi/linux/elfcore.h)."""
    head = struct.pack(f"{_ORDER}iiihxxQQiiii", 0, 0, 0, 0, 0, 0, thread.tid, person.ppid, 0, 0)
    return head + b"\0" * 64 + _registers(thread.syscall, places) + struct.pack(f"{_ORDER}ixxxx", 0)


def _registers(syscall: str, places: Places) -> bytes:
    """``nr arg0 … arg5 sp pc`` of a thread in a call, ``-1 sp pc`` outside of one, ``running`` while it runs."""
    count, counter, stack, number, arguments = places
    values = [0] * count
    words = syscall.split()
    if len(words) == 9:
        values[number] = int(words[0]) & 0xFFFFFFFFFFFFFFFF
        for place, word in zip(arguments, words[1:7]):
            values[place] = int(word, 16)
    if len(words) in (3, 9):
        values[stack], values[counter] = int(words[-2], 16), int(words[-1], 16)
    return struct.pack(f"{_ORDER}{count}Q", *values)


def _info(person: Person) -> bytes:
    """struct elf_prpsinfo."""
    letter = person.state[:1] or "?"
    known = "RSDTZW".find(letter)
    return struct.pack(
        f"{_ORDER}bcbbxxxxQIIiiii16s80s",
        max(known, 0), letter.encode("ascii", "replace"), int(letter == "Z"), 0, 0, person.uid, person.gid,
        person.pid, person.ppid, 0, 0, person.name[:15], person.arguments[:79],
    )  # fmt: skip


def _files(mapped: Sequence[Mapped], page: int) -> bytes:
    head = struct.pack(f"{_ORDER}QQ", len(mapped), page)
    ranges = (struct.pack(f"{_ORDER}QQQ", one.start, one.end, one.page_offset) for one in mapped)
    return head + b"".join(ranges) + b"".join(one.path + b"\0" for one in mapped)
