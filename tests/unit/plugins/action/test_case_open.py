# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which case a run goes into, and whether the next of its waves begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from ansible_collections.cordon.docker.plugins.action.case_open import ActionModule
from ansible_collections.cordon.docker.plugins.plugin_utils._case import hosts


class Opening:
    """Waves of one run, all in this process as Ansible's are in its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.everyone = ["a", "b", "c"]
        self.said = MagicMock()

    def wave(self, *asked: str, verb: str = "contain", case: str = "", newest: bool = True) -> dict[str, Any]:
        args = {"case": case, "evidence_dir": str(self.home), "verb": verb, "newest": newest}
        nothing = MagicMock()
        task = MagicMock(args=args, async_val=0, check_mode=False)
        action = ActionModule(task, nothing, nothing, nothing, nothing, nothing)
        action._display = self.said
        variables = {"ansible_play_batch": list(asked), "ansible_play_hosts_all": self.everyone}
        return action.run(task_vars=variables)

    def end(self, opened: dict[str, Any], host: str, status: str) -> None:
        row = hosts.of_run(Path(opened["path"]), opened["run"], "contain")[host]
        hosts.add(Path(opened["path"]), [replace(row, status=status)])


@pytest.fixture
def opening(tmp_path: Path) -> Opening:
    return Opening(tmp_path / "evidence")


def test_waves_go_into_one_run_of_one_case_whatever_others_do(opening: Opening) -> None:
    first = opening.wave("a", case="INC-7")
    opening.end(first, "a", hosts.DONE)
    opening.wave("x", case="OTHER", verb="triage")
    second = opening.wave("b")
    assert (second["case"], second["run"], second["newest"]) == ("INC-7", first["run"], True)


@pytest.mark.parametrize("status", [hosts.ASKED, hosts.FAILED, hosts.UNREACHABLE, hosts.INCOMPLETE])
def test_no_wave_begins_after_a_failure(opening: Opening, status: str) -> None:
    first = opening.wave("a", "b", case="INC-7")
    opening.end(first, "a", status)
    opening.end(first, "b", hosts.DONE)
    second = opening.wave("c")
    assert second["failed"]
    assert second["msg"].startswith("Stopped before this wave, since the one before had a failure (a).")
    assert set(hosts.of_run(Path(first["path"]), first["run"], "contain")) == {"a", "b"}


def test_another_play_of_the_same_command_is_no_wave(opening: Opening) -> None:
    first = opening.wave("a", case="INC-7")
    opening.end(first, "a", hosts.FAILED)
    assert not opening.wave("a", case="INC-7").get("failed")
    opening.everyone = ["d"]
    assert not opening.wave("d", case="INC-7").get("failed")


def test_the_newest_case_is_said(opening: Opening) -> None:
    opening.wave("a", case="INC-7")
    opening.wave("a")
    (said,) = opening.said.display.call_args.args
    assert said.startswith("Case INC-7, the newest in ")


def test_where_there_is_none_one_is_opened_and_said(opening: Opening) -> None:
    opened = opening.wave("a")
    (said,) = opening.said.display.call_args.args
    assert said == f"There is no case in {opening.home} yet: this one is {opened['case']}."
    assert opened["newest"] is False


def test_a_triage_never_goes_on_with_the_newest(opening: Opening) -> None:
    opening.wave("a", case="INC-7")
    opened = opening.wave("a", verb="triage", newest=False)
    assert opened["case"] != "INC-7"
