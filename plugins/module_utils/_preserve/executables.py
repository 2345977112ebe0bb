# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that only a process still holds: what it runs, also deleted or never named, and what it deleted and keeps
open. The bytes are the file's own, so that an item's hash is the file's."""

from __future__ import annotations

import os
import stat
from typing import Iterator, Tuple

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError, describe
from ansible_collections.cordon.docker.plugins.module_utils._host.executables import (
    DELETED,
    KERNEL,
    MEMFD,
    UPPER,
    VOLUME,
    Executable,
    Inspector,
)
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import Overlay, mount_at
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import Process
from ansible_collections.cordon.docker.plugins.module_utils._triage.subject import Subject

from .archive import Bounds, archive_open
from .content import note_changes, read_pieces
from .living import open_behind, opened, patiently
from .notes import Notes
from .view import Product, View, item, outcome

DRIFT = (DELETED, MEMFD, UPPER, VOLUME)
_SUFFIX = " (deleted)"
# Bytes of holes up to which a file is stored as it reads; one with more would be zeros for the most part.
HOLES = 64 << 20
_MOST_LINKS = 8192
_MOST_DELETED = 512
File = Tuple[int, int]


def executables(view: View, subject: Subject) -> Iterator[Product]:
    """Each distinct executable of a container once, as the file of the first process that runs it."""
    if not subject.processes:
        yield outcome("executables", subject.ref, subject.without_processes().reason)
        return
    seen: set[File] = set()
    for process in subject.processes:
        try:
            found = patiently(lambda: look(view, subject, process), f"Process {process.pid}")  # noqa: B023 - used at once
            if found.state == KERNEL:
                continue
            if found.bytes is None:
                raise HostError(
                    f"The executable {found.path} of process {process.pid} {found.hash_reason or 'is unknown'}."
                )
            with opened(view.host.proc, process) as handle:
                status = os.stat("exe", dir_fd=handle)
        except (HostError, OSError) as exc:
            yield outcome("executables", subject.ref, describe(exc))
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        note = f"{found.path}, run by process {process.pid}; {found.state}."
        yield _file(view, subject, process, ("executables", "executable", "exe"), status, note)


def look(view: View, subject: Subject, process: Process) -> Executable:
    """Where the executable of a process comes from, without its hash."""
    mounts = view.snapshot.mounts.get(process.mount_namespace, [])
    overlay = subject.overlay(view.engine_folder)
    init = subject.init
    # Another mount namespace than the container's may have any root: its layers are not known.
    known = init is not None and init.mount_namespace == process.mount_namespace
    layers = overlay if known and isinstance(overlay, Overlay) else None
    return Inspector(view.host.proc, 0, hashing=False).inspect(process, mounts, layers)


def deleted_files(view: View, subject: Subject) -> Iterator[Product]:
    """Files without a name that a process keeps open or mapped, each once; its executable is an item of its own."""
    if not subject.processes:
        yield outcome("deleted_files", subject.ref, subject.without_processes().reason)
        return
    seen: set[File] = set()
    count = 0
    for process in subject.processes:
        try:
            found = patiently(lambda: _nameless(view, process, seen), f"Process {process.pid}")  # noqa: B023 - used at once
        except (HostError, OSError) as exc:
            yield outcome("deleted_files", subject.ref, f"Process {process.pid}: {describe(exc)}")
            continue
        for link, (target, status) in found.items():
            count += 1
            if count > _MOST_DELETED:
                yield outcome("deleted_files", subject.ref, f"There are more than {_MOST_DELETED}.")
                return
            names = ("deleted_files", link.replace("fd/", "fd-").replace("map_files/", "map-"), link)
            note = f"{target}, held by process {process.pid}."
            yield _file(view, subject, process, names, status, note)
    if not count:
        yield outcome("deleted_files", subject.ref, "No process holds a deleted file.", "empty")


def _nameless(view: View, process: Process, seen: set[File]) -> dict[str, tuple[str, os.stat_result]]:
    """By link below /proc/PID: what it points at, and its status."""
    found: dict[str, tuple[str, os.stat_result]] = {}
    mounts = view.snapshot.mounts.get(process.mount_namespace, [])
    with opened(view.host.proc, process) as handle:
        try:
            status = os.stat("exe", dir_fd=handle)
            seen.add((status.st_dev, status.st_ino))
        except OSError:
            pass
        for folder in ("fd", "map_files"):
            for name in _names(folder, handle):
                link = f"{folder}/{name}"
                target = _deleted(link, handle)
                mount = mount_at(mounts, target or "/")
                if target is None or (mount is not None and mount.may_block and not _in_memory(target)):
                    continue
                status = os.stat(link, dir_fd=handle)
                key = (status.st_dev, status.st_ino)
                if stat.S_ISREG(status.st_mode) and status.st_nlink == 0 and key not in seen:
                    seen.add(key)
                    found[link] = (target, status)
    return found


def _names(folder: str, handle: int) -> list[str]:
    try:
        inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=handle)
    except OSError:
        return []
    try:
        return sorted(os.listdir(inner)[:_MOST_LINKS])  # noqa: PTH208
    except OSError:
        return []
    finally:
        os.close(inner)


def _deleted(link: str, handle: int) -> str | None:
    """The name a file had, where it has none any more."""
    try:
        target = os.readlink(link, dir_fd=handle)
    except OSError:
        return None
    if not target.startswith("/") or not target.endswith(_SUFFIX):
        return None
    # Shared memory that the kernel made is nobody's file: it is part of the memory.
    return None if target.startswith(("/dev/zero", "/SYSV", "/[")) else target[: -len(_SUFFIX)]


def _in_memory(target: str) -> bool:
    return target.startswith("/memfd:")


def _file(
    view: View,
    subject: Subject,
    process: Process,
    names: tuple[str, str, str],
    status: os.stat_result,
    note: str,
) -> Product:
    """``names``: of the item, of its file, and of the link below /proc/PID."""
    kind, stored, link = names
    bound = view.choice.item_bytes
    holes = status.st_size - status.st_blocks * 512 > HOLES

    def read(notes: Notes) -> Iterator[bytes]:
        with opened(view.host.proc, process) as handle:
            file = open_behind(handle, link)
        try:
            if holes:
                yield from archive_open(file, stored, Bounds(bound, "item_bytes"), notes)
            else:
                yield from content(file, bound, f"{link} of process {process.pid}", notes)
        finally:
            os.close(file)

    return item(
        kind,
        subject.ref,
        f"processes/{process.pid}/{stored}{'.tar' if holes else ''}",
        read,
        size=None if holes else min(status.st_size, bound),
        note=f"{note} It is mostly holes, and kept as an archive that tells them." if holes else note,
    )


def content(file: int, bound: int, shown: str, notes: Notes) -> Iterator[bytes]:
    """The bytes of an open file up to ``bound``, holes as zeros.

    A file that got many holes since it was looked at is cut: no zeros are made without end.
    """
    status = os.fstat(file)
    size = status.st_size
    most = status.st_blocks * 512 + HOLES
    if size > most:
        notes.add(f"{shown} has {size} bytes, most of them holes; the first {most} are kept")
        size = most
    if size > bound:
        notes.add(f"{shown} has {size} bytes; the first {bound} are kept (item_bytes)")
        size = bound
    yield from read_pieces(file, [(0, size)], shown, notes)
    note_changes(file, status, shown, notes)
