# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a process's executable comes from, and its hash.

What was not in the image when the container began, drift, is the plainest sign of a break-in: a file of the
upper layer, of a volume, one that was deleted after its start, or one that never had a name (memfd_create(2)).
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import describe

from . import beneath
from .mounts import Mount, Overlay, mount_at
from .processes import DENIED, Process

IMAGE = "image"
UPPER = "upper"
VOLUME = "volume"
DELETED = "deleted"
MEMFD = "memfd"
KERNEL = "kernel"
UNKNOWN = "unknown"
_DELETED = " (deleted)"


@dataclass(frozen=True)
class Executable:
    """``bytes`` and ``sha256`` of the file that runs, null where ``hash_reason`` says why."""

    path: str | None
    state: str
    bytes: int | None = None
    sha256: str | None = None
    hash_reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "state": self.state,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "hash_reason": self.hash_reason,
        }


def state_by_name(link: str | None, links: int | None) -> str | None:
    """What the link /proc/PID/exe alone tells; ``links`` is the number of names the file has, where known.

    A file may be called "x (deleted)", so the suffix counts only where no name is left.
    """
    if link is None:
        return KERNEL  # a kernel thread, or a process that has ended and was not waited for
    if link.endswith(_DELETED) and links in (0, None):
        return MEMFD if link.startswith("/memfd:") else DELETED
    return None


class Inspector:
    """Classifies and hashes executables; each distinct file is read once."""

    def __init__(self, root: str, hash_bytes: int, hashing: bool = True) -> None:
        self._root = root
        self._hash_bytes = hash_bytes
        self._hashing = hashing
        self._hashes: dict[tuple[Any, ...], str] = {}
        self._drift: dict[tuple[str, str], bool] = {}

    def inspect(self, process: Process, mounts: list[Mount], overlay: Overlay | None) -> Executable:
        """``mounts`` are those of the process, ``overlay`` the layers of its container where they are known."""
        link = process.exe
        if link is None:
            return Executable(None, KERNEL)
        if link == DENIED:
            return Executable(None, UNKNOWN, hash_reason="may not be read by this user; use become")
        name = link[: -len(_DELETED)] if link.endswith(_DELETED) else link
        mount = mount_at(mounts, name)
        if mount is not None and mount.may_block and not link.startswith("/memfd:"):
            reason = f"lies on {mount.type}, whose server can hold up a reader"
            return Executable(name, VOLUME, hash_reason=reason)
        try:
            handle = os.open(f"{self._root}/{process.pid}/exe", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as exc:
            state = state_by_name(link, None) or self._place(name, mount, overlay)
            return Executable(name, state, hash_reason=f"could not be opened: {describe(exc)}")
        try:
            status = os.fstat(handle)
            found = state_by_name(link, status.st_nlink)
            state = found or self._place(link, mount, overlay)
            key = self._key(process, state, link, status, overlay)
            digest, why_not = self._hash(handle, status, key)
        finally:
            os.close(handle)
        return Executable(name if found else link, state, status.st_size, digest, why_not)

    def _place(self, path: str, mount: Mount | None, overlay: Overlay | None) -> str:
        if mount is None:
            return UNKNOWN
        if mount.point != "/":
            return VOLUME
        if mount.type != "overlay" or overlay is None:
            return UNKNOWN
        key = (overlay.upper, path)
        if key not in self._drift:
            self._drift[key] = _is_below(overlay.upper, path)
        return UPPER if self._drift[key] else IMAGE

    def _key(
        self, process: Process, state: str, path: str, status: os.stat_result, overlay: Overlay | None
    ) -> tuple[Any, ...]:
        """What makes two files the same. An overlay shows each container other device numbers for one image,
        but a path that is not in the upper layer is the same file below the same lower layers; the topmost of
        those is the engine's own, a new one for each container."""
        file = (status.st_ino, status.st_size, status.st_mtime_ns)
        if state == IMAGE and overlay is not None:
            return (overlay.lowers[1:], path, *file)
        return (process.container_id or process.pid, status.st_dev, status.st_ctime_ns, *file)

    def _hash(
        self, handle: int, status: os.stat_result, key: tuple[Any, ...]
    ) -> tuple[str | None, str | None]:
        if not self._hashing or not stat.S_ISREG(status.st_mode):
            return None, "not asked for"
        if status.st_size > self._hash_bytes:
            return None, f"larger than hash_bytes ({self._hash_bytes})"
        if key not in self._hashes:
            try:
                self._hashes[key] = hash_handle(handle, self._hash_bytes)
            except OSError as exc:
                return None, f"could not be read: {describe(exc)}"
        return self._hashes[key], None


def hash_handle(handle: int, bound: int) -> str:
    """SHA-256 of an open file up to ``bound`` bytes, hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    left = bound
    while left > 0:
        block = os.read(handle, min(left, 262144))
        if not block:
            break
        digest.update(block)
        left -= len(block)
    return digest.hexdigest()


def _is_below(layer: str, path: str) -> bool:
    try:
        root = os.open(layer, beneath.FOLDER)
    except OSError:
        return False
    try:
        return beneath.lstat(root, path) is not None
    except (OSError, ValueError):
        return False
    finally:
        os.close(root)
