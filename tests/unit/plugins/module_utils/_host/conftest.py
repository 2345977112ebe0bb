# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._host.recordings import (
    ENGINES,
    load,
    raise_proc,
)


@pytest.fixture(params=ENGINES)
def recording(request: pytest.FixtureRequest) -> dict[str, Any]:
    return load(request.param)


@pytest.fixture
def proc(recording: dict[str, Any], tmp_path: Path) -> Path:
    return raise_proc(recording, tmp_path / "proc")
