# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a responder reads of a hunt."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.plugin_utils._case.hosts import HostRow
from ansible_collections.cordon.docker.plugins.plugin_utils._case_hits import Hit
from ansible_collections.cordon.docker.plugins.plugin_utils._report.hunt import Hunted, answered, render
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import columns


def row(host: str, status: str = "collected", **more: Any) -> HostRow:
    return HostRow("r1", "2026-01-02T03:04:05Z", "hunt", host, status, bag=f"{host}/x", containers=3, **more)


def hit(host: str = "web1", name: str = "shop", what: str = "nc -e sh", indicator: str = "nc") -> Hit:
    return Hit(host, ("0" * 12, name), "process", indicator, what, None, f"{host}/x", "p", 1)


def hunted(**changes: Any) -> Hunted:
    told: dict[str, Any] = {
        "case": "evidence/INC-7",
        "hosts": [row("web1"), row("db3", "unreachable", reason="No route to host")],
        "hits": [hit(), hit(what="nc -l"), hit(what="nc 1"), hit(what="nc 2")],
        "count": 4,
        "gaps": [("web1", "shop", "hits_log", "the time was up")],
        "file": "evidence/INC-7/hits.jsonl",
        "indicators": 2,
        **changes,
    }
    return Hunted(**told)


def test_who_has_what_and_who_did_not_answer() -> None:
    text = render(hunted(), 100)
    assert "Found: 4 hits in 1 container" in text
    assert "web1  shop       process  nc -e sh" in text
    assert "And 1 hit more." in text
    assert "2 containers of 3 on 1 host have none of it." in text
    assert "db3   unreachable  No route to host" in text
    assert "web1/shop: hits_log was not looked at in full: the time was up" in text
    assert text.endswith("Hits         evidence/INC-7/hits.jsonl")


def test_nothing_and_nobody() -> None:
    assert "Nothing was found: 2 indicators were looked for." in render(hunted(hits=[], count=0), 80)
    assert "No host answered." in render(hunted(hosts=[row("db3", "failed")], hits=[], count=0), 80)
    assert "There are more" in render(hunted(count=9000), 80)
    assert "named shop." in render(hunted(unknown=["shop"]), 80)


def test_a_line_for_each_answer() -> None:
    assert (
        answered("web1", {"process": 2, "log": 0}, 3, 1.25)
        == "web1: 2 hits (process 2) in 3 containers, 1.2 s"
    )
    assert answered("web\x1b1", {}, 1, 0.1) == r"web\x1b1: nothing in 1 container, 0.1 s"


@given(st.text(min_size=1, max_size=80), st.integers(20, 200))
def test_nothing_hostile_reaches_the_terminal(text: str, width: int) -> None:
    shown = render(
        hunted(hits=[hit(name=text, what=text, indicator=text)], gaps=[("web1", text, text, text)]), width
    )
    for line in shown.split("\n"):
        assert line.isprintable()
        assert columns(line) <= max(60, min(width, 140)) or "evidence/" in line
