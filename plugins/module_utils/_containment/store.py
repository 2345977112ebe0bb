# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Undo records on the host: below /run, for root alone, one file a container, replaced whole.

/run is gone after a boot of the host, and so are the links and barriers that its records are about; what the
engine keeps beyond that (networks, restart policy) is in the case's copy of the record too.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import time
from pathlib import Path
from typing import Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError, HostError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump

from . import hostile
from .record import Record

FOLDER = "/run/cordon"
_LARGEST = 1 << 20
_PATIENCE = 60.0


class Store:
    """Records below ``folder``; where this user cannot write there, none are kept and ``lasting`` is
    false."""

    def __init__(self, folder: str = FOLDER) -> None:
        self._folder = Path(folder) / "containers"
        self.lasting = os.geteuid() == 0

    @contextlib.contextmanager
    def locked(self, container: str) -> Iterator[None]:
        """One responder at a time per container. Raises HostError when another does not finish."""
        if not self.lasting:
            yield
            return
        handle = self._lock(container)
        try:
            yield
        finally:
            self._tidy(container)
            os.close(handle)

    def _lock(self, container: str) -> int:
        path = self._path(container).with_suffix(".lock")
        ends = time.monotonic() + _PATIENCE
        while time.monotonic() < ends:
            self._prepare()
            try:
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:
                continue  # tidied away by the one before us
            if _taken(handle, path):
                return handle
            os.close(handle)
            time.sleep(0.02)
        raise HostError(
            f"Another run has been changing {container[:12]} for {_PATIENCE:g} s: wait for it to end."
        )

    def _tidy(self, container: str) -> None:
        """Nothing stays behind where nothing is outstanding; called while the lock is held."""
        if self._path(container).exists():
            return
        with contextlib.suppress(OSError):
            self._path(container).with_suffix(".lock").unlink()
            self._folder.rmdir()
            self._folder.parent.rmdir()

    def load(self, container: str) -> Record:
        """What is outstanding; an empty record where nothing is. Raises EvidenceError for a damaged one."""
        raw = self._read(container) if self.lasting else None
        if raw is None:
            return Record(container)
        try:
            record = Record.from_json(json.loads(raw))
        except (ValueError, RecursionError, EvidenceError) as exc:
            raise EvidenceError(
                f"The undo record {self._path(container)} cannot be used ({exc}) Move it away, and release by"
                " the case's copy."
            ) from exc
        if record.container != container:
            raise EvidenceError(
                f"The undo record {self._path(container)} is another container's: move it away."
            )
        return record

    def save(self, record: Record) -> None:
        """Replaces the file in one move; nothing outstanding leaves none. Raises HostError."""
        if not self.lasting:
            return
        path = self._path(record.container)
        try:
            if not record.changes:
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
                return
            self._prepare()
            fresh = path.with_suffix(".new")
            with contextlib.suppress(FileNotFoundError):
                fresh.unlink()
            handle = os.open(
                fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
            with os.fdopen(handle, "wb") as file:
                file.write(dump(record.to_json()))
            fresh.replace(path)
        except OSError as exc:
            raise HostError(
                f"The undo record {path} cannot be written ({exc.strerror}): nothing is changed without one."
            ) from exc

    def containers(self) -> tuple[str, ...]:
        """The IDs of the containers of which something is outstanding."""
        if not self.lasting or not self._folder.is_dir():
            return ()
        names = (path.stem for path in self._folder.glob("*.json"))
        return tuple(sorted(name for name in names if hostile.CONTAINER_ID.match(name)))

    def _path(self, container: str) -> Path:
        if not hostile.CONTAINER_ID.match(container):
            raise EvidenceError(f"{container[:100]!r} is no full ID of a container.")
        return self._folder / f"{container}.json"

    def _read(self, container: str) -> bytes | None:
        try:
            handle = os.open(self._path(container), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        with os.fdopen(handle, "rb") as file:
            facts = os.fstat(file.fileno())
            if facts.st_uid != os.geteuid() or not stat.S_ISREG(facts.st_mode):
                raise EvidenceError(f"The undo record {self._path(container)} is not root's own file.")
            return file.read(_LARGEST)

    def _prepare(self) -> None:
        for folder in (self._folder.parent, self._folder):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                facts = folder.lstat()
            except OSError as exc:
                raise HostError(
                    f"The folder {folder} for undo records cannot be made: {exc.strerror}."
                ) from exc
            if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
                raise HostError(f"{folder} has to be a folder of root's own, with mode 0700: move it away.")


def _taken(handle: int, path: Path) -> bool:
    """Whether the lock is ours, and still the file of that name: the one before may have tidied it away."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False
