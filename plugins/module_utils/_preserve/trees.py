# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What no layer holds: volumes, folders of the host that a container shares, and file systems in memory."""

from __future__ import annotations

import os
import stat
from pathlib import PurePosixPath
from typing import Any, Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError, describe
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_line, utc_ns
from ansible_collections.cordon.docker.plugins.module_utils._host.beneath import folder, parts_of
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import Mount, mount_at
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import Process
from ansible_collections.cordon.docker.plugins.module_utils._triage.subject import Subject

from .archive import Bounds, archive, archive_one
from .living import open_root, opened
from .notes import Notes
from .view import Product, View, about, item, outcome, safe_name

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MEMORY_TYPES = ("tmpfs", "ramfs")


def volumes(view: View, subject: Subject) -> Iterator[Product]:
    """Named and anonymous volumes, an archive each."""
    found = _mounts_of(subject, "volume")
    if not found:
        yield outcome("volumes", subject.ref, "The container has no volume.", "empty")
    for number, mount in enumerate(found, 1):
        source, shown = str(mount["Source"]), str(mount["Destination"])
        why_not = _unreadable(view, source)
        if why_not is None and not _is_engines(view, source):
            why_not = (
                f"The engine says that the volume at {shown} lies at {source}, outside of its own folder; "
                f"name {shown} in bind_content to have it read."
            )
        if why_not is not None:
            yield outcome("volumes", subject.ref, why_not)
            continue
        name = safe_name(str(mount.get("Name") or shown), number)
        note = f"The volume {mount.get('Name') or source}, mounted at {shown}."
        yield _tree(view, subject, "volumes", f"volumes/{name}.tar", source, note)


def binds(view: View, subject: Subject) -> Iterator[Product]:
    """A list of the folders and files of the host that a container shares."""
    found = _mounts_of(subject, "bind")
    if not found:
        yield outcome("binds", subject.ref, "The container shares no folder of the host.", "empty")
        return
    rows = [_bind_row(view, mount) for mount in found]
    yield item("binds", subject.ref, "binds.json", lambda _notes: (dump_line(rows),))


def bind_content(view: View, subject: Subject) -> Iterator[Product]:
    """The content of those that were asked for, by their place in the container."""
    wanted = [
        mount
        for mount in _mounts_of(subject, "bind") + _mounts_of(subject, "volume")
        if view.choice.wants_bind(str(mount["Destination"]))
        and not (mount["Type"] == "volume" and _is_engines(view, str(mount["Source"])))
    ]
    for number, mount in enumerate(wanted, 1):
        source, shown = str(mount["Source"]), str(mount["Destination"])
        why_not = _unreadable(view, source)
        if why_not is not None:
            yield outcome("bind_content", subject.ref, why_not)
            continue
        path = f"binds/{safe_name(shown, number)}.tar"
        yield _tree(view, subject, "bind_content", path, source, f"The host's {source}, mounted at {shown}.")


def tmpfs(view: View, subject: Subject) -> Iterator[Product]:
    """/dev/shm and other file systems in memory, /dev itself among them, through the container's first process."""
    process = subject.init
    if process is None:
        yield outcome("tmpfs", subject.ref, subject.without_processes().reason)
        return
    for number, mount in enumerate(_in_memory(subject.mounts), 1):
        if _is_hosts(view, mount):
            reason = f"{mount.point} is the host's own, shared with the container."
            yield outcome("tmpfs", subject.ref, reason)
            continue
        yield _memory_tree(view, subject, process, mount, number)


def _memory_tree(view: View, subject: Subject, process: Process, mount: Mount, number: int) -> Product:
    def read(notes: Notes) -> Iterator[bytes]:
        with opened(view.host.proc, process) as handle:
            root = open_root(handle)
            try:
                with folder(root, parts_of(mount.point)) as found:
                    if found is None or os.fstat(found).st_dev != _device(mount):
                        raise HostError(
                            f"{mount.point} is no longer the {mount.type} that was mounted there."
                        )
                    yield from archive(found, Bounds(view.choice.item_bytes, "item_bytes"), notes)
            finally:
                os.close(root)

    name = safe_name(mount.point, number)
    note = f"The {mount.type} mounted at {mount.point}."
    return item("tmpfs", subject.ref, f"tmpfs/{name}.tar", read, note=note)


