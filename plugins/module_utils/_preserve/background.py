# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that goes on when the module has ended, watched by one that takes its folder away when it is over.

However the sender ends, its folder goes with it; where both were killed, the next run's sweep finds the folder, since
nobody holds its lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any, Callable

from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    CordonError,
    EvidenceError,
    describe,
)
from ansible_collections.cordon.docker.plugins.module_utils._triage.staging import PREFIX

from .outlet import ANSWER, STREAM, SUFFIX

_STALE_SECONDS = 60
_MOST_DESCRIPTORS = 4096
_MOST_BYTES = 1 << 20

Say = Callable[[Any], None]


def hold(folder: Path) -> int:
    """A descriptor of the folder, locked for as long as any process of ours has it. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def begin(folder: Path, held: int, work: Callable[[Say], None]) -> dict[str, Any]:
    """Run ``work`` in the background and return what it says first, which has to be an object.

    Raises CordonError with what it raised before it said anything. The folder is gone soon after it ends.
    """
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        _watch(folder, held, writing, work)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        said = stream.read(_MOST_BYTES)
    try:
        answer = json.loads(said)
    except ValueError as exc:
        raise EvidenceError("The sender ended on the host before it could say why.") from exc
    if "error" in answer:
        raise EvidenceError(str(answer["error"]))
    return dict(answer)


def _watch(folder: Path, held: int, writing: int, work: Callable[[Say], None]) -> None:
    """In the process that stays: run the sender in a child, and clean up after it. Never returns."""
    try:
        os.setsid()
        _leave_descriptors(keep=(held, writing))
        child = os.fork()
        if child == 0:
            _work(writing, work)
        os.close(writing)
        os.waitpid(child, 0)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os._exit(0)


def _work(writing: int, work: Callable[[Say], None]) -> None:
    """In the sender. Never returns."""

    def say(answer: Any) -> None:
        with os.fdopen(writing, "wb") as stream:
            stream.write(json.dumps(answer).encode())

    try:
        work(say)
    except BaseException as exc:  # noqa: BLE001 - whatever it is, the module's caller should read it
        try:
            say({"error": str(exc) if isinstance(exc, CordonError) else describe(exc)})
        except (OSError, ValueError):
            os._exit(1)
    finally:
        os._exit(0)


def _leave_descriptors(keep: tuple[int, ...]) -> None:
    """Nobody waits for this process: the module's own streams are let go, and whatever else it had open."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    for descriptor in range(3, _MOST_DESCRIPTORS):
        if descriptor not in keep:
            try:
                os.close(descriptor)
            except OSError:  # most of them are not open
                continue


def sweep(above: Path, now: float) -> None:
    """Take away the folders of senders that were killed together with their watcher: nobody holds their lock."""
    owners = {os.geteuid(), int(os.environ.get("SUDO_UID") or os.geteuid())}
    for folder in above.glob(f"{PREFIX}*"):
        try:
            status = folder.lstat()
            ours = (
                stat.S_ISDIR(status.st_mode)
                and stat.S_IMODE(status.st_mode) == 0o700
                and status.st_uid in owners
                and now - status.st_mtime > _STALE_SECONDS
                and all(_is_ours(path.name) for path in folder.iterdir())
            )
            if ours:
                held = hold(folder)
                shutil.rmtree(folder, ignore_errors=True)
                os.close(held)
        except OSError:  # noqa: PERF203 - somebody else's, in use, or gone meanwhile
            continue


def _is_ours(name: str) -> bool:
    return name in (STREAM, ANSWER) or name.endswith((SUFFIX, f"{SUFFIX}.part"))
