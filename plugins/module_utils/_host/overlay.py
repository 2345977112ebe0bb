# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The upper layer of an overlay, compared with the layers below: what a container changed, from the disk itself.

The engine's own diff mounts and walks the whole image, and trusts size, mode, owner and mtime (go-archive,
changes_unix.go): an edit that keeps the size and sets the mtime back is not in it. What was written at all is in
the upper layer, whatever its times say.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError, describe

from .beneath import lstat_in, open_folder_in
from .files import file_type
from .mounts import Overlay

ADDED = "A"
CHANGED = "C"
DELETED = "D"
_MAX_DEPTH = 200


@dataclass
class Entry:
    """One name in the upper layer. ``parent`` is an open handle, good until the next entry is asked for.

    ``kind`` is A, C or D against the layers below, null where nothing differs that a user would call a change.
    ``in_diff`` says whether the engine's diff can see it; where it cannot, ``lower_parent`` is an open handle of
    the folder that holds the image's own file. ``hidden`` is set for what only an opaque folder hides.
    """

    path: str
    name: str
    parent: int
    status: os.stat_result
    kind: str | None
    in_diff: bool
    opaque: bool
    lower_parent: int | None = None
    hidden: bool = False


@dataclass
class _Folder:
    """A folder being walked: the handle of the upper one, and of those below that show through."""

    path: str
    name: str
    handle: int
    lowers: list[int]
    status: os.stat_result
    lower_status: os.stat_result | None
    opaque: bool
    changed: bool = False

    def close(self) -> None:
        for handle in (self.handle, *self.lowers):
            os.close(handle)


class Layers:
    """The open layers of one container."""

    def __init__(self, upper: int, lowers: list[int], prefix: str, notes: list[str]) -> None:
        self._upper = upper
        self._lowers = lowers
        self._prefix = prefix
        self._notes = notes

    def walk(self) -> Iterator[Entry]:
        """Each entry of the upper layer, folders after what they hold, and what an opaque folder hides.

        Constant memory for any number of files; what is too deep or unreadable is a note.
        """
        root = _Folder(
            "",
            "",
            os.dup(self._upper),
            [os.dup(low) for low in self._lowers],
            os.fstat(self._upper),
            None,
            False,
        )
        stack = [(root, os.scandir(root.handle))]
        try:
            while stack:
                folder, names = stack[-1]
                entry = next(names, None)
                if entry is None:
                    names.close()
                    stack.pop()
                    yield from self._leave(folder, stack[-1][0] if stack else None)
                    folder.close()
                    continue
                found = self._enter(folder, entry, len(stack))
                if isinstance(found, _Folder):
                    stack.append((found, os.scandir(found.handle)))
                elif found is not None:
                    folder.changed = folder.changed or (found.kind is not None and found.in_diff)
                    yield found
        finally:
            for folder, names in stack:
                names.close()
                folder.close()

    def _enter(self, folder: _Folder, entry: os.DirEntry[str], depth: int) -> Entry | _Folder | None:
        path = f"{folder.path}/{entry.name}"
        try:
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                return self._open(folder, entry.name, path, status, depth)
        except FileNotFoundError:
            return None
        except OSError as exc:
            self._note(f"{path} could not be read: {describe(exc)}")
            return None
        lower, holder = self._lower(folder.lowers, entry.name)
        if file_type(status) == "whiteout":
            kind = None if lower is None else DELETED
            return Entry(path, entry.name, folder.handle, status, kind, kind is not None, False)
        if lower is None:
            return Entry(path, entry.name, folder.handle, status, ADDED, True, False)
        visible = differs(lower, status)
        return Entry(
            path, entry.name, folder.handle, status, CHANGED, visible, False, None if visible else holder
        )

    def _open(
        self, folder: _Folder, name: str, path: str, status: os.stat_result, depth: int
    ) -> _Folder | Entry | None:
        handle = None
        if depth < _MAX_DEPTH:
            handle = open_folder_in(folder.handle, name)
        else:
            self._note(f"folders deeper than {_MAX_DEPTH} levels were left out")
        if handle is None:
            return Entry(path, name, folder.handle, status, ADDED, True, False)
        opaque = _attribute(handle, f"{self._prefix}.overlay.opaque") == b"y"
        lower_status, lowers = self._lower_folders(folder, name, handle)
        return _Folder(path, name, handle, lowers, status, lower_status, opaque)

    def _lower_folders(
        self, folder: _Folder, name: str, handle: int
    ) -> tuple[os.stat_result | None, list[int]]:
        """The folder of that name in the layers below, down to the first that hides the rest."""
        sources = folder.lowers
        redirect = _attribute(handle, f"{self._prefix}.overlay.redirect")
        if redirect is not None and b"/" not in redirect:
            name = os.fsdecode(redirect)
        elif redirect is not None:
            self._note(
                f"{folder.path}/{name} was renamed by the overlay; its former content is shown as added"
            )
            return None, []
        first: os.stat_result | None = None
        found: list[int] = []
        for low in sources:
            status = lstat_in(low, name)
            if status is None:
                continue
            if first is None:
                first = None if file_type(status) == "whiteout" else status
            if not stat.S_ISDIR(status.st_mode):
                break
            deeper = open_folder_in(low, name)
            if deeper is None:
                break
            found.append(deeper)
            if _attribute(deeper, f"{self._prefix}.overlay.opaque") == b"y":
                break
        return first, found

    def _lower(self, lowers: list[int], name: str) -> tuple[os.stat_result | None, int | None]:
        for low in lowers:
            status = lstat_in(low, name)
            if status is not None:
                return (None, None) if file_type(status) == "whiteout" else (status, low)
        return None, None

    def _leave(self, folder: _Folder, parent: _Folder | None) -> Iterator[Entry]:
        if parent is None:
            return
        if folder.opaque:
            yield from self._hidden(folder)
        kind: str | None
        if folder.lower_status is None:
            kind = ADDED
        else:
            different = differs(folder.lower_status, folder.status)
            kind = CHANGED if folder.changed or different else None
        parent.changed = parent.changed or kind is not None
        yield Entry(
            folder.path, folder.name, parent.handle, folder.status, kind, kind is not None, folder.opaque
        )

    def _hidden(self, folder: _Folder) -> Iterator[Entry]:
        """What an opaque folder hides of the layers below is deleted."""
        seen: set[str] = set()
        for low in folder.lowers:
            with os.scandir(low) as names:
                for entry in names:
                    if entry.name in seen:
                        continue
                    seen.add(entry.name)
                    status = lstat_in(low, entry.name)
                    gone = status is None or file_type(status) == "whiteout"
                    if gone or lstat_in(folder.handle, entry.name) is not None or status is None:
                        continue
                    folder.changed = True
                    path = f"{folder.path}/{entry.name}"
                    yield Entry(path, entry.name, low, status, DELETED, True, False, hidden=True)

    def _note(self, note: str) -> None:
        if len(self._notes) < 20 and note not in self._notes:
            self._notes.append(note)


