# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bounds on what a host can do to the process that talks to it: time, memory, and the size of what it sends.

A connection plugin cannot be told to stop. What it waits for can be ended: the ssh, sftp or scp it started.
Where there is no /proc (macOS) only the size of files is bounded.
"""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError

_LOOK_SECONDS = 0.1
_PAGE_BYTES = resource.getpagesize()
# A file may grow past its bound by this much: far enough for the watchdog to see that it did.
_SLACK_BYTES = 65536


@dataclass(frozen=True)
class Bounds:
    """`seconds` for the whole, `memory_bytes` this process may grow by, how large `file` may become."""

    seconds: float
    memory_bytes: int
    file: Path | None = None
    file_bytes: int = 0


class Watchdog:
    """While it is entered, ends the programs this process started as soon as a bound is passed.

    At the end it raises EvidenceError with the bound as its sentence, in place of whatever the end of those
    programs led to.
    """

    def __init__(self, bounds: Bounds, host: str) -> None:
        self._bounds = bounds
        self._host = host
        self._done = threading.Event()
        self._broken: str | None = None
        self._began = time.monotonic()
        self._memory = _resident_bytes()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        broken = self._broken or self._broken_bound()
        if broken is not None and (kind is None or issubclass(kind, Exception)):
            raise EvidenceError(broken) from exc

    def _watch(self) -> None:
        while not self._done.wait(_LOOK_SECONDS):
            self._broken = self._broken or self._broken_bound()
            if self._broken is not None:
                # Again and again: a transfer that fails is tried in other ways.
                for process in _children():
                    with suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)

    def _broken_bound(self) -> str | None:
        bounds = self._bounds
        if time.monotonic() - self._began > bounds.seconds:
            return f"{self._host} was cut off: it took longer than {bounds.seconds:.0f} s."
        if _resident_bytes() - self._memory > bounds.memory_bytes:
            return (
                f"{self._host} was cut off: it sent more than {bounds.memory_bytes >> 20} MiB in one answer."
            )
        if bounds.file is not None and _size(bounds.file) > bounds.file_bytes:
            return f"{self._host} was cut off: it sent more than the {bounds.file_bytes} bytes it announced."
        return None


@contextmanager
def file_size_bound(size: int) -> Iterator[None]:
    """No file this process or its children write grows past the size by 64 KiB; no core is left."""
    kept = {kind: resource.getrlimit(kind) for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)}
    wanted = {resource.RLIMIT_FSIZE: size + _SLACK_BYTES, resource.RLIMIT_CORE: 0}
    try:
        for kind, (soft, hard) in kept.items():
            lowest = [bound for bound in (soft, wanted[kind]) if bound != resource.RLIM_INFINITY]
            resource.setrlimit(kind, (min(lowest), hard))
        yield
    finally:
        for kind, bounds in kept.items():
            resource.setrlimit(kind, bounds)


def _children() -> list[int]:
    found: list[int] = []
    for task in Path("/proc/self/task").glob("[0-9]*/children"):
        with suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return 0


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
