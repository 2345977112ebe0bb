# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
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
