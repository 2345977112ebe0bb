# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A walk over a folder that an intruder may write to: each folder before what it holds, names sorted.

Bounded whatever lies there: the walk holds one handle a level and at most 20,000 names. A folder with more is read
in the order of its file system, which is the same each time as long as nobody writes there.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from itertools import chain, islice
from typing import Collection, Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import describe
from ansible_collections.cordon.docker.plugins.module_utils._host.beneath import lstat_in, open_folder_in

from .notes import Notes

MAX_DEPTH = 200
_NAMES = 20_000


@dataclass(frozen=True)
class Entry:
    """One name below the root. ``parent`` is an open handle, good until the next entry is asked for.

    ``path`` is relative and keeps odd bytes by surrogateescape. ``foreign``: another file system is mounted here.
    """

    path: str
    name: str
    parent: int
    status: os.stat_result
    foreign: bool = False


class _Level:
    """One folder being read; ``held`` is how many names it keeps in memory."""

    def __init__(self, path: str, handle: int, room: int) -> None:
        self.path = path
        self.handle = handle
        self._scan = os.scandir(handle)
        first = [entry.name for entry in islice(self._scan, room)]
        rest = next(self._scan, None)
        self.held = len(first)
        if rest is None:
            self.names: Iterator[str] = iter(sorted(first))
        else:
            self.names = chain(first, [rest.name], (entry.name for entry in self._scan))

    def close(self) -> None:
        self._scan.close()
        os.close(self.handle)


def walk(root: int, notes: Notes, left_out: Collection[tuple[int, int]] = ()) -> Iterator[Entry]:
    """All names below an open folder, links unfollowed and other file systems not entered.

    ``left_out`` are folders not to be entered, by device and inode. ``root`` stays the caller's. What could not be
    read is noted. Raises OSError where the root itself cannot be.
    """
    device = os.fstat(root).st_dev
    # A handle of its own: the place in a folder belongs to the open file.
    stack = [_Level("", os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root), _NAMES)]
    try:
        while stack:
            level = stack[-1]
            name = next(level.names, None)
            if name is None:
                stack.pop().close()
                continue
            path = f"{level.path}{name}"
            try:
                status = lstat_in(level.handle, name)
            except OSError as exc:
                notes.add(f"{path} could not be read: {describe(exc)}")
                continue
            if status is None:
                notes.add(f"{path} vanished while it was read")
                continue
            if left_out and (status.st_dev, status.st_ino) in left_out:
                notes.add(f"{path} is the engine's own folder and is not part of this item")
                continue
            foreign = status.st_dev != device
            yield Entry(path, name, level.handle, status, foreign)
            if stat.S_ISDIR(status.st_mode) and not foreign:
                deeper = _descend(stack, path, name, device, notes)
                if deeper is not None:
                    stack.append(deeper)
    finally:
        for level in stack:
            level.close()


def _descend(stack: list[_Level], path: str, name: str, device: int, notes: Notes) -> _Level | None:
    if len(stack) >= MAX_DEPTH:
        notes.add(f"{path}: folders deeper than {MAX_DEPTH} levels were left out")
        return None
    try:
        handle = open_folder_in(stack[-1].handle, name)
        if handle is None:
            notes.add(f"{path} vanished while it was read")
            return None
        if os.fstat(handle).st_dev != device:
            os.close(handle)
            return None
        return _Level(f"{path}/", handle, max(0, _NAMES - sum(level.held for level in stack)))
    except OSError as exc:
        notes.add(f"{path} could not be read: {describe(exc)}")
        return None
