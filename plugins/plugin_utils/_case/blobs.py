# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of evidence that the case holds once, by their hash: blobs/<first two digits>/<SHA-256>.

Several hosts may send the same blob at once. Who comes first holds its lock, others wait for a while; who still comes
second finds it there. A blob is whole or not there at all, and is hashed again whenever it is read.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.plugin_utils._case import files

BLOBS = "blobs"
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_BLOCK_BYTES = 1 << 20


class Blobs:
    """The blobs of one case."""

    def __init__(self, case_dir: Path) -> None:
        self._folder = case_dir / BLOBS
        self._held: dict[str, int] = {}

    def has(self, sha256: str, size: int) -> bool:
        """Whether there is such a blob of this size. Raises EvidenceError for what is no hash."""
        try:
            found = self._place(sha256).lstat()
        except FileNotFoundError:
            return False
        return found.st_size == size

    def claim(self, sha256: str) -> bool:
        """Whether nobody else is bringing it in; then it is ours to bring, until `release`. Raises OSError."""
        place = self._place(sha256)
        if sha256 in self._held:
            return True
        for folder in (self._folder, place.parent):
            folder.mkdir(mode=files.PRIVATE_FOLDER, exist_ok=True)
        lock = place.with_name(f".{sha256}.lock")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, files.PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._held[sha256] = descriptor
        return True

    def release(self) -> None:
        """Let go of what was claimed."""
        while self._held:
            sha256, descriptor = self._held.popitem()
            with suppress(OSError):
                self._place(sha256).with_name(f".{sha256}.lock").unlink()
            os.close(descriptor)

    def keep(self, sha256: str, source: Path, offset: int, size: int) -> None:
        """Keep a part of a file that has been found to have this hash. Raises OSError."""
        place = self._place(sha256)
        if place.exists():
            return
        for folder in (self._folder, place.parent):
            folder.mkdir(mode=files.PRIVATE_FOLDER, exist_ok=True)
        new = place.with_name(f".{sha256}.{os.getpid()}")
        try:
            _copy(source, new, offset, size)
            new.rename(place)
        finally:
            new.unlink(missing_ok=True)

    def read(self, sha256: str, size: int) -> Iterator[bytes]:
        """The blob's bytes. Raises EvidenceError where they are no longer those of its name; OSError."""
        digest, done = hashlib.sha256(), 0
        descriptor = os.open(self._place(sha256), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
                done += len(block)
                yield block
        if (digest.hexdigest(), done) != (sha256, size):
            raise EvidenceError(
                f"{self._place(sha256)} is no longer what its name says: somebody changed it. Move it away, and"
                " run again."
            )

    def _place(self, sha256: str) -> Path:
        if not _SHA256.match(sha256):
            raise EvidenceError(f"The host names a blob by what is no SHA-256, {sha256[:100]!r}.")
        return self._folder / sha256[:2] / sha256


def _copy(source: Path, target: Path, offset: int, size: int) -> None:
    """So many bytes into a new file; file systems that can share them do."""
    reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        writing = files.create(target)
        try:
            while size:
                done = _some(reading, writing, offset, size)
                if not done:
                    raise EvidenceError(f"{source} became shorter while it was read.")
                offset, size = offset + done, size - done
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _some(reading: int, writing: int, offset: int, size: int) -> int:
    if hasattr(os, "copy_file_range"):
        with suppress(OSError):
            return os.copy_file_range(reading, writing, min(size, 1 << 30), offset_src=offset)
    return os.write(writing, os.pread(reading, min(size, _BLOCK_BYTES), offset))
