# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel tells of each process, word for word, as one archive: ``<pid>/maps``, ``<pid>/environ`` and so on,
and ``<pid>/links.json`` with what its executable, folders, namespaces and open files point at."""

from __future__ import annotations

import os
from typing import Any, Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError, describe
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_line
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import Process, read_all
from ansible_collections.cordon.docker.plugins.module_utils._triage.subject import Subject

from . import tar
from .content import joined
from .living import check, opened, patiently
from .notes import Notes
from .view import Product, View, item, outcome

FILES = (
    "stat", "status", "cmdline", "environ", "maps", "auxv", "cgroup", "mountinfo", "limits", "io", "syscall", "wchan",
    "stack", "personality", "oom_score_adj", "loginuid", "sessionid", "uid_map", "gid_map", "attr/current", "timers",
)  # fmt: skip
_BYTES = 8 << 20  # of one file: 65,530 mappings, as many as the kernel allows by itself, take 7 MB
_LINKS = ("exe", "cwd", "root")
_MOST_FDS = 8192
_MOST_TASKS = 2048


def processes(view: View, subject: Subject) -> Iterator[Product]:
    """One archive for all processes of a container."""
    if not subject.processes:
        yield outcome("processes", subject.ref, subject.without_processes().reason)
        return

    def read(notes: Notes) -> Iterator[bytes]:
        return joined(_members(view.host.proc, subject.processes, notes))

    yield item("processes", subject.ref, "processes.tar", read)


def _members(proc: str, found: list[Process], notes: Notes) -> Iterator[bytes]:
    for process in sorted(found, key=lambda one: one.pid):
        try:
            files = patiently(lambda: _read(proc, process, notes), f"Process {process.pid}")  # noqa: B023 - used at once
        except (HostError, OSError) as exc:
            notes.add(f"process {process.pid} was left out: {describe(exc)}")
            continue
        yield tar.header(tar.Member(b"%d/" % process.pid, tar.FOLDER, 0o700))
        for name, content in files:
            member = tar.Member(b"%d/%s" % (process.pid, name.encode()), size=len(content))
            yield tar.header(member) + content + tar.padding(len(content))
    yield tar.END


def _read(proc: str, process: Process, notes: Notes) -> list[tuple[str, bytes]]:
    """All files of one process, which has to be the same at the end as at the beginning."""
    files = []
    with opened(proc, process) as handle:
        for name in FILES:
            try:
                content = read_all(name, handle, _BYTES)
            except OSError as exc:
                # Kernels differ in what they offer; only what every kernel has is missed.
                if name in ("stat", "status", "cmdline", "environ", "maps"):
                    notes.add(f"process {process.pid}: {name} could not be read: {describe(exc)}")
                continue
            if len(content) == _BYTES:
                notes.add(f"process {process.pid}: {name} is cut at {_BYTES} bytes")
            files.append((name, content))
        files.append(("links.json", dump_line(_links(handle))))
        check(handle, process)
    return files


def _links(handle: int) -> dict[str, Any]:
    """What the links of a process say. None is followed."""
    links: dict[str, Any] = {name: _link(name, handle) for name in _LINKS}
    links["ns"] = {name: _link(f"ns/{name}", handle) for name in sorted(_names("ns", handle, 64))}
    numbers = sorted(int(name) for name in _names("fd", handle, _MOST_FDS) if name.isdigit())
    links["fd"] = {str(number): _link(f"fd/{number}", handle) for number in numbers}
    links["fdinfo"] = {str(number): _text(f"fdinfo/{number}", handle) for number in numbers}
    links["tasks"] = sorted(int(name) for name in _names("task", handle, _MOST_TASKS) if name.isdigit())
    return links


def _names(folder: str, handle: int, most: int) -> list[str]:
    try:
        inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=handle)
    except OSError:
        return []
    try:
        return os.listdir(inner)[:most]  # noqa: PTH208
    except OSError:
        return []
    finally:
        os.close(inner)


def _link(name: str, handle: int) -> str | None:
    try:
        return os.readlink(name, dir_fd=handle)
    except OSError:
        return None


def _text(name: str, handle: int) -> str | None:
    try:
        return read_all(name, handle, 4096).decode("utf-8", "backslashreplace")
    except OSError:
        return None
