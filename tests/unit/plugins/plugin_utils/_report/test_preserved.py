# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a responder reads at the end: what is sealed, what is lacking, how to go on."""

from __future__ import annotations

from ansible_collections.cordon.docker.plugins.plugin_utils._case.hosts import HostRow
from ansible_collections.cordon.docker.plugins.plugin_utils._report.preserved import Preserved, render

GOOD = HostRow(
    "r",
    "t",
    "preserve",
    "web1",
    "collected",
    bag="web1/b",
    items={"collected": 7, "truncated": 1},
    seconds=75.0,
)
BAD = HostRow(
    "r",
    "t",
    "preserve",
    "db\x1b[2J",
    "failed",
    reason="cut \x07off",
    bag="db/b",
    items={"failed": 2},
    seconds=3.0,
)


def text(*rows: HostRow, again: str | None = None) -> str:
    return render(Preserved("evidence/INC-7", rows, {"web1": 3 << 30}, again), 79)


def test_what_is_sealed_and_what_is_not_all_there() -> None:
    told = text(GOOD)
    assert "web1  8      3.0 GiB  75 s  web1/b" in told
    assert "1 item not all there" in told
    assert "evidence/INC-7/web1/b/data/outcomes.jsonl" in told
    assert "go on" not in told


def test_a_host_that_was_cut_off_has_its_reason_and_the_command_that_goes_on() -> None:
    told = text(GOOD, BAD, again="ansible-playbook preserve.yml -l db")
    assert "Not whole: 1 of 2 hosts" in told
    assert told.endswith("ansible-playbook preserve.yml -l db")
    assert "\x1b" not in told
    assert "\x07" not in told


def test_nothing_is_said_to_be_nothing() -> None:
    assert text().startswith("Nothing was preserved.")
