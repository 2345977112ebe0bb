# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hunt module's options as values."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._engine.options import engine_argument_spec
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import selection_argument_spec
from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.module_utils._hunt.options import (
    HuntOptions,
    hunt_argument_spec,
)


def params(**given: Any) -> dict[str, Any]:
    spec = {**engine_argument_spec(), **selection_argument_spec(), **hunt_argument_spec()}
    return {**{name: option.get("default") for name, option in spec.items()}, "process": ["nc"], **given}


def test_the_defaults() -> None:
    options = HuntOptions.from_params(params(controller_time="2026-01-02T03:04:05Z"), now=1767323046.0)
    assert options.indicators.kinds == ("process",)
    assert options.since is None
    assert options.clock_offset == 1.0
    assert options.asked["indicators"] == {"process": ("nc",)}
    assert HuntOptions.from_params(params(since="2h"), now=7200.0).since == 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"process": []},
        {"budget": 0},
        {"parallel": 0},
        {"answer_bytes": 1},
        {"hash_bytes": -1},
        {"since": "soon"},
    ],
)
def test_what_cannot_be_used_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption):
        HuntOptions.from_params(params(**wrong))
