# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.plugin_utils._case.containments import ContainmentRow
from ansible_collections.cordon.docker.plugins.plugin_utils._case.hosts import HostRow
from ansible_collections.cordon.docker.plugins.plugin_utils._report.containment import (
    ContainmentSummary,
    render,
    wave,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import columns

ROW = ContainmentRow(
    run="r",
    time="t",
    host="web1",
    id="d" * 64,
    name="dvwa",
    action="isolate",
    status="done",
    steps=(("Set veth1 down.", "verified"), ("Set the restart policy to no.", "verified")),
    notices=("The next docker compose up of shop/web will start a replacement.",),
    outstanding=2,
)


def host(name: str, status: str = "done", reason: str | None = None) -> HostRow:
    return HostRow("r", "t", "contain", name, status, reason)


FULL = ContainmentSummary(
    case="evidence/INC-7",
    verb="contain",
    rows=[
        ROW,
        replace(
            ROW, id="5" * 64, name="shop", action="kill", status="refused", steps=(), notices=(), reason="No."
        ),
        replace(
            ROW,
            host="app2",
            id="e" * 64,
            name="escape",
            status="failed",
            reason="It does not hold.",
            steps=(("Set veth7 down.", "undone"), ("Raise a barrier.", "failed")),
            notices=(),
        ),
    ],
    hosts=[
        host("web1", "incomplete", "shop: No."),
        host("app2", "incomplete", "escape: It does not hold."),
        host("db3"),
        host("db4", "unreachable", "No route to host"),
    ],
    waiting=["db5", "db6"],
    commands=[("To take it back:", "ansible-playbook release.yml -l web1 -e case=INC-7")],
)


def test_the_worst_comes_first_and_every_word_has_its_place() -> None:
    assert render(FULL, 80) == dedent("""\
        Containers

          HOST  CONTAINER     RESULT    WHAT WAS DONE
          app2  escape        failed    2 planned, 1 done, 0 verified, 1 undone, 1
                eeeeeeeeeeee            failed.
                                        Set veth7 down. [undone]
                                        Raise a barrier. [failed]
                                        It does not hold.
          web1  shop          refused   No.
                555555555555
          web1  dvwa          isolated  2 planned, 2 done, 2 verified, 0 undone.
                dddddddddddd            Set veth1 down.
                                        Set the restart policy to no.
                                        Note: The next docker compose up of shop/web
                                        will start a replacement.

        1 host had nothing to contain.

        Not contained: 1 of 4 hosts

          HOST  STATUS       REASON
          db4   unreachable  No route to host

        Stopped after a failure: 2 hosts not asked (db5, db6).

        Case         evidence/INC-7
        Undo records evidence/INC-7/records

        To take it back:
          ansible-playbook release.yml -l web1 -e case=INC-7""")


def test_a_chain_is_one_row_with_a_line_for_each_link() -> None:
    rows = [
        replace(ROW, action="pause", steps=(("Freeze.", "verified"),), notices=()),
        replace(ROW, action="commit", steps=(("Keep.", "verified"),), notices=(), image="cordon/inc-7:d"),
        replace(ROW, notices=()),
    ]
    text = render(replace(FULL, rows=rows, hosts=[host("web1")], waiting=()), 100)
    assert text.count("dddddddddddd") == 1
    for said in ("Paused: 1 planned, 1 done", "Committed: ", "Isolated: ", "Image: cordon/inc-7:d"):
        assert said in text


def test_check_mode_says_that_nothing_was_changed() -> None:
    row = replace(ROW, status="planned", steps=(("Set veth1 down.", "planned"),))
    text = render(replace(FULL, rows=[row], hosts=[host("web1")], waiting=(), check=True, commands=()), 80)
    assert text.startswith("Nothing was changed: this is what would be done")
    assert "1 planned, 0 done." in text
    assert "Undo records" not in text


@pytest.mark.parametrize(
    ("verb", "said"),
    [("contain", "There was nothing to contain."), ("release", "Nothing had to be released.")],
)
def test_nothing_to_do_is_said(verb: str, said: str) -> None:
    text = render(replace(FULL, verb=verb, rows=[], hosts=[host("web1")], waiting=(), commands=()), 80)
    assert text == f"{said}\n\nCase         evidence/INC-7"


def test_what_is_already_so_and_what_is_gone_is_said() -> None:
    rows = [replace(ROW, status="already", steps=()), replace(ROW, id="5" * 64, status="gone", steps=())]
    text = render(replace(FULL, rows=rows), 120)
    assert "Nothing had to be done." in text
    assert "The container was removed since it was triaged." in text


def test_a_wave_that_went_well_is_one_line() -> None:
    summary = replace(FULL, rows=[ROW], hosts=[host("web1")])
    assert wave(summary) == "1 host done without a failure (1 container); 2 to go."


@given(st.text(max_size=300), st.integers(min_value=20, max_value=200))
def test_nothing_of_a_host_reaches_the_terminal_as_it_is(text: str, width: int) -> None:
    row = replace(
        ROW, name=text, reason=text, steps=((text, text),), notices=(text,), image=text, status="failed"
    )
    shown = render(
        replace(FULL, rows=[row], hosts=[host(text or "x", "failed", text)], unknown=[text]), width
    )
    assert all(char.isprintable() or char == "\n" for char in shown)
    tables = shown.partition("Case         ")[0]
    assert max(map(columns, tables.splitlines())) <= max(60, min(width, 140))
