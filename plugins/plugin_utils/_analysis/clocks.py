# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One clock for the whole fleet: by how much what a host dates is off, and when a bag was collected."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values

MICRO = 1_000_000
_TOLERATED_SECONDS = 1.0  # clocks of a fleet that is kept in step differ by less
_AHEAD = re.compile(
    r"^Host-Clock-Ahead-Seconds: between (-?[0-9]{1,12}\.[0-9]{3}) and (-?[0-9]{1,12}\.[0-9]{3})$",
    re.MULTILINE,
)
_ANSWERED = re.compile(r"^Controller-Time-Answered: (\S{20,40})$", re.MULTILINE)
_STAMP = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")


@dataclass(frozen=True)
class Clock:
    """`ahead_us` is what has to be taken off the host's times, in microseconds; `collected_us` is when the bag
    came in, by the controller's clock."""

    ahead_us: int
    collected_us: int | None


def clock_of(bag: Path) -> Clock:
    """By the controller's own words in bag-info.txt: the host's clock was read between question and answer.

    A clock that may be right is taken for right, and one that is off by the middle of the two bounds.
    """
    try:
        with (bag / "bag-info.txt").open("rb") as stream:
            written = stream.read(65536).decode("utf-8", "replace")
    except OSError:
        written = ""
    ahead = 0.0
    bounds = _AHEAD.search(written)
    if bounds:
        least, most = float(bounds[1]), float(bounds[2])
        if least > _TOLERATED_SECONDS or most < -_TOLERATED_SECONDS:
            ahead = (least + most) / 2
    answered = _ANSWERED.search(written)
    collected = micros(answered[1]) if answered else None
    if collected is None and (stamp := _STAMP.match(bag.name)):
        collected = micros("{}-{}-{}T{}:{}:{}Z".format(*stamp.groups()))
    return Clock(round(ahead * MICRO), collected)


def micros(value: object) -> int | None:
    """Microseconds since 1970 of an RFC 3339 time, None where it is none."""
    seconds = values.moment(value)
    return None if seconds is None else round(seconds * MICRO)
