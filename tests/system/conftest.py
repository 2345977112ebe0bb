# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the fleet's tests. The lab must be up; `make test` sees to that."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# pytest's importlib mode, which the unit tests need, leaves the folder of a test off the path.
sys.path.insert(0, str(Path(__file__).parent))

from fleet import Fleet


@pytest.fixture(scope="session")
def fleet() -> Fleet:
    fleet = Fleet()
    if not fleet.inventory.exists():
        pytest.fail("The lab is down: bring it up with `make lab`, then run this again.")
    return fleet
