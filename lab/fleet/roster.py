# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which hosts were raised, for the commands that come later."""

from __future__ import annotations

import json
from collections.abc import Sequence

from .settings import ENGINES, RUN, STATE, Host

_FILE = RUN / "fleet.json"


def write(members: Sequence[Host]) -> None:
    """Remember the fleet until it is taken down."""
    RUN.mkdir(parents=True, exist_ok=True)
    _FILE.write_text(json.dumps([[host.name, host.number, host.engine.token] for host in members]))


def read() -> list[Host]:
    """The fleet that was raised last; empty when there is none."""
    try:
        rows = json.loads(_FILE.read_text())
    except (OSError, ValueError):
        return []
    return [Host(name, number, ENGINES[token], STATE / name) for name, number, token in rows]
