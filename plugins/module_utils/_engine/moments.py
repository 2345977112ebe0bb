# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times as a responder types them. Pure."""

from __future__ import annotations

import re

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.module_utils._host.logformats import nanoseconds

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_DURATION = re.compile(rf"(?:{_PART.pattern})+\Z")


def parse_moment(option: str, text: str | None, now: float) -> float | None:
    """Seconds of the epoch for ``2h``, ``1d12h`` (before ``now``), RFC 3339, or seconds; None for None.

    Raises InvalidOption, naming the option.
    """
    if text is None:
        return None
    if _DURATION.match(text):
        return now - sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    when = nanoseconds(text)
    if when is not None:
        return when / 1e9
    if re.match(r"\d{1,12}(\.\d{1,9})?\Z", text):
        return float(text)
    raise InvalidOption(
        f"{option} cannot be {text!r}: give a time before now, such as 30m, 2h or 1d12h, "
        "or a moment with its zone, such as 2026-02-03T04:05:06Z."
    )
