# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Colours are those of the rows, and never part of the text; lines are stable, and move no cursor."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.plugin_utils._report.terminal import colored, lines, show

TABLE = """
Signs of a break-in

  HOST  CONTAINER  SEVERITY  REASONS
  web1  dvwa       critical  A web shell.
        image:1              It was requested; severity high.
  web1  miner      high      A miner.
  app2  odd        info      Nothing.

Not collected: 1 of 3 hosts

  HOST  STATUS       REASON
  db3   unreachable  critical failure

critical words elsewhere"""


def test_each_row_has_the_colour_of_its_severity() -> None:
    found = dict(colored(TABLE))
    assert found["  web1  dvwa       critical  A web shell."] == "bright red"
    assert found["        image:1              It was requested; severity high."] == "bright red"
    assert found["  web1  miner      high      A miner."] == "red"
    assert found["  app2  odd        info      Nothing."] is None
    assert found["  db3   unreachable  critical failure"] == "bright red"
    assert found["critical words elsewhere"] is None
    assert found["  HOST  CONTAINER  SEVERITY  REASONS"] is None


@given(st.text())
def test_no_line_is_lost_or_changed(text: str) -> None:
    assert "\n".join(line for line, _color in colored(text)) == text


def test_it_is_shown_line_by_line() -> None:
    shown: list[tuple[str, str | None]] = []

    class Display:
        def display(self, msg: str, color: str | None = None) -> None:
            shown.append((msg, color))

    show(Display(), "a\nb")
    assert shown == [("a", None), ("b", None)]


@given(st.text(), st.text())
def test_lines_are_objects_that_move_no_cursor(kind: str, value: Any) -> None:
    (line,) = lines(kind, [{"a": value}])
    assert line.startswith("{")
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"type": kind, "a": value}
