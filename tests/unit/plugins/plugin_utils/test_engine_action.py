# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.plugin_utils import _engine_action
from ansible_collections.cordon.docker.plugins.plugin_utils._engine_action import EngineAction
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.sdk import sdk_archive


class Action(EngineAction):
    """One that runs nothing, and keeps what it was to run."""

    def __init__(self, args: dict[str, Any]) -> None:
        self.ran: list[dict[str, Any]] = []
        self._task: Any = SimpleNamespace(args=args, async_val=0, action="cordon.docker.container_info")
        self._connection: Any = SimpleNamespace(has_native_async=False, _shell=SimpleNamespace(tmpdir=None))

    def _is_pipelining_enabled(self, module_style: str, wrap_async: bool = False) -> bool:  # noqa: ARG002
        return False

    def _execute_module(self, **given: Any) -> dict[str, Any]:  # type: ignore[override]
        self.ran.append(given)
        return {"containers": [], "invocation": {"module_args": dict(given["module_args"])}}

    def _remove_tmp_path(self, tmp_path: Any, force: bool = False) -> None:
        pass


def test_the_sdk_travels_and_is_not_in_the_result() -> None:
    action = Action({"containers": ["a"]})
    result = action.execute_engine_module({})
    assert base64.b64decode(action.ran[0]["module_args"]["_sdk_archive"]) == sdk_archive()
    assert action.ran[0]["module_args"]["containers"] == ["a"]
    assert result["invocation"]["module_args"] == {"containers": ["a"]}


@pytest.mark.parametrize("value", [False, "no", "false", 0])
def test_it_stays_when_forbidden(value: Any) -> None:
    action = Action({"ship_sdk": value, "_sdk_archive": "from a playbook"})
    action.execute_engine_module({})
    assert action.ran[0]["module_args"] == {"ship_sdk": value}


def test_it_stays_where_the_controller_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_engine_action, "_ARCHIVE", None)
    assert Action({}).engine_module_args({"containers": []}) == {"containers": []}


class Direct(EngineAction):
    """One over a connection that pipelines: each command is answered as the test says, and kept."""

    def __init__(self, args: dict[str, Any], *answers: dict[str, Any], **task: Any) -> None:
        self.commands: list[tuple[str, bytes]] = []
        self._answers = list(answers)
        given: dict[str, Any] = {
            "async_val": 0,
            "check_mode": False,
            "diff": False,
            "delegate_to": None,
            **task,
        }
        self._task: Any = SimpleNamespace(args=args, action="cordon.docker.container_pause", **given)
        self._connection: Any = SimpleNamespace(has_native_async=False, _shell=SimpleNamespace(tmpdir=None))
        self._templar: Any = SimpleNamespace(template=lambda value: value)
        self._discovered_interpreter_key = None

    def _is_pipelining_enabled(self, module_style: str, wrap_async: bool = False) -> bool:  # noqa: ARG002
        return True

    def _compute_environment_string(self, raw_environment_out: Any = None) -> str:  # noqa: ARG002
        return "LANG=C"

    def _low_level_execute_command(self, cmd: str, **given: Any) -> dict[str, Any]:  # type: ignore[override]
        self.commands.append((cmd, given["in_data"]))
        order = json.loads(given["in_data"].rpartition(b"\n")[2])
        told = self._answers.pop(0)
        return {"stdout": f"lecture\n{order['token']}{json.dumps(told)}\n", "stderr": "", "rc": 0}

    def _execute_module(self, **given: Any) -> dict[str, Any]:  # type: ignore[override]
        return {"framed": given["module_args"]}

    def _remove_tmp_path(self, tmp_path: Any, force: bool = False) -> None:
        pass

    @property
    def orders(self) -> list[dict[str, Any]]:
        return [dict(json.loads(sent.rpartition(b"\n")[2])) for _command, sent in self.commands]


FOUND = {"ansible_facts": {"discovered_interpreter_python": "/usr/bin/python3.11"}}


