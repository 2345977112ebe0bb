# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules container_info, container_stats_info, container_top_info and container_diff_info do.

Each takes the module's parameters, asks the engine, and gives an Answer; each raises CordonError when the
engine cannot be asked at all.
"""

from __future__ import annotations

import time
from typing import Any, Dict, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    CordonError,
    EngineError,
    InvalidOption,
)

from .answer import Answer, Entry, answer
from .client import Engine, each
from .options import EngineOptions, engine_argument_spec
from .selection import Choice, ContainerChoice, Selected, resolve, selected, selection_argument_spec
from .stats import ZERO, stats_view
from .views import changes_view, container_view, count_kinds, top_view

Spec = Dict[str, Dict[str, Any]]
Parameters = Mapping[str, Any]


def info_argument_spec() -> Spec:
    return dict(engine_argument_spec(), **selection_argument_spec())


def container_argument_spec() -> Spec:
    return dict(info_argument_spec(), inspect={"type": "bool", "default": False})


def stats_argument_spec() -> Spec:
    return dict(info_argument_spec(), interval={"type": "float", "default": 1.0})


def top_argument_spec() -> Spec:
    return dict(info_argument_spec(), ps_args={"type": "str"})


def chosen(parameters: Parameters) -> tuple[Engine, list[Choice]]:
    """Connect to the engine and find the containers that the task is about."""
    choice = ContainerChoice.from_params(parameters)
    if not 1 <= parameters["parallel"] <= 64:
        raise InvalidOption(f"parallel cannot be {parameters['parallel']}: it is a number from 1 to 64.")
    engine = Engine.connect(EngineOptions.from_params(parameters))
    return engine, resolve(engine, choice, parameters["parallel"])


def container_info(parameters: Parameters) -> Answer:
    engine, choices = chosen(parameters)
    rows = {row.get("Id"): row for row in engine.containers(all=True)} if choices else {}

    def values(container: Selected) -> Entry:
        view = container_view(container.inspect, rows.get(container.id))
        return dict(view, inspect=container.inspect) if parameters["inspect"] else view

    return answer(choices, values, 1)


def container_stats_info(parameters: Parameters) -> Answer:
    """Two samples of all containers that run, ``interval`` seconds apart; those that do not have zeros."""
    interval = parameters["interval"]
    if not 0.1 <= interval <= 60:
        raise InvalidOption(f"interval cannot be {interval}: it is a number of seconds from 0.1 to 60.")
    engine, choices = chosen(parameters)
    running = [choice for choice in choices if isinstance(choice, Selected) and choice.running]
    # All at once: 20.10 answers at the next tick of its clock, up to a second later, even when asked for one shot.
    began = time.monotonic()
    first = _samples(engine, running)
    if running:
        time.sleep(max(0.0, began + interval - time.monotonic()))
    second = _samples(engine, running)

    def values(container: Selected) -> Entry:
        if container.id not in first:
            return dict(ZERO)
        before, after = first[container.id], second[container.id]
        if isinstance(before, CordonError):
            raise before
        if isinstance(after, CordonError):
            raise after
        return stats_view(before, after)

    return answer(choices, values, 1)


def _samples(engine: Engine, running: list[Selected]) -> dict[str, Entry | CordonError]:
    ids = [container.id for container in running]
    return dict(zip(ids, each(engine.stats, ids, parallel=min(len(ids), 64) or 1)))


def container_top_info(parameters: Parameters) -> Answer:
    engine, choices = chosen(parameters)

    def values(container: Selected) -> Entry:
        if not container.running:
            return {"processes": []}
        try:
            return {"processes": top_view(engine.top(container.id, parameters["ps_args"]))}
        except EngineError:
            if _ended(engine, container):
                return {"processes": []}
            raise

    return answer(choices, values, parameters["parallel"])


def _ended(engine: Engine, container: Selected) -> bool:
    """Whether it stopped since it was chosen, which makes an error of the engine's an empty answer."""
    inspect = engine.inspect(container.id)
    return inspect is None or not selected(inspect, None).running


def container_diff_info(parameters: Parameters) -> Answer:
    engine, choices = chosen(parameters)

    def values(container: Selected) -> Entry:
        changes = changes_view(engine.iter_changes(container.id))
        return {"changes": changes, "counts": count_kinds(changes)}

    return answer(choices, values, parameters["parallel"])
