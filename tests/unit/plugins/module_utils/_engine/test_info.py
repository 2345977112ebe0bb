# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the five modules return, from recorded answers."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._engine import info, logs
from ansible_collections.cordon.docker.plugins.module_utils._engine.answer import Answer
from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    EngineUnreachable,
    InvalidOption,
)

if TYPE_CHECKING:
    from .conftest import Recorded, Replay

Verb = Callable[[Any], Answer]
VERBS: list[tuple[Verb, Callable[[], Any]]] = [
    (info.container_info, info.container_argument_spec),
    (info.container_stats_info, info.stats_argument_spec),
    (info.container_top_info, info.top_argument_spec),
    (info.container_diff_info, info.info_argument_spec),
    (logs.container_logs_info, logs.logs_argument_spec),
]


@pytest.fixture
def ask(replay: Replay, tmp_path: Path) -> Callable[..., Answer]:
    del replay

    def call(verb: Verb, **given: Any) -> Answer:
        spec = dict(VERBS)[verb]()
        params = {name: option.get("default") for name, option in spec.items()}
        params.update({"docker_host": f"unix://{tmp_path}/engine.sock", "timeout": 2, **given})
        if "interval" in spec and "interval" not in given:
            params["interval"] = 0.1
        return verb(params)

    return call


@pytest.mark.parametrize("verb", [verb for verb, _spec in VERBS])
def test_one_entry_each_and_unknown_ones_are_told(ask: Callable[..., Answer], verb: Verb) -> None:
    answer = ask(
        verb, containers=["eng-exited", "nope", "eng-run"] if verb is info.container_info else ["nope"]
    )
    assert answer.failure is not None
    assert answer.failure.startswith("There is no container 'nope' on the engine at unix://")
    (missing,) = [entry for entry in answer.containers if entry["failed"]]
    assert (missing["id"], missing["name"]) == (None, "nope")


def test_all_that_failed_are_named(ask: Callable[..., Answer]) -> None:
    answer = ask(info.container_info, containers=["nope", "nor-this"])
    assert answer.failure is not None
    assert answer.failure.startswith("2 containers failed: nope: There is no")
    assert "nor-this: There is no" in answer.failure


def test_container_info(ask: Callable[..., Answer], recorded: Recorded) -> None:
    (entry,) = ask(info.container_info, containers=["eng-paused"]).containers
    assert entry["status"].endswith("(Paused)")
    assert "inspect" not in entry
    (entry,) = ask(info.container_info, containers=["eng-paused"], inspect=True).containers
    assert entry["inspect"] == recorded.json("inspect-paused")


def test_container_stats_info_does_not_ask_about_what_does_not_run(
    ask: Callable[..., Answer], replay: Replay
) -> None:
    answer = ask(info.container_stats_info, containers=["eng-run", "eng-exited"])
    assert answer.failure is None
    running, ended = answer.containers
    assert running["memory_bytes"] > 0
    assert (ended["state"], ended["memory_bytes"], ended["pids"]) == ("exited", 0, 0)
    assert [path for path, _query in replay.asked if path.endswith("/stats")] == [
        f"/containers/{running['id']}/stats"
    ] * 2
    assert all(
        query == {"stream": "0", "one-shot": "1"} for path, query in replay.asked if path.endswith("/stats")
    )


def test_container_top_info(ask: Callable[..., Answer], replay: Replay) -> None:
    answer = ask(info.container_top_info, containers=["eng-run", "eng-exited"], ps_args="-ef")
    assert [bool(entry["processes"]) for entry in answer.containers] == [True, False]
    assert ("-ef") in [query.get("ps_args") for _path, query in replay.asked]


def test_one_that_ends_meanwhile_has_no_processes(
    ask: Callable[..., Answer], replay: Replay, recorded: Recorded
) -> None:
    stale = copy.deepcopy(recorded.json("inspect-exited"))
    stale["State"].update(Running=True, Status="running")
    answers = iter([stale, recorded.json("inspect-exited")])
    original = replay.answer

    def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        import json

        return (200, {}, json.dumps(next(answers)).encode()) if path.endswith("/json") else original(path)

    replay.answer = answer  # type: ignore[method-assign]
    (entry,) = ask(info.container_top_info, containers=["eng-exited"]).containers
    assert (entry["failed"], entry["processes"]) == (False, [])


