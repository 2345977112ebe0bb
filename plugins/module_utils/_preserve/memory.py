# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The memory of processes that hold still, as ELF cores that gdb and readelf read.

Only what is frozen (the container is paused) or stopped is read: of a running process memory would be a mixture of
moments. By the kernel's word, not the engine's.
"""

from __future__ import annotations

import os
from typing import Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError, describe
from ansible_collections.cordon.docker.plugins.module_utils._host.cgroups import Hierarchies
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import Process, read_all
from ansible_collections.cordon.docker.plugins.module_utils._host.procfs import cgroup_paths
from ansible_collections.cordon.docker.plugins.module_utils._triage.subject import Subject

from . import elf
from .content import CHUNK, joined
from .executables import DRIFT, look
from .living import check, opened, patiently, state
from .notes import Notes
from .regions import Region, Run, parse_smaps, plan, present
from .view import Product, View, failed, item, outcome

_STOPPED = "Tt"
_MOST_THREADS = 4096
_MOST_MAPPED = 1 << 20  # bytes of names of mapped files
_SMAPS_BYTES = 64 << 20


def memory(view: View, subject: Subject) -> Iterator[Product]:
    """A core of each process that was asked for; a row for each that was, and does not hold still."""
    if not subject.processes:
        yield outcome("memory", subject.ref, subject.without_processes().reason)
        return
    wanted = [process for process in subject.processes if _wanted(view, subject, process)]
    if not wanted:
        reason = "No process of the container is one that memory asks for."
        yield outcome("memory", subject.ref, reason, "empty")
    for process in wanted:
        yield _core(view, subject, process)


def _wanted(view: View, subject: Subject, process: Process) -> bool:
    if view.choice.wants_memory(process.pid, False):
        return True
    if not view.choice.wants_memory(process.pid, True):
        return False
    try:
        found = patiently(lambda: look(view, subject, process), f"Process {process.pid}")
    except (HostError, OSError):
        return True  # what hides its executable is looked at
    return found.state in DRIFT


def _core(view: View, subject: Subject, process: Process) -> Product:
    hierarchies = Hierarchies.of(view.host_mounts)
    try:
        machine = os.uname().machine
        if not elf.supported(machine):
            raise HostError(f"Memory is not read on machines of the kind {machine}.")
        with opened(view.host.proc, process) as handle:
            _require_still(handle, process, hierarchies)
            size = _resident(handle)
    except (HostError, OSError) as exc:
        return failed("memory", subject.ref, exc)

    def read(notes: Notes) -> Iterator[bytes]:
        with opened(view.host.proc, process) as handle:
            _require_still(handle, process, hierarchies)
            yield from joined(_stream(handle, process, view.choice.memory_bytes, notes), CHUNK)
            _require_same(handle, process, hierarchies, notes)

    shown = f"Process {process.pid}, {process.exe}; of registers only those that the kernel shows of a call."
    path = f"processes/{process.pid}/memory.core"
    return item("memory", subject.ref, path, read, size=min(size, view.choice.memory_bytes), note=shown)


def is_frozen(cgroup: bytes, hierarchies: Hierarchies) -> bool:
    """Whether the kernel holds the tasks of a cgroup: freezer.state of version 1, cgroup.events of version 2."""
    for controller, path in cgroup_paths(cgroup).items():
        if controller not in ("", "freezer"):
            continue
        folder = hierarchies.folder(controller, path)
        name, sign = ("freezer.state", b"FROZEN") if controller else ("cgroup.events", b"frozen 1")
        try:
            if folder is not None and sign in read_all(f"{folder}/{name}", None, 4096).splitlines():
                return True
        except OSError:
            continue
    return False


def _require_still(handle: int, process: Process, hierarchies: Hierarchies) -> None:
    if state(handle) in _STOPPED or is_frozen(read_all("cgroup", handle, 1 << 20), hierarchies):
        return
    raise HostError(
        f"Process {process.pid} is running, and its memory would change while it is read: pause the container first "
        "(cordon.docker.container_pause)."
    )


def _require_same(handle: int, process: Process, hierarchies: Hierarchies, notes: Notes) -> None:
    try:
        check(handle, process)
        _require_still(handle, process, hierarchies)
    except (HostError, OSError):
        notes.add(f"process {process.pid} did not hold still until its memory was read")


def _resident(handle: int) -> int:
    """Bytes in memory and swapped out, as /proc/PID/status tells."""
    total = 0
    for line in read_all("status", handle, 65536).splitlines():
        words = line.split()
        if len(words) > 1 and words[0] in (b"VmRSS:", b"VmSwap:"):
            total += int(words[1]) * 1024
    return total


def _stream(handle: int, process: Process, bound: int, notes: Notes) -> Iterator[bytes]:
    page = os.sysconf("SC_PAGE_SIZE")
    machine = os.uname().machine
    regions = patiently(lambda: list(_present(handle, page, notes)), f"Process {process.pid}")
    segments, without = plan(regions, bound)
    for note in without:
        notes.add(note)
    threads = patiently(lambda: _threads(handle, process.pid), f"Process {process.pid}")
    auxv = patiently(lambda: read_all("auxv", handle, 4096), f"Process {process.pid}")
    mapped = _mapped([region for region, _runs in regions], page)
    said = elf.note_segment(machine, _person(process), threads, auxv, mapped, page)
    yield elf.preamble(machine, said, segments, page)
    memory_file = os.open("mem", os.O_RDONLY | os.O_CLOEXEC, dir_fd=handle)
    try:
        for segment in segments:
            yield from _bytes(memory_file, segment, page, notes)
    finally:
        os.close(memory_file)


def _present(handle: int, page: int, notes: Notes) -> Iterator[tuple[Region, list[Run]]]:
    pagemap = os.open("pagemap", os.O_RDONLY | os.O_CLOEXEC, dir_fd=handle)
    try:
        raw = read_all("smaps", handle, _SMAPS_BYTES)
        if len(raw) == _SMAPS_BYTES:
            notes.add(f"the process has more mappings than {_SMAPS_BYTES} bytes of smaps tell")
        left = 1 << 26
        for region in parse_smaps(raw.splitlines()):
            # The kernel's own code is all there, whether this process has used it or not.
            runs: list[Run] = [(region.start, region.end)] if region.path == b"[vdso]" else []
            if region.used and not runs:
                runs, left = present(pagemap, region, page, left)
            yield region, runs
        if left <= 0:
            notes.add("more than 256 GiB of touched mappings: the pages of the first are kept")
    finally:
        os.close(pagemap)


def _threads(handle: int, pid: int) -> list[elf.Thread]:
    tasks = os.open("task", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=handle)
    try:
        tids = sorted(int(name) for name in os.listdir(tasks) if name.isdigit())[:_MOST_THREADS]  # noqa: PTH208
        tids.sort(key=lambda tid: tid != pid)
        return [elf.Thread(tid, _syscall(tasks, tid)) for tid in tids]
    finally:
        os.close(tasks)


def _syscall(tasks: int, tid: int) -> str:
    try:
        return read_all(f"{tid}/syscall", tasks, 4096).decode("ascii", "replace")
    except OSError:
        return ""


def _person(process: Process) -> elf.Person:
    arguments = " ".join(process.cmdline).encode("utf-8", "backslashreplace")
    name = process.stat.comm.encode("utf-8", "backslashreplace")
    uid = process.status.uid
    return elf.Person(process.pid, process.stat.ppid, uid, 0, process.stat.state, name, arguments)


def _mapped(regions: list[Region], page: int) -> list[elf.Mapped]:
    found, size = [], 0
    for region in regions:
        size += len(region.path)
        if region.is_file and size < _MOST_MAPPED:
            found.append(elf.Mapped(region.start, region.end, region.offset // page, region.path))
    return found


def _bytes(memory_file: int, segment: elf.Segment, page: int, notes: Notes) -> Iterator[bytes]:
    """The stored bytes of a segment; a page that cannot be read is zeros, and told."""
    at, end = segment.start, segment.start + segment.stored
    while at < end:
        try:
            block = os.pread(memory_file, min(CHUNK, end - at), at)
        except OSError as exc:
            notes.add(f"pages from {at:#x} on could not be read, zeros stand there: {describe(exc)}")
            block = b""
        if not block:
            block = b"\0" * min(page - at % page, end - at)
        at += len(block)
        yield block
