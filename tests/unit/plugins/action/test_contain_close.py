# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a run: what is told, what is to be typed next, and when it fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from ansible_collections.cordon.docker.plugins.action.contain_close import ActionModule
from ansible_collections.cordon.docker.plugins.plugin_utils._case import containments, hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case

ROW = containments.ContainmentRow(
    "r1", "t", "web1", "d" * 64, "dvwa", "isolate", "done", steps=(("Cut.", "verified"),), outstanding=1
)
HOST = hosts.HostRow("r1", "t", "contain", "web1", hosts.DONE)


class Closing:
    def __init__(self, case: Case) -> None:
        self.case = case
        self.text = ""

    def close(self, *everyone: str, verb: str = "contain") -> dict[str, Any]:
        nothing = MagicMock()
        args = {"case": str(self.case.path), "run": "r1", "verb": verb}
        action = ActionModule(
            MagicMock(args=args, async_val=0, check_mode=False), nothing, nothing, nothing, nothing, nothing
        )
        action._display = MagicMock(columns=100)
        result = action.run(task_vars={"ansible_play_hosts_all": list(everyone)})
        (self.text,) = action._display.display.call_args.args
        return result


@pytest.fixture
def closing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Closing:
    monkeypatch.chdir(tmp_path)
    return Closing(Case.open(Path("evidence"), "INC-7", 0.0))


def test_how_to_take_it_back_names_the_hosts_and_containers(closing: Closing) -> None:
    hosts.add(closing.case.path, [HOST])
    containments.add(closing.case.path, [ROW])
    result = closing.close("web1")
    assert "-l web1 -e case=INC-7 -e containers=dvwa" in closing.text
    assert "cordon.docker.release" in closing.text
    assert (result.get("failed", False), result["stop"], result["hosts"]) == (False, False, {"done": 1})


@pytest.mark.parametrize("name", ["$(reboot)", "a b", "-x", "a,b", "\x1b[31m"])
def test_a_hosts_own_words_are_no_part_of_a_command(closing: Closing, name: str) -> None:
    hosts.add(closing.case.path, [HOST])
    containments.add(closing.case.path, [replace(ROW, name=name)])
    closing.close("web1")
    assert f"-e containers={'d' * 12}\n" in closing.text


def test_a_refused_kill_names_what_keeps_it_first(closing: Closing) -> None:
    hosts.add(closing.case.path, [replace(HOST, status=hosts.INCOMPLETE)])
    containments.add(
        closing.case.path,
        [replace(ROW, action="kill", status="refused", reason="No.", steps=(), outstanding=0)],
    )
    closing.close("web1")
    assert "cordon.docker.respond" in closing.text
    assert "-e containers=dvwa -e kill=true" in closing.text


def test_a_good_wave_is_a_line_and_a_bad_one_the_table(closing: Closing) -> None:
    hosts.add(closing.case.path, [HOST])
    containments.add(closing.case.path, [ROW])
    assert closing.close("web1", "web2")["stop"] is False
    assert closing.text.strip() == "1 host done without a failure (1 container); 1 to go."
    hosts.add(closing.case.path, [replace(HOST, status=hosts.UNREACHABLE, reason="No route to host")])
    result = closing.close("web1", "web2")
    assert (result["stop"], result["waiting"]) == (True, 1)
    assert "Stopped after a failure: 1 host not asked (web2)." in closing.text


def test_a_host_that_never_answered_is_a_row(closing: Closing) -> None:
    hosts.add(closing.case.path, [replace(HOST, status=hosts.ASKED)])
    assert closing.close("web1")["hosts"] == {"failed": 1}
    assert "No answer came back" in closing.text


def test_a_name_that_no_host_has_fails_the_run(closing: Closing) -> None:
    hosts.add(closing.case.path, [replace(HOST, unknown=("nonesuch",))])
    result = closing.close("web1")
    assert result["failed"]
    assert "No host that was reached has a container named nonesuch." in result["msg"]


def test_evidence_of_the_run_is_evaluated(closing: Closing) -> None:
    hosts.add(closing.case.path, [HOST, replace(HOST, verb="triage", status=hosts.COLLECTED)])
    closing.close("web1")
    assert (closing.case.path / "findings.jsonl").exists()
    assert (closing.case.path / "compromised.yml").exists()
