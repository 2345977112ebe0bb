# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one run knows of the host before anything is preserved, and how its items and outcomes are named."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Union

from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import (
    Selected,
    Unselected,
    resolve,
)
from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError, HostError, describe
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc
from ansible_collections.cordon.docker.plugins.module_utils._evidence.names import container_path
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import (
    FAILED,
    MISSING,
    ContainerRef,
    Outcome,
)
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import (
    Mount,
    Overlay,
    parse_mountinfo,
)
from ansible_collections.cordon.docker.plugins.module_utils._host.netns import Run
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import (
    Snapshot,
    read_all,
    read_snapshot,
)
from ansible_collections.cordon.docker.plugins.module_utils._triage.subject import Subject

from .archive import estimate
from .choice import Choice
from .item import Item, Part
from .notes import Notes

_USUAL_FOLDER = "/var/lib/docker"
_ODD = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_REASON = 4000
Product = Union[Item, Outcome]


@dataclass(frozen=True)
class Host:
    """The machine: ``run`` executes one of its commands and returns code, output and errors."""

    run: Run
    proc: str = "/proc"


@dataclass
class View:
    """One pass over /proc and one round of inspect; items are made of it, and read anew when they are opened."""

    host: Host
    engine: Engine
    choice: Choice
    snapshot: Snapshot
    subjects: list[Subject]
    unknown: list[Unselected]
    info: dict[str, Any]
    host_mounts: list[Mount]
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, host: Host, engine: Engine, choice: Choice) -> View:
        """Raises EngineError where the engine does not even list its containers."""
        notes: list[str] = []
        try:
            snapshot = read_snapshot(host.proc)
        except HostError as exc:
            snapshot = Snapshot(notes=[str(exc)])
        found = resolve(engine, choice.containers)
        try:
            info = engine.info()
        except CordonError as exc:
            info, notes = {}, [describe(exc)]
        return cls(
            host=host,
            engine=engine,
            choice=choice,
            snapshot=snapshot,
            subjects=[Subject.of(one, snapshot) for one in found if isinstance(one, Selected)],
            unknown=[one for one in found if isinstance(one, Unselected)],
            info=info,
            host_mounts=_mounts(host.proc),
            notes=notes,
        )

    @property
    def engine_folder(self) -> str:
        """The engine's root folder by its own word, the usual one where it gives none."""
        return str(self.info.get("DockerRootDir") or _USUAL_FOLDER)

    def overlay(self, subject: Subject) -> Overlay:
        """Raises HostError, with the reason, where no layers are to be had."""
        found = subject.overlay(self.engine_folder)
        if isinstance(found, Overlay):
            return found
        raise HostError(found.reason)


def attributes_prefix(subject: Subject) -> str:
    """Whose attributes an overlay's marks are: the user's where it was mounted so, as rootless engines do."""
    root = [mount for mount in subject.mounts if mount.point == "/"]
    return "user" if root and b"userxattr" in root[-1].options.split(b",") else "trusted"


def item(
    name: str,
    ref: ContainerRef | None,
    path: str,
    read: Callable[[Notes], Iterable[Part]],
    size: int | None = None,
    note: str | None = None,
) -> Item:
    """An item whose stream says what it leaves out. ``path`` is below the container's folder, where there is one."""
    notes: list[str] = []

    def start() -> Iterable[Part]:
        return read(Notes(notes))

    place = path if ref is None else container_path(ref.id, path)
    return Item(name, ref, place, start, size, note, notes)


def about(open_folder: Callable[[], int], bound: int) -> int | None:
    """About how large a folder's archive will be, for progress; null where it cannot be told soon."""
    try:
        root = open_folder()
    except (HostError, OSError):
        return None
    try:
        size = estimate(root)
        return None if size is None else min(size, bound)
    except OSError:
        return None
    finally:
        os.close(root)


def outcome(name: str, ref: ContainerRef | None, reason: str, status: str = MISSING) -> Outcome:
    """The row of an item that has no stream."""
    now = utc(time.time())
    return Outcome(name, ref, status, reason[:_MAX_REASON], None, 0, None, now, 0.0)


def failed(name: str, ref: ContainerRef | None, exc: BaseException) -> Outcome:
    """The row of an item that could not even be begun; a host that cannot have it is no failure."""
    return outcome(name, ref, describe(exc), MISSING if isinstance(exc, HostError) else FAILED)


def safe_name(text: str, number: int) -> str:
    """A file name of evidence for what an intruder may have named; ``number`` keeps two apart."""
    plain = _ODD.sub("-", text).strip("-.")[-80:].lstrip("-._")
    return f"{number}-{plain}" if plain else str(number)


def _mounts(proc: str) -> list[Mount]:
    try:
        return parse_mountinfo(read_all(f"{proc}/self/mountinfo", None, 4 << 20))
    except OSError:
        return []
