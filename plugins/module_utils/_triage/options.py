# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the triage module: their argument spec, and their meaning as values."""

from __future__ import annotations

import re
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
from ansible_collections.cordon.docker.plugins.module_utils._evidence.bundle import Limits

from .patterns import PATTERNS

HOST_ITEMS = ("events", "engine", "host")
# In this order for all containers: most volatile first. Links are read early, by the host's ip, while the layers
# are; stats come last, because they need time between two samples.
CONTAINER_ITEMS = (
    "processes",
    "sockets",
    "inspect",
    "top",
    "changes",
    "layer",
    "links",
    "volumes",
    "log_tail",
    "log_hits",
    "history",
    "image",
    "stats",
)
ITEMS = HOST_ITEMS + CONTAINER_ITEMS
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdw])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_RFC3339 = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})\Z"
)


def triage_argument_spec() -> dict[str, dict[str, Any]]:
    """The module's own options; those of the engine and of the selection are merged with them."""
    return {
        "case": {"type": "path"},
        "run": {"type": "str"},
        "since": {"type": "str", "default": "24h"},
        "collectors": {"type": "list", "elements": "str", "choices": list(ITEMS)},
        "engine_views": {"type": "bool", "default": False},
        "log_lines": {"type": "int", "default": 1000},
        "log_bytes": {"type": "int", "default": 1 << 20},
        "log_search_bytes": {"type": "int", "default": 64 << 20},
        "log_patterns": {"type": "list", "elements": "str"},
        "budget": {"type": "float", "default": 60.0},
        "item_bytes": {"type": "int", "default": 64 << 20},
        "total_bytes": {"type": "int", "default": 256 << 20},
        "staged_bytes": {"type": "int", "default": 64 << 20},
        "hash_bytes": {"type": "int", "default": 8 << 20},
        "stage_dir": {"type": "path"},
        "stage_owner": {"type": "str"},
        "controller_time": {"type": "str"},
    }


def whole_argument_spec() -> dict[str, dict[str, Any]]:
    """All options, but for what travels with the task."""
    return {**engine_argument_spec(), **selection_argument_spec(), **triage_argument_spec()}


@dataclass(frozen=True)
class TriageOptions:
    """``since`` is in seconds since 1970, null for all there is; ``asked`` is what host.json keeps of it."""

    engine: EngineOptions
    choice: ContainerChoice
    since: float | None
    items: frozenset[str]
    engine_views: bool
    log_lines: int
    log_bytes: int
    log_search_bytes: int
    log_patterns: tuple[str, ...]
    parallel: int
    budget: float
    limits: Limits
    hash_bytes: int
    stage_dir: str | None
    stage_owner: str | None
    asked_controller_time: str | None
    clock_offset: float | None
    asked: Mapping[str, Any]

    @classmethod
    def from_params(cls, params: Mapping[str, Any], now: float | None = None) -> TriageOptions:
        """Raises InvalidOption with the option's name for a value that cannot be used."""
        for name in ("log_lines", "log_bytes", "log_search_bytes", "hash_bytes"):
            _at_least(params, name, 0)
        for name in ("item_bytes", "total_bytes", "staged_bytes"):
            _at_least(params, name, 4096)
        _at_least(params, "budget", 1)
        if not 1 <= params["parallel"] <= 64:
            raise InvalidOption(f"parallel cannot be {params['parallel']}: it is a number from 1 to 64.")
        controller_time = params["controller_time"]
        patterns = params["log_patterns"]
        return cls(
            engine=EngineOptions.from_params(params),
            choice=ContainerChoice.from_params(params),
            since=parse_since(params["since"], time.time() if now is None else now),
            items=frozenset(ITEMS if params["collectors"] is None else params["collectors"]),
            engine_views=params["engine_views"],
            log_lines=params["log_lines"],
            log_bytes=params["log_bytes"],
            log_search_bytes=params["log_search_bytes"],
            log_patterns=tuple(PATTERNS if patterns is None else patterns),
            parallel=params["parallel"],
            budget=params["budget"],
            limits=Limits(params["item_bytes"], params["total_bytes"], params["staged_bytes"]),
            hash_bytes=params["hash_bytes"],
            stage_dir=params["stage_dir"],
            stage_owner=params["stage_owner"],
            asked_controller_time=controller_time,
            clock_offset=_clock_offset(controller_time, time.time() if now is None else now),
            asked={name: params.get(name) for name in _ASKED},
        )


_ASKED = (
    "containers", "select", "since", "collectors", "engine_views", "log_lines", "log_bytes", "log_search_bytes",
    "log_patterns", "parallel", "budget", "item_bytes", "total_bytes", "staged_bytes", "hash_bytes", "docker_host",
)  # fmt: skip


def _clock_offset(controller_time: str | None, now: float) -> float | None:
    """How many seconds the host's clock is ahead of the controller's. The way of the task to the host is in it."""
    return None if controller_time is None else round(now - parse_time("controller_time", controller_time), 3)


def _at_least(params: Mapping[str, Any], name: str, least: float) -> None:
    if params[name] < least:
        raise InvalidOption(f"{name} cannot be {params[name]}: it is at least {least:g}.")


def parse_since(value: str | None, now: float) -> float | None:
    """Seconds since 1970 of a duration before ``now`` such as 2h, or of a time; null and ``all`` mean all.

    Raises InvalidOption.
    """
    if value is None or value.strip().lower() in ("", "all", "null", "none"):
        return None
    match = _DURATION.match(value.strip())
    if match:
        return now - float(match.group(1)) * _SECONDS[match.group(2)]
    return parse_time("since", value.strip())


def parse_time(option: str, value: str) -> float:
    """Seconds since 1970 of an RFC 3339 time. Raises InvalidOption, which names the option."""
    import calendar

    match = _RFC3339.match(value)
    if match:
        fields = [int(group) for group in match.groups()[:6]]
        fraction = float(f"0.{match.group(7) or 0}")
        zone = match.group(8)
        offset = 0
        if zone not in ("Z", "z"):
            offset = (int(zone[1:3]) * 3600 + int(zone[4:6]) * 60) * (-1 if zone[0] == "-" else 1)
        if (
            fields[0] > 0
            and 1 <= fields[1] <= 12
            and 1 <= fields[2] <= 31
            and fields[3] < 24
            and fields[4] < 60
            and fields[5] < 61
        ):
            return calendar.timegm((*fields, 0, 0, 0)) - offset + fraction
    raise InvalidOption(
        f"{option} cannot be {value!r}: give a time such as 2026-01-31T12:00:00Z"
        + (", a duration such as 30m, 2h or 1d, or all." if option == "since" else ".")
    )
