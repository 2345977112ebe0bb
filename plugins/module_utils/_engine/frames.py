# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's log stream: frames of eight bytes of header and what was written. Pure."""

from __future__ import annotations

import struct
from typing import Iterable, Iterator, NamedTuple

from ansible_collections.cordon.docker.plugins.module_utils._errors import EngineError

_HEADER = struct.Struct(">BxxxL")
# An engine writes at most 16 KiB a frame; more is a stream that is no log.
FRAME_BYTES = 1 << 24


class LogFrame(NamedTuple):
    """One piece of what was written, with its time in front where that was asked for."""

    stream: str
    data: bytes


def demultiplex(body: Iterable[bytes]) -> Iterator[LogFrame]:
    """Frames from a body in pieces of any size. Raises EngineError for what is no such stream."""
    buffer = bytearray()
    for piece in body:
        buffer += piece
        position = 0
        while len(buffer) - position >= _HEADER.size:
            stream, length = _HEADER.unpack_from(buffer, position)
            if stream > 3 or length > FRAME_BYTES:
                raise EngineError(
                    "The engine sent something else than a log stream: its frames make no sense."
                )
            end = position + _HEADER.size + length
            if len(buffer) < end:
                break
            data = bytes(buffer[position + _HEADER.size : end])
            position = end
            if stream == 3:
                # How the engine reports, in the stream, that it cannot go on reading.
                raise EngineError(
                    f"The engine could not read the log to its end: {data.decode('utf-8', 'replace')}"
                )
            yield LogFrame("stderr" if stream == 2 else "stdout", data)
        del buffer[:position]
    if buffer:
        raise EngineError("The engine broke off in the middle of the log.")


def undivided(body: Iterable[bytes]) -> Iterator[LogFrame]:
    """What a container with a terminal wrote: no frames, one stream; given line by line."""
    buffer = b""
    for piece in body:
        buffer += piece
        *lines, buffer = buffer.split(b"\n")
        for line in lines:
            yield LogFrame("stdout", line + b"\n")
        if len(buffer) > FRAME_BYTES:
            yield LogFrame("stdout", buffer)
            buffer = b""
    if buffer:
        yield LogFrame("stdout", buffer)
