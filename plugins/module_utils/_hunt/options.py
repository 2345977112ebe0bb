# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the hunt module: their argument spec, and their meaning as values."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._engine.options import (
    EngineOptions,
    engine_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import (
    ContainerChoice,
    selection_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.module_utils._triage.options import parse_since, parse_time

from .indicators import KINDS, Indicators


def hunt_argument_spec() -> dict[str, dict[str, Any]]:
    """The module's own options; those of the engine and of the selection are merged with them."""
    patterns = {kind: {"type": "list", "elements": "str"} for kind in KINDS}
    return {
        **patterns,
        "case": {"type": "path"},
        "run": {"type": "str"},
        "since": {"type": "str", "default": "all"},
        "budget": {"type": "float", "default": 120.0},
        "hash_bytes": {"type": "int", "default": 64 << 20},
        "hash_total_bytes": {"type": "int", "default": 4 << 30},
        "log_search_bytes": {"type": "int", "default": 256 << 20},
        "answer_bytes": {"type": "int", "default": 4 << 20},
        "stage_dir": {"type": "path"},
        "controller_time": {"type": "str"},
    }


def whole_argument_spec() -> dict[str, dict[str, Any]]:
    """All options of the module."""
    return {**engine_argument_spec(), **selection_argument_spec(), **hunt_argument_spec()}


@dataclass(frozen=True)
class HuntOptions:
    """``since`` is in seconds since 1970, null for all there is; ``asked`` is what host.json keeps of it."""

    engine: EngineOptions
    choice: ContainerChoice
    indicators: Indicators
    since: float | None
    parallel: int
    budget: float
    hash_bytes: int
    hash_total_bytes: int
    log_search_bytes: int
    answer_bytes: int
    stage_dir: str | None
    controller_time: str | None
    clock_offset: float | None
    asked: Mapping[str, Any]

    @classmethod
    def from_params(cls, params: Mapping[str, Any], now: float | None = None) -> HuntOptions:
        """Raises InvalidOption with the option's name for a value that cannot be used."""
        least = {
            "hash_bytes": 0,
            "hash_total_bytes": 0,
            "log_search_bytes": 0,
            "answer_bytes": 65536,
            "budget": 1,
        }
        for name, bound in least.items():
            if params[name] < bound:
                raise InvalidOption(f"{name} cannot be {params[name]}: it is at least {bound}.")
        if not 1 <= params["parallel"] <= 64:
            raise InvalidOption(f"parallel cannot be {params['parallel']}: it is a number from 1 to 64.")
        clock = time.time() if now is None else now
        told = params["controller_time"]
        indicators = Indicators.from_params(params)
        return cls(
            engine=EngineOptions.from_params(params),
            choice=ContainerChoice.from_params(params),
            indicators=indicators,
            since=parse_since(params["since"], clock),
            parallel=params["parallel"],
            budget=params["budget"],
            hash_bytes=params["hash_bytes"],
            hash_total_bytes=params["hash_total_bytes"],
            log_search_bytes=params["log_search_bytes"],
            answer_bytes=params["answer_bytes"],
            stage_dir=params["stage_dir"],
            controller_time=told,
            clock_offset=None if told is None else round(clock - parse_time("controller_time", told), 3),
            asked={**{name: params.get(name) for name in _ASKED}, "indicators": dict(indicators.values)},
        )


_ASKED = (
    "containers", "select", "since", "budget", "hash_bytes", "hash_total_bytes", "log_search_bytes", "docker_host",
)  # fmt: skip
