# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines that tell how far a host is: few, readable, and with nothing of the host's own making."""

from __future__ import annotations

import pytest

from ansible_collections.cordon.docker.plugins.plugin_utils._transport.progress import (
    Progress,
    duration,
    size,
)

MIB = 1 << 20


def lines_of(total: int, steps: list[tuple[float, int]], host: str = "web1") -> list[str]:
    told: list[str] = []
    now = [0.0]
    progress = Progress(host, total, told.append, lambda: now[0])
    for at, done in steps:
        now[0] = at
        progress.at(done)
    return told


def test_bytes_rate_and_what_is_left() -> None:
    assert lines_of(1000 * MIB, [(5.0, 500 * MIB)]) == [
        "web1: 500 MiB of about 1000 MiB, 100 MiB/s, 5 s left"
    ]


def test_a_quick_host_says_nothing_and_a_slow_one_seldom() -> None:
    assert lines_of(0, [(number / 10, number) for number in range(49)]) == []
    assert len(lines_of(0, [(float(number), number) for number in range(61)])) == 6


def test_the_rate_is_that_of_late() -> None:
    steps = [(5.0, 500 * MIB)] + [(15.0 + 10 * number, 500 * MIB + number * MIB) for number in range(5)]
    assert lines_of(0, steps)[-1].endswith("102 KiB/s")


def test_more_than_announced_has_no_end_in_sight() -> None:
    assert lines_of(MIB, [(5.0, 10 * MIB)]) == ["web1: 10.0 MiB, 2.0 MiB/s"]


def test_a_name_cannot_draw() -> None:
    assert "\x1b" not in lines_of(0, [(6.0, 1)], host="web\x1b[2J")[0]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (150 * MIB, "150 MiB"), (1 << 60, "1048576 TiB")],
)
def test_sizes_are_for_people(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "1 s"), (89, "89 s"), (600, "10 min"), (12_000, "3 h 20 min")]
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
