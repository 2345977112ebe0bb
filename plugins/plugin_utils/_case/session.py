# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has arrived of a host's bulk evidence, until all of it has: partial/<host>/ in the case.

Whole items lie below whole/, an unfinished one below part/, each by its place in the bag. A run that ends early seals
what is whole; the next one goes on from here. What is sealed is never written to: a bag's file that shares its bytes
with one of these is copied before anything is added.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.names import safe_path
from ansible_collections.cordon.docker.plugins.module_utils._preserve.frames import MARK_BYTES
from ansible_collections.cordon.docker.plugins.plugin_utils._case import files
from ansible_collections.cordon.docker.plugins.plugin_utils._case.names import host_folder

PARTIAL = "partial"
_WHOLE, _PART = "whole", "part"
_BLOCK_BYTES = 1 << 20
_MOST_ITEMS = 20_000


@dataclass
class Got:
    """What is there of an item: so many bytes, and their running hash."""

    file: Path
    bytes: int
    digest: Any


class Arriving:
    """One item on its way in: written behind what is there already."""

    def __init__(self, session: Session, name: PurePosixPath, got: Got | None) -> None:
        self.name = name
        self.bytes = got.bytes if got else 0
        self.digest = got.digest.copy() if got else hashlib.sha256()
        self._session = session
        self._got = got
        self._descriptor = -1

    @property
    def path(self) -> Path:
        """Where the bytes are."""
        return self._session.part(self.name) if self._descriptor >= 0 or self._got is None else self._got.file

    def write(self, data: Any) -> None:
        """Raises OSError, where there is no room for instance; what was written before stays."""
        if self._descriptor < 0:
            self._open()
        view = memoryview(data)
        while view:
            done = os.write(self._descriptor, view)
            self.digest.update(view[:done])
            self.bytes += done
            view = view[done:]

    def leave(self) -> None:
        """Keep what there is, for a run to come."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def discard(self) -> None:
        self.leave()
        for place in (self._session.part(self.name), self._session.whole(self.name)):
            place.unlink(missing_ok=True)

    def finish(self) -> tuple[int, str]:
        """Call it whole; its size and SHA-256."""
        self.leave()
        part, whole = self._session.part(self.name), self._session.whole(self.name)
        if part.exists():
            os.truncate(part, self.bytes)  # what a run that was cut off left beyond what was agreed
            self._session.make_folder(whole)
            part.rename(whole)
        return self.bytes, self.digest.hexdigest()

    def _open(self) -> None:
        part = self._session.part(self.name)
        self._session.make_folder(part)
        if self._got is None:
            part.unlink(missing_ok=True)
            self._session.whole(self.name).unlink(missing_ok=True)
            self._descriptor = files.create(part)
            return
        if self._got.file != part:
            _move_or_copy(self._got.file, part)
        self._descriptor = os.open(part, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        os.ftruncate(self._descriptor, self.bytes)
        os.lseek(self._descriptor, self.bytes, os.SEEK_SET)


class Session:
    """The folder of one host. Made by `session`, which holds it for one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._got: dict[str, Got] = {}

    def look(self) -> list[dict[str, Any]]:
        """What is there, as the host is told of it; everything is read and hashed for that. Raises OSError."""
        self._got = {}
        for kind in (_WHOLE, _PART):
            base = self.folder / kind
            for file in sorted(base.rglob("*")) if base.is_dir() else ():
                if file.is_symlink() or not file.is_file():
                    continue
                name = file.relative_to(base).as_posix()
                with suppress(EvidenceError):
                    safe_path(name)
                    self._got[name] = _hashed(file, unfinished=kind == _PART)
        rows = [(name, got) for name, got in self._got.items() if got.bytes][:_MOST_ITEMS]
        return [{"path": name, "offset": got.bytes, "sha256": got.digest.hexdigest()} for name, got in rows]

    def begin(self, path: str, offset: int) -> Arriving:
        """An item that arrives from `offset` on. Raises EvidenceError for a name or an offset that was not agreed."""
        name = safe_path(path)
        for place in (self.part, self.whole):
            if place(name).is_dir() or any(place(above).is_file() for above in list(name.parents)[:-1]):
                raise EvidenceError(f"The name {path!r} is in the way of another item's.")
        got = self._got.get(path)
        if offset and (got is None or got.bytes != offset):
            raise EvidenceError(f"The host goes on with {path!r} at byte {offset}, which was not agreed.")
        return Arriving(self, name, got if offset else None)

    def part(self, name: PurePosixPath) -> Path:
        return self.folder / _PART / name

    def whole(self, name: PurePosixPath) -> Path:
        return self.folder / _WHOLE / name

    def make_folder(self, file: Path) -> None:
        """The folders above a file. Raises OSError."""
        for folder in [*reversed(file.relative_to(self.folder).parents)][1:]:
            (self.folder / folder).mkdir(mode=files.PRIVATE_FOLDER, exist_ok=True)

    def partial(self) -> dict[str, int]:
        """The bytes there are of unfinished items, by their paths."""
        base = self.folder / _PART
        found = [path for path in base.rglob("*") if path.is_file()] if base.is_dir() else []
        return {path.relative_to(base).as_posix(): path.stat().st_size for path in sorted(found)}

    def clear(self) -> None:
        """All has arrived and is sealed."""
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def session(case_dir: Path, host: str) -> Iterator[Session]:
    """The host's folder, for this run alone. Raises OSError, and EvidenceError where another run is at it."""
    folder = case_dir / PARTIAL / host_folder(host)
    for made in (folder.parent, folder):
        made.mkdir(mode=files.PRIVATE_FOLDER, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EvidenceError(f"Another run is preserving {host} in this case: let it end first.") from None
        yield Session(folder)
    finally:
        os.close(descriptor)


def _hashed(file: Path, unfinished: bool) -> Got:
    """The file's content; of an unfinished one only what was compared with the host's hash."""
    size = file.stat().st_size
    if unfinished:
        size -= size % MARK_BYTES
    digest, done = hashlib.sha256(), 0
    with file.open("rb", buffering=0) as stream:
        while done < size and (block := stream.read(min(_BLOCK_BYTES, size - done))):
            digest.update(block)
            done += len(block)
    return Got(file, done, digest)


def _move_or_copy(source: Path, target: Path) -> None:
    if source.stat().st_nlink == 1:
        source.rename(target)
        return
    with source.open("rb") as stream, os.fdopen(files.create(target), "wb") as copy:
        shutil.copyfileobj(stream, copy, _BLOCK_BYTES)
    source.unlink()