def _tree(view: View, subject: Subject, name: str, path: str, source: str, note: str) -> Product:
    """A folder or a single file of the host."""
    bounds = view.choice.item_bytes

    def read(notes: Notes) -> Iterator[bytes]:
        above, last = os.path.split(source.rstrip("/"))
        if stat.S_ISDIR(os.stat(source, follow_symlinks=False).st_mode):  # noqa: PTH116
            root = os.open(source, _FOLDER)
            try:
                left_out = _engines_inode(view, source)
                yield from archive(root, Bounds(bounds, "item_bytes"), notes, left_out=left_out)
            finally:
                os.close(root)
            return
        parent = os.open(above or "/", _FOLDER)
        try:
            yield from archive_one(parent, last, Bounds(bounds, "item_bytes"), notes)
        finally:
            os.close(parent)

    size = about(lambda: os.open(source, _FOLDER), bounds)
    return item(name, subject.ref, path, read, size, note)


def _engines_inode(view: View, source: str) -> tuple[tuple[int, int], ...]:
    """The engine's own folder, where it lies below a shared one: its layers and volumes are items of their own."""
    if PurePosixPath(source) not in PurePosixPath(view.engine_folder).parents:
        return ()
    try:
        status = os.stat(view.engine_folder)  # noqa: PTH116
    except OSError:
        return ()
    return ((status.st_dev, status.st_ino),)


def _mounts_of(subject: Subject, kind: str) -> list[dict[str, Any]]:
    return [
        mount
        for mount in subject.inspect.get("Mounts") or []
        if mount.get("Type") == kind and mount.get("Source") and mount.get("Destination")
    ]


def _unreadable(view: View, source: str) -> str | None:
    """Why a folder of the host is not to be read, null where it may be."""
    if not source.startswith("/") or "/../" in f"{source}/":
        return f"The engine says that it lies at {source}, which is no path."
    mount = mount_at(view.host_mounts, source)
    if mount is not None and mount.may_block:
        return f"{source} lies on {mount.type}, whose server can hold up a reader for ever."
    try:
        os.lstat(source)
    except FileNotFoundError:
        return f"{source} is not on this host: the engine runs on another, or it is gone."
    except OSError as exc:
        return f"{source} may not be read by this user ({describe(exc)}); use become."
    return None


def _is_engines(view: View, source: str) -> bool:
    return source.startswith(view.engine_folder.rstrip("/") + "/volumes/")


def _bind_row(view: View, mount: dict[str, Any]) -> dict[str, Any]:
    source = str(mount["Source"])
    below = mount_at(view.host_mounts, source)
    row = {
        "source": source,
        "destination": mount["Destination"],
        "writable": mount.get("RW"),
        "propagation": mount.get("Propagation"),
        "file_system": below.type if below else None,
        "content_asked": view.choice.wants("bind_content")
        and view.choice.wants_bind(str(mount["Destination"])),
    }
    try:
        status = os.lstat(source)
    except OSError as exc:
        return {**row, "reason": describe(exc)}
    return {
        **row,
        "type": "dir"
        if stat.S_ISDIR(status.st_mode)
        else "file"
        if stat.S_ISREG(status.st_mode)
        else "other",
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "uid": status.st_uid,
        "gid": status.st_gid,
        "bytes": status.st_size,
        "mtime": utc_ns(status.st_mtime_ns),
    }


def _in_memory(mounts: list[Mount]) -> list[Mount]:
    """The last mount at each point, but for those with which engines cover parts of /proc and /sys."""
    last = {mount.point: mount for mount in mounts}
    return [
        mount
        for point, mount in sorted(last.items())
        if mount.type in _MEMORY_TYPES and not point.startswith(("/proc/", "/sys/"))
    ]


def _is_hosts(view: View, mount: Mount) -> bool:
    """Whether the host has the same file system mounted, elsewhere than where engines keep it for containers."""
    home = view.engine_folder.rstrip("/") + "/"
    return any(each.device == mount.device and not each.point.startswith(home) for each in view.host_mounts)


def _device(mount: Mount) -> int:
    major, _colon, minor = mount.device.partition(":")
    return os.makedev(int(major), int(minor))
