# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads files of a case: regular ones only, never through a link, in bounded memory."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .results import Unreadable

BLOCK_BYTES = 1 << 20
INCOMING = ".incoming"  # what has not arrived whole yet, and what a killed run left


def opened(path: Path) -> IO[bytes]:
    """The file for reading. Raises Unreadable, also for what is no regular file."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags)
    except FileNotFoundError as exc:
        raise Unreadable("It is missing.") from exc
    except OSError as exc:
        raise Unreadable(f"It cannot be read ({exc.strerror}).") from exc
    except ValueError as exc:
        raise Unreadable(
            "Its name is none that a file can have."
        ) from exc  # a NUL, in a list that was altered
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unreadable("It is no regular file.")
    return os.fdopen(descriptor, "rb", buffering=0)


def measure(stream: IO[bytes]) -> tuple[str, int]:
    """SHA-256 and size of what is left of a stream."""
    digest, size = hashlib.sha256(), 0
    for block in iter(lambda: stream.read(BLOCK_BYTES), b""):
        digest.update(block)
        size += len(block)
    return digest.hexdigest(), size


def measured(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file. Raises Unreadable."""
    with opened(path) as stream:
        return measure(stream)


def content(path: Path, most: int) -> bytes:
    """A small file. Raises Unreadable where it is longer than `most` bytes."""
    with opened(path) as stream:
        found = stream.read(most + 1)
    if len(found) > most:
        raise Unreadable(f"It is longer than the {most} bytes that it may have.")
    return found


def walk(folder: Path, skipped: frozenset[str] = frozenset()) -> Iterator[tuple[str, bool]]:
    """Each file below a folder as (path relative to it, whether it is a regular file), folders not followed
    through links. `skipped` are relative paths that are passed over with all below them. Raises OSError."""
    waiting = [""]
    while waiting:
        place = waiting.pop()
        with os.scandir(folder / place) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            name = f"{place}/{entry.name}" if place else entry.name
            if name in skipped:
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(name)
            else:
                yield name, entry.is_file(follow_symlinks=False)
