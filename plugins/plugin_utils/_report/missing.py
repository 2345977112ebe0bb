# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of which a run has nothing to show, each with the reason. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.cordon.docker.plugins.plugin_utils._case.hosts import HostRow
from ansible_collections.cordon.docker.plugins.plugin_utils._report.grid import grid
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain

NARROWEST = 60
WIDEST = 140


def fitted(width: int) -> int:
    """The width of a text for a terminal of that many columns."""
    return max(NARROWEST, min(width, WIDEST))


def missing(title: str, rows: Sequence[HostRow], of: int, width: int) -> list[str]:
    """A table of them; nothing where there are none."""
    if not rows:
        return []
    cells = [[["HOST"], ["STATUS"], ["REASON"]]]
    cells += [[[plain(row.host, 128)], [row.status], [plain(row.reason or "", 600)]] for row in rows]
    lines = grid(cells, (max(8, width // 4), 11), width - 2)
    return [f"{title}: {len(rows)} of {count(of, 'host')}", "", *("  " + line for line in lines)]


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
