# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the engine's log drivers write a line: json-file, local (protobuf), and the API's stream. Pure.

Nothing a log holds makes these raise: what cannot be understood is given as it is, without a time.
"""

from __future__ import annotations

import calendar
import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import NamedTuple

# Longer is no line of an engine's: 16 KiB of text, each byte written as six, and labels.
ENTRY_BYTES = 1 << 20
_LOG_FIRST = b'{"log":"'
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)\Z")


class Record(NamedTuple):
    """``time`` is RFC 3339 UTC to the nanosecond; ``stream`` is stdout, stderr or unknown."""

    time: str | None
    stream: str
    line: str


def clean(text: str | bytes) -> str:
    """Text that can be written as UTF-8: other bytes, and half surrogates, become escapes."""
    if isinstance(text, bytes):
        return text.decode("utf-8", "backslashreplace")
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def json_record(line: bytes) -> Record:
    """One line of a json-file log."""
    try:
        entry = json.loads(line)
        time, stream = _nine(clean(str(entry["time"]))), clean(str(entry["stream"]))
        return Record(time, stream, _ended(str(entry.get("log", ""))))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Record(None, "unknown", clean(line))


def json_line(line: bytes) -> str:
    """Only the text of ``json_record``, in a third of the time: moby writes it first."""
    if line.startswith(_LOG_FIRST):
        try:
            text: str = scanstring(line.decode("utf-8"), len(_LOG_FIRST))[0]
        except ValueError:
            pass
        else:
            return text[:-1] if text.endswith("\n") and not text.endswith("\r\n") else _ended(text)
    return json_record(line).line


def local_line(message: bytes) -> str:
    """The text of ``local_record``."""
    return local_record(message).line


def stream_record(data: bytes, stream: str) -> Record:
    """One line of the API's stream, with the time in front as asked for."""
    time, space, line = data.partition(b" ")
    if space and nanoseconds(time.decode("ascii", "replace")) is not None:
        return Record(time.decode("ascii"), stream, _ended(line))
    return Record(None, stream, _ended(data))


def local_record(message: bytes) -> Record:
    """One LogEntry of the local driver (api/types/plugins/logdriver/entry.proto): source, time_nano, line."""
    source, time, line = b"", None, b""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        field, kind = key >> 3, key & 7
        if kind == 0:
            value, position = _varint(message, position)
            if field == 2:
                time = value
        elif kind == 2:
            length, position = _varint(message, position)
            content = message[position : position + length]
            position += length
            if field == 1:
                source = content
            elif field == 3:
                line = content
        else:
            return Record(None, "unknown", clean(message))
    stream = source.decode("ascii", "replace") if source in (b"stdout", b"stderr") else "unknown"
    return Record(None if time is None else moment(time), stream, _ended(line))


def _nine(time: str) -> str:
    """With all nine digits of a second, as the API writes them and as sorts; json-file leaves off zeros."""
    if len(time) < 30 and time.endswith("Z") and len(time) >= 20:
        return (time[:-1] if "." in time else f"{time[:-1]}.").ljust(29, "0") + "Z"
    return time


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data) and shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    return value, len(data)


def _ended(text: str | bytes) -> str:
    line = clean(text)
    return line[:-2] if line.endswith("\r\n") else line[:-1] if line.endswith("\n") else line


def nanoseconds(text: str) -> int | None:
    """Since the epoch; None for what is no RFC 3339 time."""
    found = _TIME.match(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    try:
        seconds = calendar.timegm((year, month, day, hour, minute, second))
    except (ValueError, OverflowError):
        return None
    fraction, zone = found.group(7) or "0", found.group(8)
    if zone != "Z":
        offset = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
        seconds -= offset if zone[0] == "+" else -offset
    return seconds * 10**9 + int(fraction.ljust(9, "0"))


def moment(time: int) -> str | None:
    """RFC 3339 UTC of nanoseconds since the epoch."""
    from datetime import datetime, timedelta

    try:
        whole = datetime(1970, 1, 1) + timedelta(seconds=time // 10**9)
    except OverflowError:
        return None
    return f"{whole.isoformat()}.{time % 10**9:09d}Z"
