# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of a triage against hosts that lie, fall silent or break: always a row, never more."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure

from ansible_collections.cordon.docker.plugins.action.triage import ActionModule
from ansible_collections.cordon.docker.plugins.module_utils._evidence.bundle import (
    BundleWriter,
    Deadline,
    Limits,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.content import document
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import ContainerRef
from ansible_collections.cordon.docker.plugins.plugin_utils._case import hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.custody import verify_chain

FOLDER = "/dev/shm/cordon-ab12cd34"
Answer = Callable[[], dict[str, Any]]


class Host:
    """What the action sees of a host: an answer, a file to fetch, and a shell."""

    def __init__(self, tmp_path: Path) -> None:
        self.bundle = tmp_path / "on-the-host.zip"
        self.commands: list[str] = []
        self.rc = 0
        writer = BundleWriter.create(self.bundle, Limits(1 << 20, 1 << 20, 1 << 20), Deadline.after(60))
        writer.add("host", None, "host.json", lambda: document({"hostname": "web1"}))
        writer.add(
            "inspect", ContainerRef("0" * 64, "shop"), "inspect.json", lambda: document({"Name": "/shop"})
        )
        self.size, self.sha256 = writer.finish()

    def answer(self, **changes: Any) -> dict[str, Any]:
        bundle = {
            "dir": FOLDER,
            "path": f"{FOLDER}/bundle.zip",
            "bytes": self.size,
            "sha256": self.sha256,
            **changes,
        }
        return {"changed": False, "bundle": bundle, "host": {"time": "2026-01-02T12:00:00.000000Z"}}

    def fetch_file(self, in_path: str, out_path: str) -> None:
        assert in_path == f"{FOLDER}/bundle.zip"
        shutil.copyfile(self.bundle, out_path)

    def command(self, command: str, sudoable: bool = True) -> dict[str, Any]:
        assert not sudoable
        self.commands.append(command)
        return {"rc": self.rc, "stdout": "", "stderr": "Device or resource busy"}


class Triaging:
    """One run of the action on one host."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.host = Host(tmp_path)
        self.monkeypatch = monkeypatch
        self.case = Case.open(tmp_path / "evidence", "INC-7", 1767355200.0)
        task = MagicMock(args={"case": str(self.case.path), "run": "r1"}, async_val=0, check_mode=False)
        connection = MagicMock()
        connection.fetch_file = self.host.fetch_file
        nothing = MagicMock()
        self.action = ActionModule(task, connection, nothing, nothing, nothing, nothing)
        monkeypatch.setattr(self.action, "_get_remote_user", lambda: "ada")
        monkeypatch.setattr(self.action, "_is_pipelining_enabled", lambda _style: False)
        monkeypatch.setattr(self.action, "_low_level_execute_command", self.host.command)
        self.module: dict[str, Any] = {}

    def run(self, answer: Answer) -> dict[str, Any]:
        def execute(
            module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]
        ) -> dict[str, Any]:
            assert module_name == "cordon.docker.triage"
            assert task_vars
            self.module = module_args
            return answer()

        self.monkeypatch.setattr(self.action, "_execute_module", execute)
        return self.action.run(task_vars={"inventory_hostname": "web1"})

    @property
    def row(self) -> hosts.HostRow:
        return hosts.of_run(self.case.path, "r1", "triage")["web1"]

    @property
    def told(self) -> list[str]:
        return [json.loads(line)["action"] for line in (self.case.path / "custody.jsonl").open()]


@pytest.fixture
def triaging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Triaging:
    return Triaging(tmp_path, monkeypatch)


def test_a_host_is_collected_and_its_copy_removed(triaging: Triaging) -> None:
    result = triaging.run(triaging.host.answer)
    assert (result["status"], result["containers"], result["changed"]) == ("collected", 1, False)
    assert triaging.host.commands == [f"rm -rf -- {FOLDER}"]
    assert triaging.told == ["case opened", "bundle received", "evidence sealed", "host copy removed"]
    assert (triaging.case.path / result["bag"] / "data" / "host.json").is_file()
    assert (triaging.row.status, triaging.row.bag) == ("collected", result["bag"])


def test_the_module_hears_what_it_needs_and_nothing_of_the_case(triaging: Triaging) -> None:
    triaging.run(triaging.host.answer)
    assert triaging.module["stage_owner"] == "ada"
    assert triaging.module["controller_time"].endswith("Z")
    assert not {"case", "run"} & set(triaging.module)


def raises(exc: Exception) -> Answer:
    def answer() -> dict[str, Any]:
        raise exc

    return answer


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (raises(AnsibleConnectionFailure("No route to host")), "unreachable", "No route to host"),
        (raises(RuntimeError("x\x1b[2J\ny")), "failed", r"RuntimeError: x\x1b[2J y"),
        (lambda: {"failed": True, "msg": "There is no engine."}, "failed", "There is no engine."),
        (lambda: {"msg": "rc 1", "module_stderr": "a\nKilled"}, "failed", "rc 1 Killed"),
        (dict, "failed", "no answer that can be read"),
        (lambda: {"bundle": "x"}, "failed", "announces no bundle"),
        (lambda: {"bundle": {"dir": "/etc", "path": "/etc/x.zip"}}, "failed", "odd place"),
    ],
)
def test_whatever_goes_wrong_is_a_row(triaging: Triaging, answer: Answer, status: str, said: str) -> None:
    result = triaging.run(answer)
    assert (result["status"], triaging.row.status) == (status, status)
    assert said in (triaging.row.reason or "")
    assert result["failed"]
    assert triaging.host.commands == []
    assert triaging.told[-1] == f"host {status}"
    assert verify_chain(triaging.case.path) == []


@pytest.mark.parametrize("change", [{"sha256": hashlib.sha256(b"").hexdigest()}, {"bytes": 5}])
def test_without_agreement_the_host_keeps_its_copy(triaging: Triaging, change: dict[str, Any]) -> None:
    result = triaging.run(lambda: triaging.host.answer(**change))
    assert result["status"] == "failed"
    assert f"stays on the host, in {FOLDER}." in result["msg"]
    assert triaging.host.commands == []
    assert triaging.told[-2:] == ["host copy left", "host failed"]
    assert not (triaging.case.path / "web1").exists()
    assert list((triaging.case.path / ".incoming").iterdir()) == []


def test_a_copy_that_cannot_be_removed_is_told(triaging: Triaging) -> None:
    triaging.host.rc = 1
    result = triaging.run(triaging.host.answer)
    assert result["status"] == "collected"
    assert "could not be removed from the host: Device or resource busy" in result["msg"]
    assert triaging.told[-1] == "host copy left"


def test_nothing_a_host_calls_a_fact_or_a_result_is_taken(triaging: Triaging) -> None:
    hostile = {
        "ansible_facts": {"ansible_connection": "local"},
        "warnings": ["x"],
        "invocation": {},
        "seconds": "x",
    }
    result = triaging.run(lambda: {**triaging.host.answer(), **hostile})
    assert set(result) == {"status", "bag", "containers", "items", "seconds", "changed", "msg", "unknown"}
    assert isinstance(result["seconds"], float)


def test_names_of_containers_are_bounded_and_plain(triaging: Triaging) -> None:
    result = triaging.run(lambda: {**triaging.host.answer(), "unknown": ["a\n"] * 500})
    assert result["unknown"] == [r"a\x0a"] * 100


@pytest.mark.parametrize("args", [{}, {"case": "/nowhere", "run": "r1"}, {"case": "relative", "run": "r1"}])
def test_without_a_case_nothing_is_asked(triaging: Triaging, args: dict[str, str]) -> None:
    triaging.action._task.args = args
    with pytest.raises(AnsibleActionFail, match="case_open"):
        triaging.run(triaging.host.answer)
    assert triaging.module == {}
