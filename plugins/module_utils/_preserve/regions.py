# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which parts of a process's address space hold something: its mappings, and in them the pages that are there.

Pages that never were used are not read: reading one makes the kernel add it to the process, for a Java or Go program
gigabytes of them, and a page that the process lets a server of its own fill (userfaultfd(2), FUSE) would hold the
reader for ever. See proc_pid_smaps(5) and Documentation/admin-guide/mm/pagemap.rst.
"""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from typing import Iterable, Iterator, Tuple

from . import elf

_HEAD = re.compile(rb"([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) \S+ ([0-9]+) *(.*)$")
_USED = re.compile(rb"(?:Rss|Swap): +([0-9]+) kB")
_PRESENT = (1 << 63) | (1 << 62)  # in memory, or swapped out
_WORDS = 1 << 15  # of pagemap at a time
_MOST_PAGES = 1 << 26  # of one process that are looked up: 256 GiB of touched mappings
_ANONYMOUS_GAP = 64  # pages that are zeros by right, filled in rather than told apart
# The kernel's own: the clock pages cannot be read, the old call page is the same everywhere.
_KERNEL = (b"[vvar]", b"[vvar_vclock]", b"[vsyscall]")
Run = Tuple[int, int]


@dataclass(frozen=True)
class Region:
    """One mapping; ``used`` is how many bytes of it are in memory or swapped out."""

    start: int
    end: int
    permissions: bytes
    offset: int
    inode: int
    path: bytes
    used: int

    @property
    def is_file(self) -> bool:
        return self.inode != 0 and self.path.startswith(b"/")

    @property
    def is_gone(self) -> bool:
        """Of a file that has no name any more: nothing else holds it."""
        return self.is_file and self.path.endswith(b" (deleted)")

    @property
    def flags(self) -> int:
        letters = self.permissions
        return (
            (elf.READ if letters[0:1] == b"r" else 0)
            | (elf.WRITE if letters[1:2] == b"w" else 0)
            | (elf.EXECUTE if letters[2:3] == b"x" else 0)
        )


def parse_smaps(lines: Iterable[bytes]) -> Iterator[Region]:
    """The mappings of /proc/PID/smaps that can be read, in the order of their addresses."""
    head: tuple[bytes, ...] | None = None
    used = 0
    for line in lines:
        match = _HEAD.match(line)
        if match:
            if head is not None:
                yield from _region(head, used)
            head, used = match.groups(), 0
            continue
        number = _USED.match(line)
        if number:
            used += int(number.group(1)) * 1024
    if head is not None:
        yield from _region(head, used)


def _region(head: tuple[bytes, ...], used: int) -> Iterator[Region]:
    start, end, permissions, offset, inode, path = head
    if path not in _KERNEL and int(end, 16) < 1 << 63:
        yield Region(int(start, 16), int(end, 16), permissions, int(offset, 16), int(inode), path, used)


def present(pagemap: int, region: Region, page: int, left: int = _MOST_PAGES) -> tuple[list[Run], int]:
    """Where a region holds pages, as addresses (start, end), and how many more may be looked up after it.

    ``pagemap`` is the open file. Small gaps of memory that is no file's are taken with what is around them: they are
    zeros. Raises OSError.
    """
    gap = 0 if region.is_file else _ANONYMOUS_GAP * page
    runs: list[Run] = []
    at = region.start
    while at < region.end and left > 0:
        count = min(_WORDS, (region.end - at) // page, left)
        raw = os.pread(pagemap, count * 8, at // page * 8)
        if not raw:
            break
        for begin, end in _runs(raw):
            _append(runs, at + begin * page, at + end * page, gap)
        at += len(raw) // 8 * page
        left -= len(raw) // 8
    return runs, left


def _append(runs: list[Run], start: int, end: int, gap: int) -> None:
    if runs and start - runs[-1][1] <= gap:
        runs[-1] = (runs[-1][0], end)
    else:
        runs.append((start, end))


def _runs(raw: bytes) -> Iterator[Run]:
    """Runs of present pages among words of pagemap, by position."""
    count = len(raw) // 8
    # Much of an address space is all alike; that is told without looking at each word.
    if raw == raw[:8] * count:
        if struct.unpack_from("=Q", raw)[0] & _PRESENT:
            yield 0, count
        return
    start = -1
    for position, (word,) in enumerate(struct.iter_unpack("=Q", raw)):
        if word & _PRESENT:
            if start < 0:
                start = position
        elif start >= 0:
            yield start, position
            start = -1
    if start >= 0:
        yield start, count


def plan(
    regions: Iterable[tuple[Region, list[Run]]], bound: int, most: int = elf.MAX_SEGMENTS
) -> tuple[list[elf.Segment], list[str]]:
    """The segments of a core, and what is not in it. Every region has one, what is not stored has no bytes in it.

    Within ``bound`` bytes come first what only memory holds: anonymous memory and files without a name; then the
    rest, in the order of their addresses.
    """
    listed = list(regions)
    stored, left, without = set(), bound, 0
    for first in (True, False):
        for number, (region, runs) in enumerate(listed):
            if (not region.is_file or region.is_gone) is not first:
                continue
            size = sum(end - start for start, end in runs)
            if size <= left:
                stored.add(number)
                left -= size
            else:
                without += size
    notes = []
    if without:
        notes.append(f"{without} bytes of memory are not stored: memory_bytes ({bound}) is used up")
    segments: list[elf.Segment] = []
    for number, (region, runs) in enumerate(listed):
        segments.extend(_segments(region, runs if number in stored else []))
    if len(segments) > most:
        notes.append(f"the address space is cut into {len(segments)} pieces; the first {most} are kept")
        del segments[most:]
    return segments, notes


def _segments(region: Region, runs: list[Run]) -> Iterator[elf.Segment]:
    at = region.start
    for start, end in runs:
        if start > at:
            yield elf.Segment(at, start - at, 0, region.flags)
        yield elf.Segment(start, end - start, end - start, region.flags)
        at = end
    if at < region.end:
        yield elf.Segment(at, region.end - at, 0, region.flags)
