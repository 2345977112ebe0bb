# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the bundle waits until the controller has fetched it: a private folder, in memory where there is room."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    EvidenceError,
    InvalidOption,
    describe,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.bundle import Limits

BUNDLE = "bundle.zip"
PREFIX = "cordon-"
_LEAST_BYTES = 8 << 20
_STALE_SECONDS = 3600
_MEMORY = ("/dev/shm", "/run")


def choose(wanted: str | None) -> Path:
    """The folder for the private one: that of the user, else the first in memory with room, else for files
    that may go. Raises EvidenceError where it has no room, or is none."""
    candidates = [wanted] if wanted else [*_MEMORY, tempfile.gettempdir()]
    problems = []
    for candidate in candidates:
        folder = Path(candidate)
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            problems.append(f"{folder} is no folder that this user may write to")
        elif free_bytes(folder) < _LEAST_BYTES:
            problems.append(f"{folder} has {free_bytes(folder)} bytes left, and {_LEAST_BYTES} are needed")
        else:
            return folder
    raise EvidenceError(
        f"There is no place on the host for what is collected: {'; '.join(problems)}. Name one with stage_dir."
    )


def free_bytes(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def fitting(limits: Limits, folder: Path) -> Limits:
    """Limits that leave half of what is free to the host itself, which may need its memory."""
    return replace(limits, staged_bytes=min(limits.staged_bytes, free_bytes(folder) // 2))


@contextmanager
def private_folder(above: Path, owner: str | None) -> Iterator[Path]:
    """A new folder, 0700, that stays when all went well and is removed when anything was raised.

    In the end it and its files belong to ``owner``, a user of the host, so that a transfer without become can
    read and remove them. Raises InvalidOption where there is no such user, and EvidenceError.
    """
    account = _account(owner)
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=above))
    except OSError as exc:
        raise EvidenceError(f"No private folder can be made in {above}: {describe(exc)}.") from exc
    try:
        yield folder
        if account is not None:
            for path in (*folder.iterdir(), folder):
                os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    except BaseException as exc:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(exc, OSError):
            raise EvidenceError(f"{folder} cannot be handed to {owner}: {describe(exc)}.") from exc
        raise


def _account(owner: str | None) -> pwd.struct_passwd | None:
    """The account to hand the folder to: the one named, else the caller of sudo; null where it is our own."""
    try:
        caller = os.environ.get("SUDO_UID", "")
        if owner is not None:
            account = pwd.getpwnam(owner)
        elif caller.isdigit():
            account = pwd.getpwuid(int(caller))
        else:
            return None
    except KeyError as exc:
        raise InvalidOption(f"stage_owner names {owner!r}, and the host has no such user.") from exc
    return None if account.pw_uid == os.geteuid() else account


def sweep(above: Path, now: float) -> None:
    """Remove what a run left that was killed, or whose link was lost, an hour ago or longer.

    Only a real folder of ours by name, owner, mode and content goes: nobody else's, and nothing in use.
    """
    owners = {os.geteuid(), int(os.environ.get("SUDO_UID") or os.geteuid())}
    for folder in above.glob(f"{PREFIX}*"):
        try:
            status = folder.lstat()
            stale = (
                stat.S_ISDIR(status.st_mode)
                and stat.S_IMODE(status.st_mode) == 0o700
                and status.st_uid in owners
                and now - status.st_mtime > _STALE_SECONDS
                and all(path.name in (BUNDLE, f"{BUNDLE}.reserve") for path in folder.iterdir())
            )
        except OSError:
            continue
        if stale:
            shutil.rmtree(folder, ignore_errors=True)
