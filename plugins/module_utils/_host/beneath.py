# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files below a folder that an intruder may write to, opened so that no link of theirs is ever followed.

A path below a container's layer is theirs to swap at any moment (FACTS: CVE-2018-15664 and kin), so each part
is opened relative to the handle of the one before, with O_NOFOLLOW.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import Iterator, Sequence

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK and O_NOCTTY: a pipe or a terminal put in place of the file must not hold or own the reader.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def parts_of(path: str) -> list[str]:
    """The names in a path; raises ValueError for one that climbs."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ValueError(f"the path {path!r} climbs")
    return parts


@contextmanager
def folder(root: int, parts: Sequence[str]) -> Iterator[int | None]:
    """The handle of a folder below ``root``; null where it is not there, or where a part of it is a link."""
    handle = os.dup(root)
    try:
        for part in parts:
            deeper = _open(part, handle)
            if deeper is None:
                yield None
                return
            os.close(handle)
            handle = deeper
        yield handle
    finally:
        os.close(handle)


def lstat(root: int, path: str) -> os.stat_result | None:
    """The status of what ``path`` names below ``root``, links unfollowed; null where nothing is there."""
    parts = parts_of(path)
    if not parts:
        return os.fstat(root)
    with folder(root, parts[:-1]) as parent:
        return None if parent is None else lstat_in(parent, parts[-1])


def lstat_in(parent: int, name: str) -> os.stat_result | None:
    """The status of a name in an open folder, links unfollowed; null where nothing is there."""
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    except OSError as exc:
        if exc.errno in _GONE:
            return None
        raise


def open_folder_in(parent: int, name: str) -> int | None:
    """The handle of a folder in an open folder, to be closed by the caller; null where there is none."""
    return _open(name, parent)


def open_regular(parent: int, name: str) -> int:
    """The handle of a regular file, to be closed by the caller. Raises OSError, also where it is none."""
    handle = os.open(name, FILE, dir_fd=parent)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is no regular file any more")
    return handle


def _open(name: str, parent: int) -> int | None:
    try:
        return os.open(name, FOLDER, dir_fd=parent)
    except OSError as exc:
        if exc.errno in _GONE:
            return None
        raise
