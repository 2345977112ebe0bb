# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table: what holds and what does not. Pure; the text of the rows is plain already."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from .results import BROKEN, OPEN, STATES, UNCHECKED, Check

_WIDEST = 36
_STATE = max(map(len, STATES))


def render(name: str, checks: Sequence[Check], width: int = 100) -> str:
    """The table for a terminal of that many columns, with the verdict as its last line."""
    first = min(_WIDEST, max((len(check.subject) for check in checks), default=0))
    lines = [f"Case {name}", ""]
    for check in checks:
        head = f"  {check.subject:<{first}}  {check.state:<{_STATE}}  "
        room = max(24, width - len(f"  {'':<{first}}  {'':<{_STATE}}  "))
        parts = textwrap.wrap(check.sentence, room, break_on_hyphens=False) or [""]
        if len(check.subject) > first:
            lines.append(f"  {check.subject}")
            head = f"  {'':<{first}}  {check.state:<{_STATE}}  "
        lines.append(head + parts[0])
        lines += [" " * len(f"  {'':<{first}}  {'':<{_STATE}}  ") + part for part in parts[1:]]
    return "\n".join([*lines, "", verdict(checks)])


def verdict(checks: Sequence[Check]) -> str:
    """One sentence."""
    states = [check.state for check in checks]
    if BROKEN in states:
        number = states.count(BROKEN)
        return f"Something does not hold: {number} of {len(states)} rows. Keep the case as it is, and find out why."
    if OPEN in states:
        return "What is sealed holds. What came after the last seal is not sealed yet."
    rest = " What could not be checked is named above." if UNCHECKED in states else ""
    return f"All that was checked holds.{rest}"
