# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a host's frames come from: a pipe that ssh brings, or files that any connection fetches.

Both keep to time and to memory: a host that falls silent is left, and no more than a chunk is held.
"""

from __future__ import annotations

import os
import re
import select
import shlex
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.plugin_utils._case import files
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.watchdog import Bounds, Watchdog

_CHUNK = re.compile(r"[0-9]{8}\.chunk\Z")
_MEMORY_BYTES = 256 << 20
_TOLD_BYTES = 2000
_END_SECONDS = 5.0


class Source(Protocol):
    def readinto(self, view: memoryview) -> int: ...

    def close(self) -> None: ...


class PipeSource:
    """What a command of this machine writes, such as an ssh that reads the host's pipe."""

    def __init__(self, command: list[str], host: str, idle: float) -> None:
        self._host = host
        self._idle = idle
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        self._out = self._process.stdout.fileno() if self._process.stdout else -1
        _widen(self._out)
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)

    def readinto(self, view: memoryview) -> int:
        if not self._poll.poll(self._idle * 1000):
            raise EvidenceError(f"{self._host} was cut off: it sent nothing for {self._idle:.0f} s.")
        got = os.readv(self._out, [view])
        if not got:
            self._ended()
        return got

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()

    def _ended(self) -> None:
        """Raises EvidenceError where the command failed."""
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return
        if code:
            told = self._process.stderr.read(_TOLD_BYTES) if self._process.stderr else b""
            said = " ".join(told.decode("utf-8", "replace").split())
            raise EvidenceError(f"The connection ended with {code}: {said}")


class ChunkSource:
    """Numbered files of the host's folder, fetched through the connection, two at once where it can do that.

    One short command tells which are ready and takes away those that have arrived. `lane` gives a connection for one
    thread; `run` runs a command as the fetching user and returns its code, output and errors.
    """

    def __init__(
        self,
        lanes: list[Any],
        run: Callable[[str], tuple[int, str, str]],
        folder: str,
        into: Path,
        host: str,
        bounds: tuple[float, int],
    ) -> None:
        self._free = list(lanes)
        self._run = run
        self._folder = folder
        self._into = into
        self._host = host
        self._idle, self._chunk_bytes = bounds
        # A connection that is not known to bear more does one thing at a time.
        self._pool = ThreadPoolExecutor(len(lanes) + 1 if len(lanes) > 1 else 1)
        self._ready: deque[str] = deque()
        self._coming: deque[tuple[str, Future[Path]]] = deque()
        self._taken: list[str] = []
        self._listing: Future[list[str]] | None = None
        self._last = 0
        self._open: BinaryIO | None = None
        self._heard = time.monotonic()

    def readinto(self, view: memoryview) -> int:
        while True:
            if self._open is None:
                self._next()
            stream = self._open
            if stream is None:
                return 0
            got: int = stream.readinto(view)  # type: ignore[attr-defined]
            if got:
                return got
            stream.close()
            self._open = None

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._open:
            self._open.close()

    def _next(self) -> None:
        """Open the next chunk as soon as it is here."""
        while True:
            self._start()
            waits: list[Future[Any]] = [self._coming[0][1]] if self._coming else []
            waits += [self._listing] if self._listing else []
            wait(waits, return_when=FIRST_COMPLETED)
            if self._listing and self._listing.done():
                self._heed(self._listing.result())
            if self._coming and self._coming[0][1].done():
                name, future = self._coming.popleft()
                path = future.result()
                self._open = path.open("rb", buffering=0)
                path.unlink()
                self._taken.append(name)
                return

    def _start(self) -> None:
        while self._ready and self._free:
            name, lane = self._ready.popleft(), self._free.pop()
            self._coming.append((name, self._pool.submit(self._fetch, lane, name)))
        if self._listing is None and not self._ready and (self._taken or not self._coming):
            taken, self._taken = self._taken, []
            self._listing = self._pool.submit(self._list, taken, f"{self._last + 1:08d}.chunk")

    def _heed(self, names: list[str]) -> None:
        self._listing = None
        fresh = sorted(name for name in names if int(name[:8]) > self._last)
        for name in fresh:
            if int(name[:8]) != self._last + 1:
                break
            self._last += 1
            self._ready.append(name)
            self._heard = time.monotonic()
        if not self._coming and not self._ready and time.monotonic() - self._heard > self._idle:
            raise EvidenceError(f"{self._host} was cut off: it sent nothing for {self._idle:.0f} s.")

    def _list(self, taken: list[str], wanted: str) -> list[str]:
        """Take away what has arrived; wait on the host, a second at most, for the next; tell what is there."""
        script = (
            f"cd {self._folder} || exit 3; rm -f {' '.join(taken)}; n=0;"
            f" while [ ! -e {wanted} ] && [ $n -lt 20 ]; do n=$((n+1)); sleep 0.05 2>/dev/null || sleep 1; done;"
            " ls"
        )
        with Watchdog(Bounds(max(self._idle, 30.0), _MEMORY_BYTES), self._host):
            code, out, said = self._run(f"/bin/sh -c {shlex.quote(script)}")
        if code == 3:
            raise EvidenceError("The sender on the host has ended, or its folder was taken away.")
        if code != 0:
            raise EvidenceError(f"The host does not tell what is ready: {said[:500].strip() or code}")
        return [name for name in out.split() if _CHUNK.match(name)]

    def _fetch(self, lane: Any, name: str) -> Path:
        target = self._into / name
        files.write_new(target, b"")
        bounds = Bounds(max(self._idle, 60.0), _MEMORY_BYTES, target, self._chunk_bytes)
        with Watchdog(bounds, self._host):
            lane.fetch_file(f"{self._folder}/{name}", str(target))
        self._free.append(lane)
        return target


class Paced:
    """Another source, at so many bytes a second at most: the host waits, and the network stays free for others."""

    def __init__(self, source: Source, bytes_per_second: int) -> None:
        self._source = source
        self._rate = bytes_per_second
        self._due = time.monotonic()

    def readinto(self, view: memoryview) -> int:
        now = time.monotonic()
        if self._due > now:
            time.sleep(self._due - now)
        got = self._source.readinto(view[: max(4096, self._rate // 8)])
        self._due = max(self._due, now - 1.0) + got / self._rate
        return got

    def close(self) -> None:
        self._source.close()


def _widen(descriptor: int) -> None:
    import fcntl

    try:
        fcntl.fcntl(descriptor, 1031, 1 << 20)  # F_SETPIPE_SZ: a megabyte instead of 64 KiB
    except OSError:
        return
