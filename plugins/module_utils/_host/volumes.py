# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of volumes and bind mounts that changed after a container's start, which the engine's diff never shows.

Bounded, breadth first: a bind of / is the host's whole tree, and /etc/cron.d has to be reached before the
depths of /usr.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Iterator, Sequence

from ansible_collections.cordon.docker.plugins.module_utils._errors import describe

from .beneath import folder, lstat_in, parts_of
from .files import APP_ROOTS, SERVER_SIDE, HashBudget, code_of, file_row, in_web_root
from .mounts import Mount, mount_at

MAX_ROWS = 2000
MAX_ENTRIES = 20000
MAX_SECONDS = 1.0
MAX_DEPTH = 16
_SYSTEM_TYPES = frozenset(
    ("proc", "sysfs", "devtmpfs", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs")
)


@dataclass(frozen=True)
class Volume:
    """One mount of a container: ``name`` of the volume or the host's path, where it lies, and where it shows."""

    name: str
    source: str
    destination: str


@dataclass
class _Walk:
    volume: Volume
    root: int
    after_ns: int
    budget: HashBudget
    left_out: Sequence[str]
    notes: list[str]
    entries: int = 0
    rows: int = 0
    over: bool = False
    ends: float = field(default_factory=lambda: time.monotonic() + MAX_SECONDS)

    def note(self, note: str) -> None:
        if len(self.notes) < 50:
            self.notes.append(f"{self.volume.destination}: {note}")

    def stop(self) -> bool:
        """Count one more entry; whether a bound is reached."""
        self.entries += 1
        reason = None
        if self.rows >= MAX_ROWS:
            reason = f"{MAX_ROWS} changed files are listed, there are more"
        elif self.entries > MAX_ENTRIES:
            reason = f"{MAX_ENTRIES} files were looked at, there are more"
        elif time.monotonic() > self.ends:
            reason = f"{MAX_SECONDS:g} s were spent, there are more files"
        if reason is not None and not self.over:
            self.note(reason)
        self.over = reason is not None
        return self.over


def volumes_of(mounts: Sequence[dict[str, Any]]) -> list[Volume]:
    """Volumes and binds of inspect's Mounts; a tmpfs has no source on the host."""
    return [
        Volume(str(mount.get("Name") or mount["Source"]), str(mount["Source"]), str(mount["Destination"]))
        for mount in mounts
        if mount.get("Type") in ("volume", "bind") and mount.get("Source") and mount.get("Destination")
    ]


def changed_files(
    volume: Volume,
    after_ns: int,
    budget: HashBudget,
    host_mounts: Sequence[Mount],
    left_out: Sequence[str],
    notes: list[str],
) -> Iterator[dict[str, Any]]:
    """Rows of files changed after ``after_ns`` (nanoseconds since 1970), and of code under web roots.

    ``left_out`` are host paths not to be walked, such as the engine's own folder. What was not reached is
    said in ``notes``. Does not leave the file system, and follows no link.
    """
    mount = mount_at(host_mounts, volume.source)
    if mount is not None and (mount.may_block or mount.type in _SYSTEM_TYPES):
        notes.append(f"{volume.destination}: lies on {mount.type} and is not walked")
        return
    try:
        mode = os.stat(volume.source).st_mode  # noqa: PTH116
        # Only these two are opened: opening a device can already do something.
        if stat.S_ISDIR(mode):
            root, names = os.open(volume.source, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), None
        elif stat.S_ISREG(mode):
            above, name = os.path.split(volume.source)
            root, names = os.open(above, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), [name]
        else:
            return
    except OSError as exc:
        notes.append(f"{volume.destination}: {describe(exc)}")
        return
    try:
        if names is None:
            yield from _walk(_Walk(volume, root, after_ns, budget, left_out, notes))
        else:
            yield from _single(volume, root, names[0], after_ns, budget)
    finally:
        os.close(root)


def _single(
    volume: Volume, parent: int, name: str, after_ns: int, budget: HashBudget
) -> Iterator[dict[str, Any]]:
    status = lstat_in(parent, name)
    if status is not None and max(status.st_mtime_ns, status.st_ctime_ns) > after_ns:
        yield _row(volume, parent, name, volume.destination, status, budget)


def _walk(walk: _Walk) -> Iterator[dict[str, Any]]:
    device = os.fstat(walk.root).st_dev
    queue = deque([""])
    while queue:
        below = queue.popleft()
        try:
            with folder(walk.root, parts_of(below)) as handle:
                if handle is None or os.fstat(handle).st_dev != device:
                    continue
                yield from _list(walk, handle, below, queue)
        except OSError as exc:
            walk.note(f"{below} could not be read: {describe(exc)}")
        if walk.over:
            return


def _list(walk: _Walk, handle: int, below: str, queue: deque[str]) -> Iterator[dict[str, Any]]:
    """The rows of one folder; the folders in it join the queue."""
    volume = walk.volume
    with os.scandir(handle) as names:
        for entry in names:
            if walk.stop():
                return
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            inside = f"{below}/{entry.name}"
            if stat.S_ISDIR(status.st_mode):
                if inside.count("/") <= MAX_DEPTH and volume.source.rstrip("/") + inside not in walk.left_out:
                    queue.append(inside)
                continue
            path = volume.destination.rstrip("/") + inside
            changed = max(status.st_mtime_ns, status.st_ctime_ns) > walk.after_ns
            if changed or (in_web_root(path) and code_of(entry.name, b"") in SERVER_SIDE):
                walk.rows += 1
                yield _row(volume, handle, entry.name, path, status, walk.budget)


def _row(
    volume: Volume, parent: int, name: str, path: str, status: os.stat_result, budget: HashBudget
) -> dict[str, Any]:
    row = file_row(parent, name, path, status, budget, in_web_root(path, APP_ROOTS))
    row["volume"] = volume.name
    row["destination"] = volume.destination
    return row
