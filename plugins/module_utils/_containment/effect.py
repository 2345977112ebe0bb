# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container's state in a few values, and what steps make of it: for diffs and the custody log. Pure."""

from __future__ import annotations

import copy
from typing import Any, Iterable

from .seen import Sight
from .steps import (
    Commit,
    Connect,
    Disconnect,
    EndRestarts,
    Kill,
    LinkDown,
    LinkUp,
    LowerBarrier,
    Pause,
    RaiseBarrier,
    SetRestartPolicy,
    Step,
    Unpause,
)
from .values import Endpoint, RestartPolicy


def snapshot(sight: Sight) -> dict[str, Any]:
    """What an action could change, as it is."""
    endpoints = (Endpoint.of(sight.inspect, name) for name in sight.networks)
    namespace = sight.namespace
    nics = namespace.nics if namespace else ()
    return {
        "status": sight.status,
        "restart_policy": str(RestartPolicy.of(sight.inspect)),
        "networks": {item.network: [item.ipv4, item.ipv6] for item in endpoints},
        "links": {nic.cable.name: "up" if nic.up else "down" for nic in nics if nic.cable},
        "barrier": bool(namespace and namespace.barrier),
        "images": [],
    }


def after(before: dict[str, Any], steps: Iterable[Step]) -> dict[str, Any]:
    """The same once the steps are done."""
    state = copy.deepcopy(before)
    for step in steps:
        _apply(state, step)
    return state


def _apply(state: dict[str, Any], step: Step) -> None:
    if isinstance(step, Pause):
        state["status"] = "paused"
    elif isinstance(step, Unpause):
        state["status"] = "running"
    elif isinstance(step, EndRestarts) or (isinstance(step, Kill) and step.final):
        state["status"] = "exited"
    elif isinstance(step, SetRestartPolicy):
        state["restart_policy"] = str(step.policy)
    elif isinstance(step, Commit):
        state["images"].append(f"{step.repository}:{step.tag}")
    else:
        _apply_to_network(state, step)


def _apply_to_network(state: dict[str, Any], step: Step) -> None:
    if isinstance(step, Disconnect):
        state["networks"].pop(step.endpoint.network, None)
    elif isinstance(step, Connect):
        state["networks"][step.endpoint.network] = [step.endpoint.ipv4, step.endpoint.ipv6]
    elif isinstance(step, (LinkDown, LinkUp)):
        state["links"][step.cable.name] = "up" if isinstance(step, LinkUp) else "down"
    elif isinstance(step, (RaiseBarrier, LowerBarrier)):
        state["barrier"] = isinstance(step, RaiseBarrier)
