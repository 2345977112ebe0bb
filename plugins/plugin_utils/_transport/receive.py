# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings one file from a host to the controller, through the connection's own file transfer, bounded."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.plugin_utils._case import files
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.watchdog import (
    Bounds,
    Watchdog,
    file_size_bound,
)

# The shape of the folder the module makes; nothing in it means anything to a shell, to sftp or to rm.
_FOLDER = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9._-]{0,63}){0,8}/cordon-[A-Za-z0-9_]{4,32}\Z")
_FILE = re.compile(r"[a-z][a-z0-9]{0,15}\.zip\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_MEMORY_BYTES = 256 << 20
_BLOCK_BYTES = 1 << 20


class Connection(Protocol):
    """What is used of an Ansible connection plugin."""

    def fetch_file(self, in_path: str, out_path: str) -> Any: ...


def safe_folder(folder: Any) -> str:
    """The folder as a host's module names it. Raises EvidenceError for what no module makes."""
    if not isinstance(folder, str) or not _FOLDER.match(folder):
        raise EvidenceError(f"The host announces a bundle in an odd place, {str(folder)[:200]!r}.")
    return folder


@dataclass(frozen=True)
class Announced:
    """What a host says it has put ready: one file, alone in a folder of its own."""

    folder: str
    path: str
    bytes: int
    sha256: str

    @classmethod
    def parse(cls, value: Any, most_bytes: int) -> Announced:
        """Raises EvidenceError for what the module does not announce, and for more than `most_bytes`."""
        if not isinstance(value, dict):
            raise EvidenceError("The host's answer announces no bundle.")
        folder, path = safe_folder(value.get("dir")), value.get("path")
        if (
            not isinstance(path, str)
            or not path.startswith(f"{folder}/")
            or not _FILE.match(path[len(folder) + 1 :])
        ):
            raise EvidenceError(f"The host announces a bundle with an odd name, {str(path)[:200]!r}.")
        size, sha256 = value.get("bytes"), value.get("sha256")
        if not isinstance(sha256, str) or not _SHA256.match(sha256):
            raise EvidenceError(f"The host announces a bundle with an odd SHA-256, {str(sha256)[:100]!r}.")
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise EvidenceError(f"The host announces a bundle of an odd size, {str(size)[:100]!r}.")
        if size > most_bytes:
            raise EvidenceError(
                f"The host announces a bundle of {size} bytes, and {most_bytes} are taken at most: raise"
                " staged_bytes where that is right."
            )
        return cls(folder, path, size, sha256)


def receive(connection: Connection, host: str, announced: Announced, target: Path, seconds: float) -> None:
    """Bring the file to a new one on the controller and compare size and SHA-256 with what was announced.

    Raises EvidenceError where they differ, where the controller lacks the room, or where the host takes more
    than `seconds` or sends more; whatever the connection raises comes through.
    """
    room = os.statvfs(target.parent)
    if room.f_bavail * room.f_frsize < announced.bytes:
        raise EvidenceError(
            f"No room is left on the file system of {target.parent.parent.parent} for the bundle."
        )
    files.write_new(target, b"")
    bounds = Bounds(seconds, _MEMORY_BYTES, target, announced.bytes)
    with Watchdog(bounds, host), file_size_bound(announced.bytes):
        connection.fetch_file(announced.path, str(target))
    target.chmod(files.PRIVATE_FILE)
    size, sha256 = measure(target)
    if size != announced.bytes or sha256 != announced.sha256:
        raise EvidenceError(
            f"{host} announced {announced.bytes} bytes with the SHA-256 {announced.sha256}, and {size} bytes"
            f" with {sha256} arrived."
        )


def measure(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a regular file; raises OSError, also for a link."""
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        for block in iter(lambda: stream.read(_BLOCK_BYTES), b""):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()
