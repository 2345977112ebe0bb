# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is preserved: streams with a name and a place in the bag. Pure; nothing is read before a stream is opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Iterable, Union

from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import ContainerRef


@dataclass(frozen=True)
class Blob:
    """A part of a stream whose hash is known before it is read, such as an image layer.

    A controller that holds these bytes already is sent the hash instead of them. `open` gives exactly `size` bytes;
    that they have the hash `sha256` (64 hexadecimal digits) is checked while they are read, since the host may lie.
    It is called once at most, and read, before the next part of the stream is asked for: the bytes come from there.
    """

    sha256: str
    size: int
    open: Callable[[], Iterable[bytes]]


Part = Union[bytes, Blob]


@dataclass(frozen=True)
class Item:
    """One thing to preserve.

    `path` is its place below the bag's data folder, a name that safe_path accepts. `open` reads the source from its
    beginning, in parts of at most 1 MiB, each time it is called; it raises CordonError or OSError when the source
    cannot be read. `size` is what the source claims in bytes, for progress and for bounds; None when unknown.
    `note` is said in the outcome beside a collected item, for instance what the stream does not hold.
    `notes` is what the last reading had to leave out or found changed under it: filled while the stream is read,
    emptied when it is opened. A note makes the outcome `truncated`.
    """

    name: str
    container: ContainerRef | None
    path: str
    open: Callable[[], Iterable[Part]]
    size: int | None = None
    note: str | None = None
    notes: list[str] = field(default_factory=list, compare=False)
