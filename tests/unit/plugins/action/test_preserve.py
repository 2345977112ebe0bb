# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of preserve, with a real sender on this machine in the place of a host."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from ansible_collections.cordon.docker.plugins.action.preserve import ActionModule
from ansible_collections.cordon.docker.plugins.module_utils._preserve import run as sender
from ansible_collections.cordon.docker.plugins.module_utils._preserve.item import Item
from ansible_collections.cordon.docker.plugins.module_utils._preserve.options import (
    SendingOptions,
    sending_argument_spec,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._case import hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.custody import verify_chain

CONTENT = os.urandom(20 << 20)


class Local:
    """A connection to this machine."""

    transport = "local"
    _shell = MagicMock()

    def fetch_file(self, in_path: str, out_path: str) -> None:
        shutil.copyfile(in_path, out_path)


def products() -> sender.Found:
    pieces = [CONTENT[start : start + (1 << 20)] for start in range(0, len(CONTENT), 1 << 20)]
    return ["nobody"], [Item("layer", None, "layer.tar", lambda: pieces, len(CONTENT))]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case.open(tmp_path / "evidence", "INC-7", 0.0)


@pytest.fixture
def act(case: Case, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    stage = tmp_path / "stage"
    stage.mkdir()

    def run(**args: Any) -> dict[str, Any]:
        given = {
            "case": str(case.path),
            "run": "r1",
            "stage_dir": str(stage),
            "idle_seconds": 5,
            "reserve_bytes": 0,
        }
        task = MagicMock(args={**given, **args}, async_val=0, check_mode=False)
        action = ActionModule(task, Local(), MagicMock(), MagicMock(), MagicMock(), MagicMock())  # type: ignore[arg-type]

        def execute(module_args: dict[str, Any], **_more: Any) -> dict[str, Any]:
            defaults = {name: spec.get("default") for name, spec in sending_argument_spec().items()}
            wanted = {name: module_args[name] for name in defaults if name in module_args}
            options = SendingOptions.from_params({**defaults, **wanted, "stage_owner": None})
            return sender.preserve(options, 1 << 40, {}, products)

        def command(text: str, **_more: Any) -> dict[str, Any]:
            done = subprocess.run(text, shell=True, capture_output=True, text=True, check=False)
            return {"rc": done.returncode, "stdout": done.stdout, "stderr": done.stderr}

        monkey: Any = action
        monkey._execute_module = execute
        monkey._low_level_execute_command = command
        monkey._get_remote_user = lambda: None
        return dict(action.run(task_vars={"inventory_hostname": "web1"}))

    return run


@pytest.mark.parametrize("way", ["pipe", "chunks"])
def test_it_arrives_and_is_sealed_and_nothing_is_left(
    act: Callable[..., dict[str, Any]], case: Case, tmp_path: Path, way: str
) -> None:
    result = act(transfer=way)
    assert not result.get("failed"), result
    bag = case.path / result["bag"]
    assert (bag / "data" / "layer.tar").read_bytes() == CONTENT
    rows = [json.loads(line) for line in (bag / "data" / "outcomes.jsonl").read_text().splitlines()]
    assert [(row["item"], row["status"]) for row in rows] == [("host", "collected"), ("layer", "collected")]
    assert rows[1]["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert result["unknown"] == ["nobody"]
    assert list((tmp_path / "stage").iterdir()) == []
    assert not (case.path / "partial" / "web1").exists()
    assert verify_chain(case.path) == []
    assert hosts.of_run(case.path, "r1", "preserve")["web1"].status == "collected"


def test_a_run_that_ends_early_seals_what_is_whole_and_the_next_goes_on(
    act: Callable[..., dict[str, Any]], case: Case
) -> None:
    first = act(transfer="pipe", total_bytes=12 << 20)
    assert first["items"] == {"collected": 1, "failed": 1}
    second = act(transfer="pipe")
    assert (case.path / second["bag"] / "data" / "layer.tar").read_bytes() == CONTENT
    assert first["bag"] != second["bag"]


def test_a_folder_of_another_shape_is_not_touched(
    act: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "preserve", lambda *_args: {"dir": "/etc", "way": "chunks"})
    result = act()
    assert result["failed"]
    assert "odd place" in result["msg"]
