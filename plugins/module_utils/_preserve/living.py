# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process through the handle of its /proc folder: the one that was seen, or none; never another of its number."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import Callable, Iterator, TypeVar

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError
from ansible_collections.cordon.docker.plugins.module_utils._host import guarded
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import Process, read_all
from ansible_collections.cordon.docker.plugins.module_utils._host.procfs import parse_stat

PATIENCE = 5.0  # seconds
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
Result = TypeVar("Result")


@contextmanager
def opened(proc: str, process: Process) -> Iterator[int]:
    """The handle of a process's /proc folder. Raises HostError where the process has ended, OSError otherwise."""
    try:
        handle = os.open(f"{proc}/{process.pid}", _FOLDER)
    except FileNotFoundError as exc:
        raise HostError(f"Process {process.pid} has ended.") from exc
    try:
        check(handle, process)
        yield handle
    finally:
        os.close(handle)


def check(handle: int, process: Process) -> None:
    """Raises HostError where the process behind a handle is not, or no longer, the one that was seen."""
    try:
        found = parse_stat(read_all("stat", handle, 65536))
    except (FileNotFoundError, ProcessLookupError) as exc:
        raise HostError(f"Process {process.pid} has ended.") from exc
    if found.started != process.stat.started:
        raise HostError(f"Process {process.pid} has ended, and another has its number.")


def state(handle: int) -> str:
    """The letter of the process's state (proc(5)): R, S, D, T, t, Z …"""
    return parse_stat(read_all("stat", handle, 65536)).state


def open_root(handle: int) -> int:
    """The root of the process's file system, as the kernel knows it; no path of the process is walked."""
    return os.open("root", _FOLDER, dir_fd=handle)


def open_behind(handle: int, link: str) -> int:
    """The regular file behind one of the kernel's links, such as ``exe`` or ``fd/3``, also where it has no name.

    Raises OSError, and HostError where it is something else: a pipe or a device is never read.
    """
    # Looked at first: opening a device, or a pipe at its other end, can already do something.
    if not stat.S_ISREG(os.stat(link, dir_fd=handle).st_mode):
        raise HostError("It is no regular file.")
    file = os.open(link, _FILE, dir_fd=handle)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise HostError("It is no regular file.")
    return file


def patiently(work: Callable[[], Result], what: str) -> Result:
    """The result of a reading that a process may hold up for ever. Raises HostError where it does, or its error."""
    answer = guarded.each([what], lambda _what: work(), PATIENCE)[0]
    if answer.stuck:
        raise HostError(f"{what} did not let itself be read within {PATIENCE:g} s.")
    if answer.error is not None:
        raise answer.error
    return answer.result  # type: ignore[return-value]
