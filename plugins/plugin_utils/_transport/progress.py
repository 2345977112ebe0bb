# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a host has come, a line now and then: calm on a terminal, and fit for a file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain

FIRST_SECONDS = 5.0
EVERY_SECONDS = 10.0
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


class Progress:
    """`say` shows a line, `clock` gives seconds; `total` are the bytes the host announces, 0 where it does not know."""

    def __init__(self, host: str, total: int, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._host = plain(host, 128)
        self._total = total
        self._say = say
        self._clock = clock
        self._began = clock()
        self._next = self._began + FIRST_SECONDS
        self._seen: deque[tuple[float, int]] = deque([(self._began, 0)], maxlen=4)

    def at(self, done: int) -> None:
        """So many bytes are here, those that earlier runs brought among them."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + EVERY_SECONDS
        since, before = self._seen[0]
        rate = (done - before) / max(0.001, now - since)
        self._seen.append((now, done))
        self._say(f"{self._host}: {self._line(done, rate)}")

    def _line(self, done: int, rate: float) -> str:
        of = f" of about {size(self._total)}" if self._total > done else ""
        line = f"{size(done)}{of}, {size(round(rate))}/s"
        if self._total > done and rate > 1:
            line += f", {duration((self._total - done) / rate)} left"
        return line


def size(count: int) -> str:
    """Bytes for people: three digits that count."""
    value, unit = float(count), _UNITS[0]
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def duration(seconds: float) -> str:
    """Seconds for people: 40 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
