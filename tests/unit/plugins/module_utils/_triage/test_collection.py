# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole run against an engine that answers from a script, with the kernel's side of a host that has none of it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    CordonError,
    EngineError,
    EngineUnreachable,
)
from ansible_collections.cordon.docker.plugins.module_utils._triage import collection, first_look
from ansible_collections.cordon.docker.plugins.module_utils._triage.options import (
    CONTAINER_ITEMS,
    TriageOptions,
)
from ansible_collections.cordon.docker.plugins.module_utils._triage.run import triage
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._host.recordings import (
    load,
    raise_proc,
)
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._triage.test_options import options

IDS = {"web": "a" * 64, "db": "b" * 64}


class ScriptedEngine:
    """The calls of an engine on another host: nothing of its containers is in this /proc."""

    address = "tcp://192.0.2.7:2375"
    engine_version = "28.0.0"
    api_version = "1.48"

    def __init__(self, given: TriageOptions, **broken: Exception) -> None:
        self.options = given.engine
        self.broken = broken
        self.asked: list[str] = []

    def _answer(self, call: str, value: Any) -> Any:
        self.asked.append(call)
        if call in self.broken:
            raise self.broken[call]
        return value

    def version(self, **_more: Any) -> Any:
        return self._answer("version", {"Version": "28.0.0"})

    def info(self, **_more: Any) -> Any:
        return self._answer("info", {"Driver": "overlay2", "SecurityOptions": ["name=rootless"]})

    def containers(self, **_more: Any) -> Any:
        return self._answer("containers", [{"Id": each} for each in IDS.values()])

    def _inspect(self, name: str) -> Any:
        if name not in (*IDS, *IDS.values()):
            return None
        full = IDS.get(name, name)
        state = {"Status": "running", "Running": True, "Pid": 4_000_000, "StartedAt": "2026-01-01T00:00:00Z"}
        title = next(title for title, each in IDS.items() if each == full)
        return {"Id": full, "Name": f"/{title}", "Image": "sha256:1", "State": state,
                "GraphDriver": {"Name": "overlay2", "Data": {"UpperDir": "/no/u", "LowerDir": "/no/l"}},
                "HostConfig": {"NetworkMode": "bridge", "LogConfig": {"Type": "json-file"}}, "Mounts": []}  # fmt: skip

    def inspect_all(self, names: Any, _parallel: int) -> Any:
        return [self._inspect(name) for name in names]

    def events(self, *_arguments: Any, **_more: Any) -> Any:
        return self._answer("events", [{"Action": "start"}])

    def top(self, *_arguments: Any, **_more: Any) -> Any:
        return self._answer("top", {"Titles": ["PID"], "Processes": [["1"]]})

    def iter_changes(self, *_arguments: Any, **_more: Any) -> Any:
        yield self._answer("changes", {"Path": "/x", "Kind": 1})

    def stats(self, *_arguments: Any, **_more: Any) -> Any:
        return self._answer("stats", {"cpu_stats": {}, "memory_stats": {"usage": 7, "limit": 70}})

    def logs(self, *_arguments: Any, **_more: Any) -> Any:
        return iter(self._answer("logs", []))

    def image(self, *_arguments: Any, **_more: Any) -> Any:
        return self._answer("image", None)

    def image_history(self, *_arguments: Any, **_more: Any) -> Any:
        return self._answer("history", [{"Id": "sha256:1"}])


@pytest.fixture
def run_triage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    proc = raise_proc(load("28"), tmp_path / "proc")
    stage = tmp_path / "stage"
    stage.mkdir()

    def run(
        broken: dict[str, Exception], **given: Any
    ) -> tuple[dict[str, Any], dict[tuple[str, str], Any], Any]:
        chosen = options(stage_dir=str(stage), **given)
        engine = ScriptedEngine(chosen, **broken)
        for module in (collection, first_look):
            monkeypatch.setattr(module, "PROC", str(proc))
        monkeypatch.setattr(Engine, "connect", classmethod(lambda _cls, _options: engine))
        result = triage(chosen, lambda _command: (0, "[]", ""))
        with zipfile.ZipFile(result["bundle"]["path"]) as archive:
            lines = archive.read("outcomes.jsonl").splitlines()
            content = {name: archive.read(name) for name in archive.namelist()}
        outcomes = [json.loads(line) for line in lines]
        by_item = {(row["item"], (row["container"] or {}).get("name", "")): row for row in outcomes}
        assert len(by_item) == len(outcomes)
        return result, by_item, content

    return run


def test_an_engine_on_another_host(run_triage: Any) -> None:
    result, outcomes, content = run_triage({})
    assert result["containers"] == {"running": 2}
    assert {item for item, name in outcomes if name == "web"} == set(CONTAINER_ITEMS)
    status = {item: row["status"] for (item, name), row in outcomes.items() if name == "web"}
    assert {item for item, found in status.items() if found == "collected"} == {
        "inspect", "top", "changes", "stats", "history",
    }  # fmt: skip
    assert {item for item, found in status.items() if found == "missing"} == {
        "processes", "sockets", "links", "layer", "image",
    }  # fmt: skip
    assert json.loads(content["containers/aaaaaaaaaaaa/top.json"])["source"] == "engine"
    assert json.loads(content["containers/aaaaaaaaaaaa/changes.jsonl"]) == {
        "path": "/x",
        "kind": "A",
        "source": "engine",
    }
    host = json.loads(content["host.json"])
    assert (host["engine"]["rootless"], host["engine"]["version"]) == (True, "28.0.0")
    assert host["asked"]["since"] == "24h"


@pytest.mark.parametrize("call", ["events", "top", "changes", "stats", "history", "logs", "info"])
def test_one_failing_call_is_its_row_and_nothing_else(run_triage: Any, call: str) -> None:
    item = {"logs": "log_tail", "info": "engine"}.get(call, call)
    _result, outcomes, _content = run_triage({call: EngineError("The engine is out of sorts.")})
    failed = {item for (item, _name), row in outcomes.items() if row["status"] == "failed"}
    assert failed == {item} | ({"log_hits"} if call == "logs" else set())
    assert "out of sorts" in next(row["reason"] for row in outcomes.values() if row["status"] == "failed")


def test_names_that_are_not_there(run_triage: Any) -> None:
    result, outcomes, _content = run_triage({}, containers=["web", "nosuch"])
    assert result["unknown"] == ["nosuch"]
    assert outcomes["inspect", ""]["status"] == "missing"
    assert "nosuch" in outcomes["inspect", ""]["reason"]
    assert outcomes["inspect", "web"]["status"] == "collected"


def test_only_what_is_asked_for(run_triage: Any) -> None:
    _result, outcomes, _content = run_triage({}, collectors=["inspect", "host"], containers=["db"])
    assert set(outcomes) == {("inspect", "db"), ("host", "")}


def test_no_containers(run_triage: Any) -> None:
    result, outcomes, _content = run_triage({}, containers=[])
    assert result["containers"] == {}
    assert {item for item, _name in outcomes} == {"events", "engine", "host"}


def test_nothing_stays_behind_when_the_engine_fails(run_triage: Any, tmp_path: Path) -> None:
    with pytest.raises(CordonError, match="does not answer"):
        run_triage({"containers": EngineUnreachable("The engine does not answer.")})
    assert list((tmp_path / "stage").iterdir()) == []
