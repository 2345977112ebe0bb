# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that a container added, changed or holds in volumes: by their paths, and by their content.

Opened beside every link, and bounded: a bind of / is the host's whole tree.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Iterator, Sequence

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError, describe
from ansible_collections.cordon.docker.plugins.module_utils._evidence.bundle import Deadline
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc_ns
from ansible_collections.cordon.docker.plugins.module_utils._host.beneath import folder, lstat_in, parts_of
from ansible_collections.cordon.docker.plugins.module_utils._host.files import (
    HashBudget,
    file_type,
    read_content,
)
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import Mount, Overlay, mount_at
from ansible_collections.cordon.docker.plugins.module_utils._host.overlay import open_layers
from ansible_collections.cordon.docker.plugins.module_utils._host.volumes import Volume

from .indicators import Indicators

MAX_ENTRIES = 500_000  # names of one volume
MAX_SECONDS = 20.0  # for one volume
MAX_DEPTH = 32
_MAX_KNOWN = 200_000
_SYSTEM_TYPES = frozenset(
    ("proc", "sysfs", "devtmpfs", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs")
)


@dataclass(frozen=True)
class Seen:
    """One name: where it shows in the container, and an open folder to read it from while it is looked at."""

    path: str
    name: str
    parent: int
    status: os.stat_result
    source: str
    change: str | None


@dataclass
class Hashes:
    """SHA-256 of files within the budget of the host; one that lies in several containers is read once."""

    budget: HashBudget
    left_out: dict[str, int] = field(default_factory=dict)
    known: dict[tuple[int, ...], str] = field(default_factory=dict)

    def of(self, seen: Seen) -> str | None:
        status = seen.status
        if not stat.S_ISREG(status.st_mode):
            return None
        key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if key in self.known:
            return self.known[key]
        content = read_content(seen.parent, seen.name, status.st_size, self.budget)
        if content.sha256 is None:
            reason = content.reason or "could not be read"
            self.left_out[reason] = self.left_out.get(reason, 0) + 1
        elif len(self.known) < _MAX_KNOWN:
            self.known[key] = content.sha256
        return content.sha256

    def notes(self) -> list[str]:
        """Why files went without a hash since this was last asked."""
        told = [f"{count} files were not hashed: {reason}" for reason, count in self.left_out.items()]
        self.left_out.clear()
        return told[:20]


def look(seen: Seen, indicators: Indicators, hashes: Hashes) -> Iterator[tuple[str, dict[str, Any]]]:
    """The hits that a file is, with their kinds."""
    named = indicators.matching("path", seen.path)
    digest = hashes.of(seen) if indicators.hashes else None
    given = indicators.hashes.get(digest or "")
    if named is not None:
        yield "path", _hit(named, seen, digest)
    if given is not None:
        yield "sha256", _hit(given, seen, digest)


def _hit(indicator: str, seen: Seen, digest: str | None) -> dict[str, Any]:
    status = seen.status
    return {
        "indicator": indicator,
        "what": seen.path,
        "time": utc_ns(status.st_ctime_ns),
        "source": seen.source,
        "change": seen.change,
        "type": file_type(status),
        "bytes": status.st_size,
        "mtime": utc_ns(status.st_mtime_ns),
        "sha256": digest,
    }


def in_layer(overlay: Overlay, user_attributes: bool, deadline: Deadline, notes: list[str]) -> Iterator[Seen]:
    """Names of the upper layer that differ from the image. Raises HostError where it cannot be opened."""
    with open_layers(overlay, notes, user_attributes) as layers:
        for entry in layers.walk():
            if deadline.passed():
                notes.append(f"the layer was not looked at to its end: {deadline.reason}")
                return
            hidden = entry.kind is None or entry.hidden or stat.S_ISDIR(entry.status.st_mode)
            if not hidden:
                yield Seen(entry.path, entry.name, entry.parent, entry.status, "layer", entry.kind)


def in_volume(
    volume: Volume,
    host_mounts: Sequence[Mount],
    left_out: Sequence[str],
    deadline: Deadline,
    notes: list[str],
) -> Iterator[Seen]:
    """Names in a volume or a bind mount, breadth first; what was not reached is said in ``notes``."""
    mount = mount_at(host_mounts, volume.source)
    if mount is not None and (mount.may_block or mount.type in _SYSTEM_TYPES):
        notes.append(f"{volume.destination}: lies on {mount.type} and is not walked")
        return
    try:
        mode = os.stat(volume.source).st_mode  # noqa: PTH116
        if stat.S_ISDIR(mode):
            root = os.open(volume.source, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        elif stat.S_ISREG(mode):
            yield from _single(volume)
            return
        else:
            return
    except OSError as exc:
        notes.append(f"{volume.destination}: {describe(exc)}")
        return
    try:
        yield from _Walk(volume, root, left_out, deadline, notes).names()
    finally:
        os.close(root)


def _single(volume: Volume) -> Iterator[Seen]:
    above, name = os.path.split(volume.source)
    handle = os.open(above, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        status = lstat_in(handle, name)
        if status is not None:
            yield Seen(volume.destination, name, handle, status, f"volume {volume.name}", None)
    finally:
        os.close(handle)


class _Walk:
    """One volume being walked. Does not leave its file system, and follows no link."""

    def __init__(
        self, volume: Volume, root: int, left_out: Sequence[str], deadline: Deadline, notes: list[str]
    ) -> None:
        self._volume = volume
        self._root = root
        self._left_out = frozenset(left_out)
        self._deadline = deadline
        self._notes = notes
        self._entries = 0
        self._ends = time.monotonic() + MAX_SECONDS

    def names(self) -> Iterator[Seen]:
        device = os.fstat(self._root).st_dev
        queue = deque([""])
        while queue:
            below = queue.popleft()
            try:
                with folder(self._root, parts_of(below)) as handle:
                    if handle is not None and os.fstat(handle).st_dev == device:
                        yield from self._list(handle, below, queue)
            except OSError as exc:
                self._note(f"{below} could not be read: {describe(exc)}")
            reason = self._over()
            if reason is not None:
                self._note(reason)
                return

    def _list(self, handle: int, below: str, queue: deque[str]) -> Iterator[Seen]:
        volume = self._volume
        with os.scandir(handle) as names:
            for entry in names:
                self._entries += 1
                if self._entries % 64 == 0 and self._over() is not None:
                    return
                inside = f"{below}/{entry.name}"
                with suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    if not stat.S_ISDIR(status.st_mode):
                        path = volume.destination.rstrip("/") + inside
                        yield Seen(path, entry.name, handle, status, f"volume {volume.name}", None)
                    elif (
                        inside.count("/") <= MAX_DEPTH
                        and volume.source.rstrip("/") + inside not in self._left_out
                    ):
                        queue.append(inside)

    def _over(self) -> str | None:
        if self._entries > MAX_ENTRIES:
            return f"{MAX_ENTRIES} files were looked at, there are more"
        if time.monotonic() > self._ends:
            return f"{MAX_SECONDS:g} s were spent, there are more files"
        return self._deadline.reason if self._deadline.passed() else None

    def _note(self, note: str) -> None:
        if len(self._notes) < 50:
            self._notes.append(f"{self._volume.destination}: {note}")


def unopened(exc: HostError) -> str:
    """Why a layer is not looked at, as a note."""
    return str(exc).rstrip(".")
