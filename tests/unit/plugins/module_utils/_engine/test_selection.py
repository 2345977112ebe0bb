# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.cordon.docker.plugins.module_utils._engine.options import EngineOptions
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import (
    ContainerChoice,
    Selected,
    Unselected,
    resolve,
)
from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption

if TYPE_CHECKING:
    from .conftest import Recorded, Replay


def names(engine: Engine, **params: Any) -> list[str]:
    found = resolve(engine, ContainerChoice.from_params(params))
    return [item.name if isinstance(item, Selected) else f"!{item.requested}" for item in found]


@pytest.fixture
def engine(replay: Replay, options: EngineOptions) -> Engine:
    del replay
    return Engine.connect(options)


def test_without_a_choice_all_are_taken(engine: Engine, recorded: Recorded) -> None:
    listed = {row["Names"][0].lstrip("/") for row in recorded.json("containers")}
    found = names(engine)
    assert found == sorted(found)
    assert set(found) <= listed
    assert {"eng-run", "eng-paused", "eng-exited", "eng-created"} <= set(found)


def test_an_empty_list_takes_none(engine: Engine, replay: Replay) -> None:
    assert names(engine, containers=[]) == []
    assert [path for path, _query in replay.asked] == ["/_ping"]


def test_named_in_their_order_and_once(engine: Engine, recorded: Recorded) -> None:
    container = recorded.json("inspect-run")["Id"]
    assert names(engine, containers=["eng-tty", "/eng-run", container[:12], container]) == [
        "eng-tty",
        "eng-run",
    ]


def test_an_unknown_one_is_an_entry(engine: Engine) -> None:
    found = resolve(engine, ContainerChoice(("eng-run", "nope")))
    assert isinstance(found[0], Selected)
    assert isinstance(found[1], Unselected)
    assert "'nope'" in found[1].error


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("[?State.Status=='paused']", ["eng-paused"]),
        ("[?Name=='/eng-run'].Id", ["eng-run"]),
        ("[?Name=='/eng-run'] | [0]", ["eng-run"]),
        ("[?Config.Labels.role=='test']", ["eng-run"]),
        ("[?Config.Image=='none']", []),
        ("[0].Nothing", []),
    ],
)
def test_selected(engine: Engine, expression: str, expected: list[str]) -> None:
    assert names(engine, select=expression) == expected


@pytest.mark.parametrize(
    "expression", ["[?", "[].Name", "[0].State", "length(@)", "nosuch(@)", "[].Config.Labels"]
)
def test_selections_that_give_no_containers(engine: Engine, expression: str) -> None:
    with pytest.raises(InvalidOption, match="select"):
        names(engine, select=expression)


@pytest.mark.parametrize(
    "params",
    [
        {"containers": ["a/b"]},
        {"containers": [""]},
        {"containers": ["../x"]},
        {"containers": ["a"], "select": "x"},
        {"select": " "},
    ],
)
def test_choices_that_cannot_be(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption):
        ContainerChoice.from_params(params)


def test_a_paused_one_runs(engine: Engine) -> None:
    (paused,) = resolve(engine, ContainerChoice(("eng-paused",)))
    (ended,) = resolve(engine, ContainerChoice(("eng-exited",)))
    assert isinstance(paused, Selected)
    assert isinstance(ended, Selected)
    assert (paused.state, paused.running) == ("paused", True)
    assert (ended.state, ended.running) == ("exited", False)
