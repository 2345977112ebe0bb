# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See every program that starts from a file system, by asking the kernel.

fanotify's ``FAN_OPEN_EXEC`` (Linux 5.0) reports each file that is opened in order to be executed. With
``FAN_MARK_FILESYSTEM`` the mark holds for the whole file system, in every mount namespace, so one mark on the root
of a container sees whatever runs from its overlay, whoever starts it. See fanotify(7) and fanotify_mark(2).
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

FAN_CLOEXEC = 0x00000001
FAN_UNLIMITED_QUEUE = 0x00000010
FAN_UNLIMITED_MARKS = 0x00000020
FAN_MARK_ADD = 0x00000001
FAN_MARK_FILESYSTEM = 0x00000100
FAN_OPEN_EXEC = 0x00001000
FAN_Q_OVERFLOW = 0x00004000
AT_FDCWD = -100

# struct fanotify_event_metadata: u32 event_len, u8 vers, u8 reserved, u16 metadata_len, u64 mask, s32 fd, s32 pid
_EVENT = struct.Struct("=IBBHQii")
_READ_BYTES = 65536
_POLL_MILLISECONDS = 100

_libc = ctypes.CDLL(None, use_errno=True)
_libc.fanotify_mark.argtypes = [ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p]


@dataclass(frozen=True)
class ProgramStart:
    """One file that the kernel opened for execution; ``path`` as seen from the root of its mount, the kernel's PID."""

    path: str
    pid: int


class ExecWatch:
    """Context manager: collects the program starts from the one file system that holds ``root``.

    Raises OSError where the kernel has no fanotify, or the caller lacks CAP_SYS_ADMIN; raises RuntimeError on leaving
    when the kernel's queue overflowed, since a watch that missed something proves nothing.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.starts: list[ProgramStart] = []
        self._overflowed = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read_until_stopped, daemon=True)
        self._fd = -1

    def __enter__(self) -> ExecWatch:
        self._fd = _checked(
            _libc.fanotify_init(
                FAN_CLOEXEC | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS, os.O_RDONLY | os.O_CLOEXEC
            )
        )
        flags = FAN_MARK_ADD | FAN_MARK_FILESYSTEM
        _checked(_libc.fanotify_mark(self._fd, flags, FAN_OPEN_EXEC, AT_FDCWD, os.fsencode(self._root)))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._fd)
        if self._overflowed and error is None:
            raise RuntimeError(
                "fanotify's queue overflowed: program starts were missed, the watch proves nothing"
            )

    def _read_until_stopped(self) -> None:
        poller = select.poll()
        poller.register(self._fd, select.POLLIN)
        # One more look after the stop: what was queued before it belongs to the watch.
        while True:
            stopping = self._stop.is_set()
            if poller.poll(_POLL_MILLISECONDS):
                self._take(os.read(self._fd, _READ_BYTES))
            elif stopping:
                return

    def _take(self, buffer: bytes) -> None:
        offset = 0
        while offset + _EVENT.size <= len(buffer):
            length, _version, _reserved, _metadata, mask, fd, pid = _EVENT.unpack_from(buffer, offset)
            offset += length
            if mask & FAN_Q_OVERFLOW:
                self._overflowed = True
            if fd >= 0:
                self.starts.append(_program_start(fd, pid))


def _program_start(fd: int, pid: int) -> ProgramStart:
    try:
        return ProgramStart(path=str(Path(f"/proc/self/fd/{fd}").readlink()), pid=pid)
    finally:
        os.close(fd)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"fanotify: {os.strerror(number)}")
    return result
