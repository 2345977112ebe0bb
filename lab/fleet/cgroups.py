# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's control groups: what every process of a host is known by, and what it is ended through.

Process numbers are given away again, control groups are not: a process is the lab's because it lies in one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from .settings import NAME
from .shell import LabError

# What builds the cache runs in here, whichever lab asked for it: all labs of the machine share the cache.
BUILD = "cordon-lab-build"
_PATIENCE = 15.0
# The shell moves itself and then becomes the command, so that nothing of the command runs outside the group.
_ENTER = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 1; shift; done; shift; exec "$@"'


def hierarchies() -> list[Path]:
    """Every mounted hierarchy: one on version 2, one per controller on version 1."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.split(" ", 1)[0] in ("cgroup", "cgroup2"):
            found.append(Path(fields.split(" ")[4]))
    if not found:
        raise LabError("No control groups are mounted on this machine: mount /sys/fs/cgroup and try again.")
    return found


def inside(name: str) -> list[str]:
    """The words before a command that is to run in the group ``name`` of every hierarchy; makes it."""
    doors = []
    for top in hierarchies():
        _make(top, top / name)
        doors.append(str(top / name / "cgroup.procs"))
    return ["sh", "-c", _ENTER, "enter", *doors, "--"]


def left() -> list[Path]:
    """The lab's groups that are there."""
    groups = [top / name for top in hierarchies() for name in (NAME, BUILD)]
    return [group for group in groups if group.exists()]


def processes(name: str = NAME) -> set[int]:
    """The processes in the group and in those below it."""
    pids: set[int] = set()
    for top in hierarchies():
        for group in _tree(top / name):
            with contextlib.suppress(OSError):
                pids.update(int(line) for line in (group / "cgroup.procs").read_text().split())
    return pids


def end(name: str = NAME) -> None:
    """Kill everything in the group, then remove it."""
    deadline = time.monotonic() + _PATIENCE
    while alive := processes(name):
        if time.monotonic() > deadline:
            numbers = ", ".join(map(str, sorted(alive)))
            raise LabError(f"These processes of the lab do not end: {numbers}. Restart the machine.")
        _thaw(name)
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    _remove(name)


def _tree(group: Path) -> Iterator[Path]:
    if group.is_dir():
        for folder, _, _ in os.walk(group):
            yield Path(folder)


def _make(top: Path, group: Path) -> None:
    group.mkdir(parents=True, exist_ok=True)
    # A version 1 cpuset starts without processors or memory, and takes no process until it has both.
    if (top / "cpuset.cpus").exists() and (top / "cgroup.clone_children").exists():
        for level in [*reversed(group.relative_to(top).parents), group.relative_to(top)][1:]:
            for setting in ("cpuset.cpus", "cpuset.mems"):
                target = top / level / setting
                if not target.read_text().strip():
                    target.write_text((target.parent.parent / setting).read_text())


def _thaw(name: str) -> None:
    # Version 1 holds even SIGKILL back from frozen tasks.
    for top in hierarchies():
        for group in _tree(top / name):
            for setting, value in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
                with contextlib.suppress(OSError):
                    if (group / setting).exists():
                        (group / setting).write_text(value)


def _remove(name: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    for top in hierarchies():
        for group in sorted(_tree(top / name), reverse=True):
            while group.is_dir():
                try:
                    group.rmdir()
                except OSError:
                    # A group stays busy for a moment after its last process was reaped.
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.02)
