# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which hosts were raised, and with which scenes, for the commands that come later."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .settings import ENGINES, RUN, STATE, Host

_FILE = RUN / "fleet.json"


def write(members: Sequence[Host], which: str) -> None:
    """Remember the fleet, and which scenes it was raised with, until it is taken down."""
    RUN.mkdir(parents=True, exist_ok=True)
    rows = [[host.name, host.number, host.engine.token] for host in members]
    _FILE.write_text(json.dumps({"scenes": which, "hosts": rows}))


def read() -> list[Host]:
    """The fleet that was raised last; empty when there is none."""
    rows = _read().get("hosts", [])
    return [Host(name, number, ENGINES[token], STATE / name) for name, number, token in rows]


def which_scenes() -> str:
    """What `--scenes` was when the fleet was raised."""
    return str(_read().get("scenes", "core"))


def _read() -> dict[str, Any]:
    try:
        found = json.loads(_FILE.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
