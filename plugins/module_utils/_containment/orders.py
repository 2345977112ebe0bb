# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that change containers do: parameters in, a result out. Raises CordonError alone."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Tuple

from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.cordon.docker.plugins.module_utils._engine.options import (
    EngineOptions,
    engine_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import (
    SELECTION_EXCLUSIVE,
    ContainerChoice,
    selection_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption

from . import hostile
from .plan import VERBS
from .run import Containment, Order, records_of, result
from .seen import Wanted

Spec = Dict[str, Dict[str, Any]]
Parameters = Mapping[str, Any]
Run = Callable[[Sequence[str], Optional[str]], Tuple[int, str, str]]
# What is changed is always named: no module changes all containers because none was given.
NAMED = [SELECTION_EXCLUSIVE]
_LONGEST = 600.0
ACTIONS = (*sorted(VERBS), "release")


def _spec(**own: Any) -> Spec:
    records: Spec = {"records": {"type": "list", "elements": "dict"}, "case": {"type": "str", "default": ""}}
    return dict(engine_argument_spec(), **selection_argument_spec(), **records, **own)


def _state(*choices: str) -> dict[str, Any]:
    return {"type": "str", "choices": list(choices), "default": choices[0]}


_NETWORKS: Spec = {"networks": {"type": "list", "elements": "str"}}
_SHARERS: Spec = {"with_sharers": {"type": "bool", "default": False}}
_KILL: Spec = {
    "signal": {"type": "str", "default": "KILL"},
    "evidence": {"type": "list", "elements": "str"},
    "without_evidence": {"type": "bool", "default": False},
    "allow_removal": {"type": "bool", "default": False},
}
_COMMIT: Spec = {
    "pause": {"type": "bool", "default": True},
    "again": {"type": "bool", "default": False},
    "repository": {"type": "str"},
    "tag": {"type": "str"},
    "commit_timeout": {"type": "int", "default": 600},
}


def pause_argument_spec() -> Spec:
    return _spec(state=_state("paused", "running"))


def network_argument_spec() -> Spec:
    return _spec(state=_state("disconnected", "connected"), **_NETWORKS)


def link_argument_spec() -> Spec:
    return _spec(state=_state("down", "up"), **_SHARERS)


def kill_argument_spec() -> Spec:
    return _spec(**_KILL)


def commit_argument_spec() -> Spec:
    return _spec(**_COMMIT)


def containment_argument_spec() -> Spec:
    action = {"type": "str", "choices": list(ACTIONS), "required": True}
    return _spec(action=action, **_NETWORKS, **_SHARERS, **_KILL, **_COMMIT)


def container_pause(parameters: Parameters, run: Run, check_mode: bool) -> dict[str, Any]:
    verb = "pause" if parameters["state"] == "paused" else "unpause"
    return perform(verb, parameters, run, check_mode)


def container_network(parameters: Parameters, run: Run, check_mode: bool) -> dict[str, Any]:
    verb = "disconnect" if parameters["state"] == "disconnected" else "connect"
    return perform(verb, parameters, run, check_mode)


def container_link(parameters: Parameters, run: Run, check_mode: bool) -> dict[str, Any]:
    return perform(f"link_{parameters['state']}", parameters, run, check_mode)


def container_kill(parameters: Parameters, run: Run, check_mode: bool) -> dict[str, Any]:
    return perform("kill", parameters, run, check_mode)


def container_commit(parameters: Parameters, run: Run, check_mode: bool) -> dict[str, Any]:
    return perform("commit", parameters, run, check_mode)


def containment(parameters: Parameters, run: Run, check_mode: bool) -> dict[str, Any]:
    if (
        parameters["action"] != "release"
        and parameters["containers"] is None
        and parameters["select"] is None
    ):
        raise InvalidOption("Name the containers with containers, or choose them with select.")
    return perform(parameters["action"], parameters, run, check_mode)


def perform(verb: str, parameters: Parameters, run: Run, check_mode: bool) -> dict[str, Any]:
    """One action for all chosen containers: changed, containers, diff, and msg where any failed."""
    choice = ContainerChoice.from_params(parameters)
    if not 1 <= parameters["parallel"] <= 64:
        raise InvalidOption(f"parallel cannot be {parameters['parallel']}: it is a number from 1 to 64.")
    order = Order(
        wanted=wanted(verb, parameters),
        check_mode=check_mode,
        parallel=parameters["parallel"],
        records=records_of(parameters["records"]),
        evidence=tuple(parameters.get("evidence") or ()),
    )
    engine = Engine.connect(EngineOptions.from_params(parameters))
    return result(Containment(engine, run, order).carry_out(choice))


def wanted(verb: str, parameters: Parameters) -> Wanted:
    """Raises InvalidOption for a signal, a case or a bound that cannot be used."""
    networks = parameters.get("networks")
    signal = parameters.get("signal") or "KILL"
    if not hostile.SIGNAL.match(signal.upper()):
        raise InvalidOption(f"signal cannot be {signal!r}: use a name such as KILL or TERM, or a number.")
    timeout = parameters.get("commit_timeout") or 600
    if not 1 <= timeout <= 86400:
        raise InvalidOption(f"commit_timeout cannot be {timeout}: it is a number of seconds from 1 to 86400.")
    return Wanted(
        verb=verb,
        networks=None if networks is None else tuple(networks),
        signal=signal,
        without_evidence=bool(parameters.get("without_evidence")),
        allow_removal=bool(parameters.get("allow_removal")),
        with_sharers=bool(parameters.get("with_sharers")),
        pause=bool(parameters.get("pause", True)),
        again=bool(parameters.get("again")),
        case=parameters.get("case") or "",
        repository=parameters.get("repository") or "",
        tag=parameters.get("tag") or "",
        commit_timeout=timeout,
    )
