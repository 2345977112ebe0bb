# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading values out of what a host wrote: any of it may be missing, of another type, or absurdly large."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

MAX_TEXT = 4096  # what a rule looks at of one value; patterns of rules are linear, the bound keeps them quick


def parse(raw: bytes) -> Any:
    """The JSON value, or None where it is none: bad JSON, bad UTF-8, nested too deep, a number too long."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def record(value: Any) -> dict[str, Any]:
    """The value when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: Any, limit: int = MAX_TEXT) -> str:
    """The value when it is text, cut at the limit, else empty."""
    return value[:limit] if isinstance(value, str) else ""


def items(value: Any, limit: int = 1000) -> list[Any]:
    """The value when it is a list, cut at the limit, else empty."""
    return value[:limit] if isinstance(value, list) else []


def texts(value: Any, limit: int = 1000) -> list[str]:
    """The texts of a list."""
    return [member[:MAX_TEXT] for member in items(value, limit) if isinstance(member, str)]


def number(value: Any) -> float | None:
    """A finite number that fits a float, else None; true and false are no numbers."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def integer(value: Any) -> int | None:
    """A whole number of at most 64 bits, else None."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if -(2**63) <= value < 2**64 else None


def moment(value: Any) -> float | None:
    """Seconds since the epoch of an RFC 3339 time, None where it is none or the engine's zero time."""
    written = text(value, 64)
    if len(written) < 19 or written.startswith("0001-"):
        return None
    whole, _dummy, rest = written.partition(".")
    if rest:  # the engine writes nanoseconds, Python reads microseconds
        digits = rest.rstrip("Zz").partition("+")[0].partition("-")[0]
        written = whole + "." + digits[:6].ljust(6, "0") + rest[len(digits) :]
    try:
        parsed = datetime.fromisoformat(written.replace("Z", "+00:00").replace("z", "+00:00"))
        aware = parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
        return aware.timestamp()
    except (ValueError, OverflowError):
        return None
