# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How evidence is written down: one JSON object a line, UTC times, and text that any tool can read again."""

from __future__ import annotations

import json
import time
from typing import Any, Iterable, Iterator

_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
_FIRST_SECOND = -62135596800  # 0001-01-01T00:00:00Z
_LAST_SECOND = 253402300799  # 9999-12-31T23:59:59Z
_BATCH_BYTES = 65536


def text(raw: bytes) -> str:
    r"""Bytes of a path, an argument or a log line as text: what is no UTF-8 becomes ``\xNN``."""
    return raw.decode("utf-8", "backslashreplace")


def _clean(value: Any) -> Any:
    r"""The same value without lone surrogates: bytes kept by surrogateescape are written as ``\xNN``."""
    if isinstance(value, str):
        try:
            return text(value.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:
            return text(value.encode("utf-8", "backslashreplace"))
    if isinstance(value, dict):
        return {_clean(key): _clean(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(member) for member in value]
    return value


def dump(value: Any) -> bytes:
    """One JSON value as UTF-8 without a newline inside: keys sorted, never a lone surrogate."""
    try:
        return _ENCODER.encode(value).encode("utf-8")
    except UnicodeEncodeError:
        return _ENCODER.encode(_clean(value)).encode("utf-8")


def dump_line(value: Any) -> bytes:
    """One line of a .jsonl file, newline included."""
    return dump(value) + b"\n"


def dump_lines(rows: Iterable[Any]) -> Iterator[bytes]:
    """Rows as lines in blocks of about 64 KiB: a hundred thousand rows never lie in memory together."""
    block = bytearray()
    for row in rows:
        block += dump_line(row)
        if len(block) >= _BATCH_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def utc_ns(nanoseconds: int) -> str:
    """Nanoseconds since 1970 as RFC 3339 in UTC with microseconds.

    File times are the intruder's to set: what lies outside the years 1 to 9999 is drawn to their edge.
    """
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        seconds, rest = (_FIRST_SECOND, 0) if seconds < 0 else (_LAST_SECOND, 999_999_999)
    now = time.gmtime(seconds)
    return (
        f"{now.tm_year:04d}-{now.tm_mon:02d}-{now.tm_mday:02d}"
        f"T{now.tm_hour:02d}:{now.tm_min:02d}:{now.tm_sec:02d}.{rest // 1000:06d}Z"
    )


def utc(seconds: float) -> str:
    """Seconds since 1970, as time.time() gives them, as RFC 3339 in UTC with microseconds."""
    return utc_ns(round(seconds * 1_000_000) * 1000)
