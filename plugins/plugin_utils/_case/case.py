# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A case: the folder on the controller that holds everything about one incident."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, files, hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.names import (
    case_name,
    host_folder,
    stamp,
)

_INCOMING = ".incoming"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Case:
    """`path` is absolute; the folder and everything in it is the user's alone."""

    path: Path

    @classmethod
    def open(cls, evidence_dir: Path, name: str, now: float) -> Case:
        """The case of that name, made where there is none; without a name, one of the time `now`.

        Raises InvalidOption for the name and EvidenceError where the folder cannot be used, each with a mend.
        """
        named = case_name(name, now)
        home = Path.cwd() / evidence_dir.expanduser()
        try:
            home.mkdir(mode=files.PRIVATE_FOLDER, parents=True, exist_ok=True)
            case = cls(home.resolve() / named)
            case._claim()
        except OSError as exc:
            raise EvidenceError(storing(home, exc)) from exc
        return case

    @classmethod
    def newest(cls, evidence_dir: Path, run: str) -> str:
        """The name of the case that was written to last, an empty one where there is none.

        The case that the run has begun in already comes first: it goes in waves, and others work meanwhile.
        """
        try:
            folders = list((Path.cwd() / evidence_dir.expanduser()).iterdir())
        except OSError:
            return ""
        aged = [(custody.last_written(path), path) for path in folders if not path.is_symlink()]
        found = [path for time, path in sorted(aged, reverse=True) if time]
        own = (path for path in found if hosts.has_run(path, run))
        return next(own, found[0]).name if found else ""

    @classmethod
    def at(cls, path: Path) -> Case:
        """The case that `open` made at this path. Raises EvidenceError where it is gone."""
        if not path.is_absolute() or path.is_symlink() or not path.is_dir():
            raise EvidenceError(f"There is no case at {path}: run case_open first, and pass on its path.")
        return cls(path)

    @property
    def name(self) -> str:
        return self.path.name

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """A folder of one's own inside the case, for what is not evidence yet; gone at the end."""
        parent = self.path / _INCOMING
        parent.mkdir(mode=files.PRIVATE_FOLDER, exist_ok=True)
        folder = parent / secrets.token_hex(8)
        with ExitStack() as stack:
            with _held(parent):
                folder.mkdir(mode=files.PRIVATE_FOLDER)
                stack.enter_context(_held(folder))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            yield folder

    def adopt_bag(self, bag: Path, host: str, verb: str, now: float) -> str:
        """Move a sealed bag to its place below the host's folder, and return that relative to the case.

        Nothing is ever replaced: a second bag of the same second gets a number.
        """
        home = self.path / host_folder(host)
        home.mkdir(mode=files.PRIVATE_FOLDER, exist_ok=True)
        if home.is_symlink():
            raise EvidenceError(f"{home} is a link; move it away: evidence is kept in the case itself.")
        name = f"{stamp(now)}-{verb}"
        for number in range(1, 1000):
            place = home / (name if number == 1 else f"{name}-{number}")
            try:
                place.mkdir(mode=files.PRIVATE_FOLDER)
            except FileExistsError:
                continue
            # Over the empty folder just made: nobody else can have the name meanwhile.
            bag.rename(place)
            return str(place.relative_to(self.path))
        raise EvidenceError(f"{home / name} and its next 998 names are taken.")

    def _claim(self) -> None:
        new = not os.path.lexists(self.path)
        if new:
            self.path.mkdir(mode=files.PRIVATE_FOLDER)
        found = self.path.lstat()
        if self.path.is_symlink():
            raise EvidenceError(f"{self.path} is a link, and a case is a folder: name another case.")
        if not self.path.is_dir():
            raise EvidenceError(f"{self.path} is a file, and a case is a folder: name another case.")
        if found.st_uid == os.geteuid():
            self.path.chmod(files.PRIVATE_FOLDER)
        elif found.st_mode & 0o022:
            raise EvidenceError(
                f"{self.path} belongs to another user and more than that user may write to it: run"
                f" chmod go-w {self.path} as its owner, or name another case."
            )
        self._sweep()
        if new:
            custody.record(self.path, [custody.Event("case opened", after={"case": self.name})])

    def _sweep(self) -> None:
        """Take away what a run left that was killed; what a living one holds stays."""
        parent = self.path / _INCOMING
        if not parent.is_dir() or parent.is_symlink():
            return
        with _held(parent):
            for folder in parent.iterdir():
                with suppress(OSError), _held(folder, wait=False):
                    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _held(folder: Path, wait: bool = True) -> Iterator[None]:
    """The folder locked: by its holder as long as that lives, whatever becomes of it. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


def storing(path: Path, exc: OSError) -> str:
    """A sentence for why evidence cannot be stored there, and what to do."""
    if exc.errno in _NO_ROOM:
        return f"No room is left on the file system of {path}: free some, or name another evidence_dir."
    if exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"{path} cannot be written to ({exc.strerror}): name another evidence_dir, or change its owner."
        )
    if exc.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"{path} is no folder: name another evidence_dir."
    return f"{path} cannot be used ({exc.strerror or exc}): name another evidence_dir."
