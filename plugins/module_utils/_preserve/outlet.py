# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How frames leave the host: through a pipe that the controller reads, or as files that it fetches.

Either way no more than a bound is held, all of it in one private folder, and a controller that does not take what is
there for too long is taken for gone. The folder belongs to the user who fetches: nothing in it is followed.
"""

from __future__ import annotations

import errno
import os
import select
import time
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError

from . import frames

STREAM = "stream"
ANSWER = "answer"
SUFFIX = ".chunk"
_LOOK_SECONDS = 0.01
_BEAT_SECONDS = 5.0
_ANSWER_BYTES = 64
_PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031  # fcntl(2); Python 3.8 has no name for it


class Gone(Exception):  # noqa: N818 - named for what happened
    """The controller does not take what is sent."""


class Outlet:
    """Frames out, answers in. ``idle`` is how many seconds the controller may take to take something."""

    def __init__(self, folder: int, idle: float) -> None:
        self.folder = folder
        self.idle = idle
        self.waited = 0.0  # seconds this side waited for the other
        self.sent = 0
        self._last = time.monotonic()

    def write(self, kind: bytes, payload: Any = b"") -> None:
        """Raises Gone."""
        head = frames.header(kind, len(payload))
        self._put(head, payload)
        self.sent += len(head) + len(payload)
        self._last = time.monotonic()

    def beat(self) -> None:
        """Say something where nothing was said for a while."""
        if time.monotonic() - self._last > _BEAT_SECONDS:
            self.write(frames.BEAT)
            self.flush()

    def flush(self) -> None:
        """Have what was written on its way."""

    def close(self) -> None:
        """Have the controller take everything. Raises Gone."""

    def answer(self, number: int) -> str:
        """What the controller says to a question, once it does; an empty text where it keeps silent."""
        self.flush()
        until = time.monotonic() + self.idle
        while time.monotonic() < until:
            words = self._answer().split()
            if len(words) == 2 and words[0] == str(number):
                if words[1] != "wait":
                    return words[1]
                until = time.monotonic() + self.idle
            time.sleep(_LOOK_SECONDS)
            self.beat()
        return ""

    def _answer(self) -> str:
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(ANSWER, flags, dir_fd=self.folder)
        except OSError:
            return ""
        try:
            text = os.read(descriptor, _ANSWER_BYTES).decode("ascii", "replace")
        except OSError:
            return ""
        finally:
            os.close(descriptor)
        return text if text.endswith("\n") else ""

    def _put(self, head: bytes, payload: Any) -> None:
        raise NotImplementedError


class PipeOutlet(Outlet):
    """Into a named pipe of the folder: nothing is staged but what a pipe holds."""

    def __init__(self, folder: int, idle: float) -> None:
        super().__init__(folder, idle)
        self._pipe = -1

    @staticmethod
    def make(folder: Path) -> None:
        os.mkfifo(folder / STREAM, 0o600)

    def open(self) -> None:
        """Wait for the reader. Raises Gone."""
        until = time.monotonic() + self.idle
        while True:
            try:
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
                self._pipe = os.open(STREAM, flags, dir_fd=self.folder)
            except OSError as exc:  # noqa: PERF203 - one for each time nobody reads yet
                if exc.errno != errno.ENXIO or time.monotonic() > until:
                    raise Gone from exc
                time.sleep(_LOOK_SECONDS)
            else:
                _widen(self._pipe)
                self._poll = select.poll()
                self._poll.register(self._pipe, select.POLLOUT)
                return

    def close(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def _put(self, head: bytes, payload: Any) -> None:
        if self._pipe < 0:
            self.open()
        views = [memoryview(head), memoryview(payload)] if len(payload) else [memoryview(head)]
        while views:
            try:
                done = os.writev(self._pipe, views)
            except BlockingIOError:
                self._wait()
                continue
            except OSError as exc:
                raise Gone from exc
            while views and done >= len(views[0]):
                done -= len(views.pop(0))
            if views:
                views[0] = views[0][done:]

    def _wait(self) -> None:
        began = time.monotonic()
        if not self._poll.poll(self.idle * 1000):
            raise Gone
        self.waited += time.monotonic() - began


class ChunkOutlet(Outlet):
    """Into numbered files that the controller fetches and removes; at most ``most`` bytes of them at a time."""

    def __init__(self, folder: int, idle: float, chunk_bytes: int, most: int) -> None:
        super().__init__(folder, idle)
        self._chunk_bytes = max(chunk_bytes, frames.MOST_BYTES + frames.HEADER_BYTES)
        self._most = max(most, 2 * self._chunk_bytes)
        owner = os.fstat(folder)
        self._owner = (owner.st_uid, owner.st_gid)
        self._number = 0
        self._file = -1
        self._size = 0
        self._staged: list[tuple[str, int]] = []

    def flush(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            name = self._name()
            os.rename(f"{name}.part", name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
            self._staged.append((name, self._size))

    def close(self) -> None:
        self.flush()
        self._room(self._most)

    def _put(self, head: bytes, payload: Any) -> None:
        size = len(head) + len(payload)
        if self._file >= 0 and self._size + size > self._chunk_bytes:
            self.flush()
        if self._file < 0:
            self._room(self._chunk_bytes)
            self._begin()
        try:
            views = [memoryview(head), memoryview(payload)]
            done = os.writev(self._file, views)
            for view in views:
                if done < len(view):
                    _write_all(self._file, view[done:])
                done = max(0, done - len(view))
        except OSError as exc:
            raise EvidenceError(
                f"The host has no room to stage evidence ({exc.strerror}): name another stage_dir, or lower"
                " staged_bytes."
            ) from exc
        self._size += size

    def _begin(self) -> None:
        self._number += 1
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._file = os.open(f"{self._name()}.part", flags, 0o600, dir_fd=self.folder)
        except FileNotFoundError as exc:
            raise Gone from exc  # the controller took the folder away
        if self._owner[0] != os.geteuid():
            os.fchown(self._file, *self._owner)
        self._size = 0

    def _name(self) -> str:
        return f"{self._number:08d}{SUFFIX}"

    def _room(self, needed: int) -> None:
        """Wait until so many bytes fit within the bound: until the controller has removed what it took."""
        began = time.monotonic()
        until = began + self.idle
        while True:
            kept = [(name, size) for name, size in self._staged if self._is_there(name)]
            if len(kept) < len(self._staged):
                until = time.monotonic() + self.idle
            self._staged = kept
            if sum(size for _name, size in kept) + needed <= self._most:
                break
            if time.monotonic() > until or not os.fstat(self.folder).st_nlink:
                raise Gone
            time.sleep(_LOOK_SECONDS)
        self.waited += time.monotonic() - began

    def _is_there(self, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True


def _widen(pipe: int) -> None:
    """A megabyte of room instead of 64 KiB, where the kernel lets this user have it."""
    import fcntl

    try:
        fcntl.fcntl(pipe, _F_SETPIPE_SZ, _PIPE_BYTES)
    except OSError:
        return


def _write_all(descriptor: int, view: memoryview) -> None:
    while view:
        view = view[os.write(descriptor, view) :]
