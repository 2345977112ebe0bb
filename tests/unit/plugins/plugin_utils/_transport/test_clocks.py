# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both clocks stand in bag-info.txt, whatever a host says of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.intake import Visit, bag_info

NOON = 1_767_355_200.0  # 2026-01-02T12:00:00Z
VISIT = Visit("web1", "triage", "r1", NOON, NOON + 2)


def info(tmp_path: Path, host: Any) -> dict[str, str]:
    return dict(bag_info(Case(tmp_path), VISIT, host))


def test_times_offset_and_zones_of_both_sides(tmp_path: Path) -> None:
    told = info(tmp_path, {"time": "2026-01-02T13:00:01.250000Z", "timezone": "Europe/Berlin"})
    assert told["Controller-Time-Asked"] == "2026-01-02T12:00:00.000000Z"
    assert told["Controller-Time-Answered"] == "2026-01-02T12:00:02.000000Z"
    assert told["Controller-Time-Zone"].endswith(("0", "5"))  # such as UTC +0000
    assert told["Host-Time"] == "2026-01-02T13:00:01.250000Z"
    assert told["Host-Time-Zone"] == "Europe/Berlin"
    assert told["Host-Clock-Ahead-Seconds"] == "between 3599.250 and 3601.250"


@pytest.mark.parametrize(
    "host",
    [None, [], "x", {}, {"time": 3, "timezone": {}}, {"time": "noon", "timezone": " "}, {"time": None}],
)
def test_what_a_host_does_not_say_is_unknown(tmp_path: Path, host: Any) -> None:
    told = info(tmp_path, host)
    assert (told["Host-Time"], told["Host-Time-Zone"]) == ("unknown", "unknown")
    assert "Host-Clock-Ahead-Seconds" not in told


def test_a_zone_stays_on_its_line(tmp_path: Path) -> None:
    told = info(tmp_path, {"time": None, "timezone": "UTC\nHost: other\x1b[2J" + "x" * 1000})
    assert told["Host-Time-Zone"].isprintable()
    assert len(told["Host-Time-Zone"]) < 80