def test_with_pipelining_no_frame_is_sent_and_no_sdk() -> None:
    action = Direct(
        {"containers": ["a"]}, {"changed": True, "containers": [], "python": "/usr/bin/python3.11"}
    )
    result = action.execute_engine_module(dict(FOUND))
    assert result == {
        "changed": True,
        "containers": [],
        "invocation": {"module_args": {"containers": ["a"]}},
    }
    ((command, _sent),) = action.commands
    assert command.startswith("LANG=C /usr/bin/python3.11 -c ")
    (order,) = action.orders
    assert order["params"]["containers"] == ["a"]
    assert order["params"]["_sdk_archive"] is None
    assert (order["module"], order["check_mode"]) == ("container_pause", False)


def test_the_sdk_is_sent_after_where_it_is_asked_for() -> None:
    action = Direct({"select": "[]"}, {"failed": True, "sdk_missing": True}, {"containers": []})
    assert "sdk_missing" not in action.execute_engine_module(dict(FOUND))
    first, second = action.orders
    assert first["params"]["_sdk_archive"] is None
    assert base64.b64decode(second["params"]["_sdk_archive"]) == sdk_archive()


def test_it_is_not_sent_after_where_it_may_not() -> None:
    missing = {"failed": True, "msg": "No SDK.", "sdk_missing": True}
    action = Direct({"select": "[]", "ship_sdk": False}, missing)
    assert action.execute_engine_module(dict(FOUND))["msg"] == "No SDK."
    assert len(action.commands) == 1


def test_an_unknown_python_is_found_on_the_way_and_remembered() -> None:
    action = Direct({"containers": ["a"]}, {"containers": [], "python": "/usr/bin/python3.13"})
    variables: dict[str, Any] = {}
    result = action.execute_engine_module(variables)
    assert action.commands[0][0].startswith("LANG=C /bin/sh -c ")
    assert result["ansible_facts"] == {"discovered_interpreter_python": "/usr/bin/python3.13"}
    assert variables["ansible_facts"] == result["ansible_facts"]


@pytest.mark.parametrize("path", ["/usr/bin/python3; reboot", "python3", 7, None, "/a" * 200])
def test_what_a_host_calls_its_python_is_not_believed(path: Any) -> None:
    result = Direct({"containers": ["a"]}, {"containers": [], "python": path}).execute_engine_module({})
    assert "ansible_facts" not in result


def test_a_host_adds_no_facts_and_no_hosts() -> None:
    lies = {
        "ansible_facts": {"ansible_connection": "local"},
        "add_host": {"host_name": "x"},
        "_ansible_delegated_vars": {},
        "warnings": ["\x1b[31m"],
        "containers": [],
    }
    result = Direct({"containers": ["a"]}, lies).execute_engine_module(dict(FOUND))
    assert {*result} == {"containers", "invocation"}


@pytest.mark.parametrize(
    ("args", "task"),
    [
        ({"containers": ["a"], "select": "[]"}, {}),  # exclude each other
        ({}, {}),  # none chosen
        ({"containers": ["a"], "state": "frozen"}, {}),
        ({"containers": ["a"], "stat": "paused"}, {}),
        ({"containers": ["a"]}, {"async_val": 60}),
    ],
)
def test_what_the_frame_says_better_is_left_to_it(args: dict[str, Any], task: dict[str, Any]) -> None:
    action = Direct(args, **task)
    action._connection.has_native_async = True
    assert "framed" in action.execute_engine_module(dict(FOUND))
    assert action.commands == []


def test_check_mode_and_diff_are_told() -> None:
    action = Direct({"containers": ["a"]}, {"containers": []}, check_mode=True, diff=True)
    action.execute_engine_module(dict(FOUND))
    assert (action.orders[0]["check_mode"], action.orders[0]["diff"]) == (True, True)


def test_a_delegated_task_goes_by_the_other_hosts_python() -> None:
    action = Direct({"containers": ["a"]}, {"containers": []}, delegate_to="web2")
    other = {"ansible_facts": {"discovered_interpreter_python": "/opt/python3"}}
    action.execute_engine_module({**FOUND, "ansible_delegated_vars": {"web2": other}})
    assert action.commands[0][0].startswith("LANG=C /opt/python3 -c ")
