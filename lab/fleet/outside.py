# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The world outside the fleet: the intruder's listener, the shop's visitors, the requests of an attack."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import cgroups, network
from .settings import BEACONS, INTRUDER, INTRUDER_PORT, NAME, RUN, SILENT_PORT
from .shell import run

_PROGRAM = Path(__file__).with_name("intruder.py")
_LOG = RUN / "outside.log"


def start(visits: Sequence[str]) -> None:
    """Start the listener and the visitors in the bridge's namespace; they end with the lab."""
    RUN.mkdir(parents=True, exist_ok=True)
    orders = json.dumps(
        {
            "address": INTRUDER,
            "port": INTRUDER_PORT,
            "silent": SILENT_PORT,
            "beacons": str(BEACONS),
            "visits": list(visits),
        }
    )
    group = cgroups.inside(f"{NAME}/outside")
    with _LOG.open("ab") as log:
        subprocess.Popen(
            [*group, *network.inside(), sys.executable, "-I", _PROGRAM, "listen", orders],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def request(address: str, port: int, requests: Sequence[dict[str, Any]]) -> None:
    """Make HTTP requests to a host from the intruder's address; waits for the service to listen."""
    orders = json.dumps({"from": INTRUDER, "address": address, "port": port, "requests": list(requests)})
    run([*network.inside(), sys.executable, "-I", _PROGRAM, "request", orders], timeout=60)