def differs(old: os.stat_result, new: os.stat_result) -> bool:
    """Whether the engine's diff calls two files different (go-archive statDifferent, capabilities aside).

    Folders are compared without size and time; a time without a fraction equals any in its second.
    """
    if (old.st_mode, old.st_uid, old.st_gid, old.st_rdev) != (
        new.st_mode,
        new.st_uid,
        new.st_gid,
        new.st_rdev,
    ):
        return True
    if stat.S_ISDIR(old.st_mode):
        return False
    return old.st_size != new.st_size or not same_time(old.st_mtime_ns, new.st_mtime_ns)


def same_time(old: int, new: int) -> bool:
    """go-archive sameFsTime: archives keep whole seconds only."""
    seconds, fraction = divmod(old, 1_000_000_000)
    other_seconds, other_fraction = divmod(new, 1_000_000_000)
    return seconds == other_seconds and (fraction == other_fraction or 0 in (fraction, other_fraction))


def _attribute(handle: int, name: str) -> bytes | None:
    try:
        return os.getxattr(handle, name)
    except OSError:
        return None


@contextmanager
def open_layers(overlay: Overlay, notes: list[str], user_attributes: bool = False) -> Iterator[Layers]:
    """Raises HostError where the upper layer is not on this host or cannot be opened.

    ``user_attributes``: whether the overlay was mounted with userxattr, as rootless engines do.
    """
    handles: list[int] = []
    try:
        for path in (overlay.upper, *overlay.lowers):
            handles.append(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))  # noqa: PERF401
        yield Layers(handles[0], handles[1:], "user" if user_attributes else "trusted", notes)
    except FileNotFoundError as exc:
        raise HostError(f"The layer {exc.filename} is not on this host.") from exc
    except PermissionError as exc:
        raise HostError(f"The layer {exc.filename} may not be read by this user; use become.") from exc
    finally:
        for handle in handles:
            os.close(handle)