def test_container_diff_info(ask: Callable[..., Answer]) -> None:
    (entry,) = ask(info.container_diff_info, containers=["eng-run"]).containers
    assert {"path": "/srv/new/a", "kind": "A"} in entry["changes"]
    assert entry["counts"]["deleted"] >= 1


def test_logs_of_the_engine(ask: Callable[..., Answer], replay: Replay) -> None:
    (entry,) = ask(logs.container_logs_info, containers=["eng-local"], since="1h", tail=5).containers
    assert (entry["source"], entry["driver"]) == ("engine", "local")
    assert len(entry["lines"]) == 5
    assert entry["truncated"] is False
    assert replay.asked[-1][1]["tail"] == "5"
    (entry,) = ask(logs.container_logs_info, containers=["eng-tty"], keyword=["jndi"]).containers
    assert [match["line"] for match in entry["matches"]] == ["jndi two"]
    assert entry["lines"] == []


def test_logs_that_there_are_not(ask: Callable[..., Answer], replay: Replay) -> None:
    none, created = ask(logs.container_logs_info, containers=["eng-none", "eng-created"]).containers
    assert (none["source"], none["truncated"], none["lines"]) == (None, True, [])
    assert (created["source"], created["truncated"], created["lines"]) == (None, False, [])
    assert not [path for path, _query in replay.asked if path.endswith("/logs")]


def test_logs_of_files(
    ask: Callable[..., Answer], replay: Replay, recorded: Recorded, tmp_path: Path
) -> None:
    document = recorded.json("inspect-tty")
    container = document["Id"]
    document["LogPath"] = str(tmp_path / container / f"{container}-json.log")
    (tmp_path / container).mkdir()
    shutil.copy(str(recorded.folder / "rot-json.log"), document["LogPath"])
    replay._inspects["tty"] = document
    (entry,) = ask(logs.container_logs_info, containers=["eng-tty"], tail=3).containers
    assert (entry["source"], entry["files"]) == ("files", [document["LogPath"]])
    assert [line["line"].split()[2] for line in entry["lines"]] == ["597", "598", "599"]
    assert set(entry["lines"][0]) == {"time", "stream", "line"}
    (entry,) = ask(
        logs.container_logs_info, containers=["eng-tty"], tail=3, regex=[r"line 59[79]"]
    ).containers
    assert [match["line"].split()[2] for match in entry["matches"]] == ["597", "599"]
    (entry,) = ask(
        logs.container_logs_info, containers=["eng-tty"], keyword=["rot"], max_bytes=120
    ).containers
    assert len(entry["matches"]) == 2
    assert entry["truncated"]
    assert "max_bytes" in entry["truncated_reason"]
    (entry,) = ask(logs.container_logs_info, containers=["eng-tty"], max_bytes=120).containers
    assert [line["line"].split()[2] for line in entry["lines"]] == ["598", "599"]


@pytest.mark.parametrize(
    ("verb", "given"),
    [
        (info.container_info, {"parallel": 0}),
        (info.container_info, {"parallel": 65}),
        (info.container_stats_info, {"interval": 0.0}),
        (logs.container_logs_info, {"max_matches": -1}),
        (logs.container_logs_info, {"regex": ["("]}),
        (logs.container_logs_info, {"since": "soon"}),
    ],
)
def test_options_are_checked_before_the_engine_is_asked(
    ask: Callable[..., Answer], replay: Replay, verb: Verb, given: dict[str, Any]
) -> None:
    with pytest.raises(InvalidOption):
        ask(verb, **given)
    assert replay.asked == []


@pytest.mark.parametrize("verb", [verb for verb, _spec in VERBS])
def test_no_engine(ask: Callable[..., Answer], verb: Verb) -> None:
    with pytest.raises(EngineUnreachable):
        ask(verb, docker_host="unix:///nonexistent/docker.sock")
