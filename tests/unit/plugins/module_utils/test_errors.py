# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import EngineTimeout, describe


@pytest.mark.parametrize(
    ("exc", "line"),
    [
        (EngineTimeout("Not in\n time."), "Not in time."),
        (EngineTimeout(), "EngineTimeout"),
        (ValueError("odd"), "ValueError: odd"),
        (KeyError("x"), "KeyError: 'x'"),
        (ValueError(), "ValueError"),
    ],
)
def test_one_line(exc: BaseException, line: str) -> None:
    assert describe(exc) == line
