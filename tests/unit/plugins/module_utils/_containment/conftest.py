# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._containment.recordings import (
    ENGINES,
    load,
)


@pytest.fixture(params=ENGINES)
def recording(request: pytest.FixtureRequest) -> dict[str, Any]:
    return load(request.param)
