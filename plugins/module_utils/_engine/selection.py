# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which containers a task is about: those named, those a JMESPath expression selects, or all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping, Union

from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    CordonError,
    InvalidOption,
    describe,
)

from . import sdk
from .client import Engine, unknown

SELECTION_EXCLUSIVE = ("containers", "select")
_NAME = re.compile(r"/?[A-Za-z0-9][A-Za-z0-9_.-]*\Z")


def selection_argument_spec() -> dict[str, dict[str, Any]]:
    """The options documented in the fragment ``cordon.docker.containers``."""
    return {
        "containers": {"type": "list", "elements": "str", "aliases": ["names", "name"]},
        "select": {"type": "str"},
        "parallel": {"type": "int", "default": 8},
    }


@dataclass(frozen=True)
class ContainerChoice:
    """``named`` is None where none were named, which means all; an empty list means none."""

    named: tuple[str, ...] | None = None
    select: str | None = None

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> ContainerChoice:
        """Raises InvalidOption for what no container can be called."""
        named, select = params.get("containers"), params.get("select")
        if named is not None and select is not None:
            raise InvalidOption(
                "Name the containers or select them, not both: containers and select exclude each other."
            )
        if select is not None and not select.strip():
            raise InvalidOption(
                "select is empty: give a JMESPath expression, or leave it out to take all containers."
            )
        for name in named or ():
            if not _NAME.match(name):
                raise InvalidOption(f"containers has {name!r}, which is no name or ID of a container.")
        return cls(None if named is None else tuple(named), select)


@dataclass(frozen=True)
class Selected:
    """A container the engine has; ``requested`` is how it was named, None where it was not."""

    requested: str | None
    id: str
    name: str
    inspect: dict[str, Any]

    @property
    def state(self) -> str:
        return str((self.inspect.get("State") or {}).get("Status") or "unknown")

    @property
    def running(self) -> bool:
        """Whether it has processes: a paused one has."""
        return bool((self.inspect.get("State") or {}).get("Running"))


@dataclass(frozen=True)
class Unselected:
    """A container that was named and cannot be had, with why."""

    requested: str
    error: str


Choice = Union[Selected, Unselected]


def resolve(engine: Engine, choice: ContainerChoice, parallel: int = 8) -> list[Choice]:
    """The chosen containers, each once, in the order named or by name. Raises EngineError, InvalidOption."""
    if choice.named is not None:
        return _named(engine, choice.named, parallel)
    everything = _everything(engine, parallel)
    if choice.select is None:
        return everything
    kept = _matching(
        engine, choice.select, [item.inspect for item in everything if isinstance(item, Selected)]
    )
    return [item for item in everything if isinstance(item, Unselected) or item.id in kept]


def _named(engine: Engine, names: tuple[str, ...], parallel: int) -> list[Choice]:
    chosen: dict[str, Choice] = {}
    wanted = list(dict.fromkeys(name.lstrip("/") for name in names))
    for name, answer in zip(wanted, engine.inspect_all(wanted, parallel)):
        if answer is None:
            chosen[name] = Unselected(name, unknown(name, engine.address))
        elif isinstance(answer, CordonError):
            chosen[name] = Unselected(name, describe(answer))
        else:
            chosen.setdefault(str(answer.get("Id")), selected(answer, name))
    return list(chosen.values())


def _everything(engine: Engine, parallel: int) -> list[Choice]:
    ids = [str(row.get("Id")) for row in engine.containers(all=True)]
    found: list[Choice] = []
    for container, answer in zip(ids, engine.inspect_all(ids, parallel)):
        if isinstance(answer, CordonError):
            found.append(Unselected(container, describe(answer)))
        elif answer is not None:
            # One that went away since it was listed is no longer there to be shown.
            found.append(selected(answer, None))
    return sorted(found, key=lambda item: item.name if isinstance(item, Selected) else item.requested)


def selected(inspect: dict[str, Any], requested: str | None) -> Selected:
    return Selected(requested, str(inspect.get("Id")), str(inspect.get("Name", "")).lstrip("/"), inspect)


def _matching(engine: Engine, expression: str, documents: list[dict[str, Any]]) -> list[str]:
    """The IDs that an expression over the list of inspect documents gives, as documents or as IDs."""
    jmespath = sdk.load_jmespath(engine.options.sdk_archive, allowed=engine.options.ship_sdk)
    try:
        result = jmespath.search(expression, documents)
    except jmespath.exceptions.JMESPathError as exc:
        raise InvalidOption(
            f"select is no expression that JMESPath understands: {describe_briefly(exc)}"
        ) from exc
    items = result if isinstance(result, list) else [] if result is None else [result]
    ids = [item.get("Id") if isinstance(item, dict) else item for item in items]
    known = {str(document.get("Id")) for document in documents}
    if not all(isinstance(item, str) and item in known for item in ids):
        raise InvalidOption(
            f"select has to give containers, or their IDs; {expression!r} gives something else. "
            "For example: [?Config.Image=='nginx'], with backquotes or single quotes around texts."
        )
    return [str(item) for item in ids]


def describe_briefly(exc: BaseException) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0]
