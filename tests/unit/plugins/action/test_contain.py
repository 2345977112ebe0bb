# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of contain, release and respond: what is asked of the host, in what order, and what the
case holds before success is told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.cordon.docker.plugins.action import contain, release, respond
from ansible_collections.cordon.docker.plugins.module_utils._containment.record import Record
from ansible_collections.cordon.docker.plugins.module_utils._containment.steps import Pause
from ansible_collections.cordon.docker.plugins.plugin_utils._case import containments, hosts, records
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.custody import verify_chain
from ansible_collections.cordon.docker.plugins.plugin_utils._containment_action import ContainmentAction

DVWA = "d" * 64
SHOP = "5" * 64
NAMES = {DVWA: "dvwa", SHOP: "shop"}
ACTIONS: dict[str, type[ContainmentAction]] = {
    "contain": contain.ActionModule,
    "release": release.ActionModule,
    "respond": respond.ActionModule,
}


def outstanding(container: str) -> Record:
    return Record(container, NAMES[container]).begin(
        Pause(container), "2026-01-02T12:00:00.000000Z", "INC-7", "pause"
    )


class Host:
    """A host with two containers, whose module does what it is asked; a test may spoil its answers."""

    def __init__(self) -> None:
        self.ids = dict(NAMES)
        self.asked: list[tuple[str, tuple[str, ...], bool]] = []
        self.module: dict[str, Any] = {}
        self.refuse: dict[str, str] = {}
        self.spoil: Callable[[dict[str, Any]], Any] = lambda entry: entry
        self.check: Callable[[], bool] = lambda: False

    def execute(
        self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        assert module_name == "cordon.docker.containment"
        assert task_vars
        self.module = module_args
        named = tuple(module_args.get("containers") or self.ids)
        self.asked.append((module_args["action"], named, self.check()))
        told = [self.spoil(self._entry(name, module_args["action"])) for name in named]
        return {
            "changed": True,
            "containers": told,
            "diff": [_diff(entry) for entry in told if isinstance(entry, dict)],
        }

    def _entry(self, name: str, action: str) -> dict[str, Any]:
        found = next((key for key, known in self.ids.items() if name in (key, known)), None)
        if found is None:
            error = f"There is no container {name!r} on the engine at unix:///run/docker.sock. List them."
            return {"id": "", "name": name, "failed": True, "error": error}
        if action in self.refuse:
            code = {"code": self.refuse[action], "why": "No.", "instead": "", "override": None}
            return {"id": found, "name": self.ids[found], "failed": True, "error": "No.", "refused": code}
        check = self.check()
        step = {
            "step": action,
            "sentence": "Freeze all processes.",
            "status": "planned" if check else "verified",
            "sees": "it is paused",
            "error": None,
        }
        keeps = action != "release" and not check
        return {
            "id": found,
            "name": self.ids[found],
            "changed": True,
            "failed": False,
            "error": None,
            "refused": None,
            "notices": [{"code": "x", "sentence": "Swarm will start a replacement."}],
            "steps": [step],
            "custody": [] if check else [{"before": {"status": "running"}, "after": {"status": "paused"}}],
            "record": outstanding(found).to_json() if keeps else None,
            "seconds": 0.1,
        }


def _diff(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "before": {"a": 1},
        "after": {"a": 2},
        "after_header": f"\x1b[31m{entry.get('name')} ({str(entry.get('id'))[:12]})",
    }


class Containing:
    """Runs of an action on one host, with a case that has evidence of some containers."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.host = Host()
        self.case = Case.open(tmp_path / "evidence", "INC-7", 1767355200.0)
        self.triaged: list[Any] = []
        self.triage: dict[str, Any] = {"status": "collected"}
        self._monkeypatch = monkeypatch

    def knows(self, *containers: str, number: int = 1) -> None:
        for container in containers:
            home = (
                self.case.path
                / "web1"
                / f"20260102T12000{number}Z-triage"
                / "data"
                / "containers"
                / container[:12]
            )
            home.mkdir(parents=True)
            home.joinpath("inspect.json").write_text(
                json.dumps({"Id": container, "Name": f"/{NAMES[container]}"})
            )

    def found(self, container: str, kind: str, severity: str) -> None:
        row = {"host": "web1", "container": {"id": container[:12]}, "kind": kind, "severity": severity}
        with (self.case.path / "findings.jsonl").open("a") as stream:
            stream.write(json.dumps(row) + "\n")

    def run(
        self, verb: str = "contain", check: bool = False, diff: bool = False, **args: Any
    ) -> dict[str, Any]:
        given = {
            "case": str(self.case.path),
            "run": "r1",
            **({"level": "pause"} if verb == "contain" else {}),
            **args,
        }
        task = MagicMock(args=given, async_val=0, check_mode=check, diff=diff)
        nothing = MagicMock()
        action = ACTIONS[verb](task, MagicMock(), nothing, nothing, nothing, nothing)
        self.host.check = lambda: bool(task.check_mode)
        self._monkeypatch.setattr(action, "_execute_module", self.host.execute)
        self._monkeypatch.setattr(action, "_is_pipelining_enabled", lambda _style: False)
        self._monkeypatch.setattr(action, "collector", self._collector())
        return action.run(task_vars={"inventory_hostname": "web1"})

    def _collector(self) -> Any:
        def made(task: Any, *_others: Any) -> Any:
            def run(task_vars: dict[str, Any]) -> dict[str, Any]:
                assert task_vars
                chosen = task.args.get("containers")
                self.triaged.append(chosen)
                if not self.triage.get("failed"):
                    self.knows(*(chosen or self.host.ids), number=len(self.triaged) + 1)
                return self.triage

            return MagicMock(run=run)

        return made

    @property
    def told(self) -> list[str]:
        rows = (json.loads(line) for line in (self.case.path / "custody.jsonl").open())
        return [row["action"] for row in rows][1:]

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        return [(row.name, row.action, row.status) for row in containments.of_run(self.case.path, "r1")]

    @property
    def kept(self) -> list[str]:
        return [record.container for record in records.of_host(self.case.path, "web1")]


@pytest.fixture
def containing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Containing:
    return Containing(tmp_path, monkeypatch)


def test_what_the_case_knows_is_contained_by_its_id_in_one_execution(containing: Containing) -> None:
    containing.knows(DVWA, SHOP)
    result = containing.run(containers="dvwa")
    assert containing.host.asked == [("pause", (DVWA,), False)]
    assert (result["status"], result["changed"], result.get("failed", False)) == ("done", True, False)
    assert containing.told == ["pause"]
    assert containing.kept == [DVWA]
    assert containing.rows == [("dvwa", "pause", "done")]
    assert verify_chain(containing.case.path) == []


def test_what_it_does_not_know_is_looked_at_and_triaged_first(containing: Containing) -> None:
    containing.run(containers=["dvwa"])
    assert containing.host.asked == [("pause", ("dvwa",), True), ("pause", (DVWA,), False)]
    assert containing.triaged == [[DVWA]]


def test_nothing_is_changed_where_triage_fails(containing: Containing) -> None:
    containing.triage = {"failed": True, "status": "failed", "msg": "No space is left."}
    result = containing.run(containers=["dvwa"])
    assert [check for _action, _named, check in containing.host.asked] == [True]
    assert result["failed"]
    assert (
        result["msg"] == "Nothing was changed, since its evidence could not be collected: No space is left."
    )
    assert containing.told == ["host failed"]


def test_a_name_that_means_another_container_by_now_is_triaged(containing: Containing) -> None:
    containing.knows(DVWA)
    containing.host.ids = {SHOP: "dvwa"}
    result = containing.run(containers=["dvwa"])
    assert [named for _action, named, _check in containing.host.asked] == [(DVWA,), ("dvwa",), (SHOP,)]
    assert containing.triaged == [[SHOP]]
    assert result["status"] == "done"


def test_a_name_that_the_host_does_not_have_is_no_failure_here(containing: Containing) -> None:
    containing.knows(DVWA)
    result = containing.run(containers=["dvwa", "nonesuch"])
    assert (result["status"], result["unknown"]) == ("done", ["nonesuch"])
    assert containing.triaged == []


@pytest.mark.parametrize(
    ("kind", "severity", "threshold", "chosen"),
    [
        ("intrusion", "critical", "high", True),
        ("intrusion", "high", "high", True),
        ("intrusion", "medium", "high", False),
        ("intrusion", "medium", "medium", True),
        ("exposure", "critical", "info", False),
    ],
)
def test_signs_of_a_break_in_choose(
    containing: Containing, kind: str, severity: str, threshold: str, chosen: bool
) -> None:
    containing.knows(DVWA, SHOP)
    containing.found(DVWA, kind, severity)
    result = containing.run(threshold=threshold)
    assert containing.host.asked == ([("pause", (DVWA,), False)] if chosen else [])
    assert (result["status"], result["containers"]) == ("done", int(chosen))


def test_without_any_evidence_of_the_host_it_is_triaged_before_choosing(containing: Containing) -> None:
    result = containing.run()
    assert containing.triaged == [None]
    assert containing.host.asked == []
    assert result["status"] == "done"


def test_a_suspect_that_is_gone_is_told_of(containing: Containing) -> None:
    containing.knows(DVWA)
    containing.found(DVWA, "intrusion", "critical")
    containing.host.ids = {}
    result = containing.run()
    assert result["status"] == "done"
    assert containing.rows == [("dvwa", "pause", "gone")]
    assert containing.told == ["pause gone"]


def test_check_mode_plans_and_leaves_no_trace_but_the_plan(containing: Containing) -> None:
    containing.knows(DVWA)
    result = containing.run(check=True, containers=["dvwa", "shop"])
    assert all(check for _action, _named, check in containing.host.asked)
    assert containing.triaged == []
    assert (containing.told, containing.kept) == ([], [])
    assert sorted(containing.rows) == [("dvwa", "pause", "planned"), ("shop", "pause", "planned")]
    assert result["changed"]


def test_giving_up_evidence_needs_a_reason_and_is_in_the_log_first(containing: Containing) -> None:
    refused = containing.run(containers=["dvwa"], without_evidence=True)
    assert refused["failed"]
    assert "custody log has to say why" in refused["msg"]
    assert containing.host.asked == []
    containing.run(containers=["dvwa"], without_evidence=True, reason="It wipes disks.", level="kill")
    assert containing.host.asked == [("kill", ("dvwa",), False)]
    assert containing.host.module["without_evidence"] is True
    assert containing.told == ["host failed", "evidence waived", "kill"]


def test_a_refusal_fails_the_host_with_the_reason(containing: Containing) -> None:
    containing.knows(DVWA, SHOP)
    containing.host.refuse = {"pause": "not_running"}
    result = containing.run(containers=["dvwa", "shop"])
    assert (result["status"], result["failed"], result["items"]) == ("incomplete", True, {"refused": 2})
    assert result["msg"] == "dvwa: No. shop: No."
    assert containing.told == ["pause refused", "pause refused"]


def test_a_host_that_is_not_reached_is_a_row(containing: Containing) -> None:
    containing.knows(DVWA)

    def fall_silent(_entry: dict[str, Any]) -> Any:
        raise AnsibleConnectionFailure("No route to host")

    containing.host.spoil = fall_silent
    result = containing.run(containers=["dvwa"])
    assert (result["status"], result["failed"], result["msg"]) == ("unreachable", True, "No route to host")
    assert hosts.of_run(containing.case.path, "r1", "contain")["web1"].status == "unreachable"


def test_a_record_that_cannot_be_kept_is_a_failure_and_the_old_one_stays(containing: Containing) -> None:
    containing.knows(DVWA)
    records.keep(containing.case.path, "web1", outstanding(DVWA))
    containing.host.spoil = lambda entry: {**entry, "record": {"version": 1, "container": SHOP}}
    result = containing.run(containers=["dvwa"])
    assert result["status"] == "incomplete"
    assert "cannot be kept in the case" in result["msg"]
    assert containing.kept == [DVWA]


@pytest.mark.parametrize(
    "spoilt", [None, 7, "x", [], {}, {"id": 3, "failed": "no"}, {"id": DVWA, "steps": [None, 5]}]
)
def test_nonsense_is_a_failure_never_a_success(containing: Containing, spoilt: Any) -> None:
    containing.knows(DVWA)
    containing.host.spoil = lambda _entry: spoilt
    assert containing.run(containers=["dvwa"])["status"] == "incomplete"
    assert verify_chain(containing.case.path) == []


def test_the_diff_has_headers_of_our_own(containing: Containing) -> None:
    containing.knows(DVWA)
    result = containing.run(diff=True, containers=["dvwa"])
    header = f"dvwa ({DVWA[:12]})"
    assert result["diff"] == [
        {"before": {"a": 1}, "after": {"a": 2}, "before_header": header, "after_header": header}
    ]


def test_unknown_options_are_named_and_triages_are_passed_on(containing: Containing) -> None:
    assert "nonsense" in containing.run(containers=["dvwa"], nonsense=1)["msg"]
    assert (
        containing.run(containers=["dvwa"], stage_dir="/srv", docker_host="unix:///x.sock")["status"]
        == "done"
    )
    assert containing.host.module["docker_host"] == "unix:///x.sock"
    assert "stage_dir" not in containing.host.module


def test_release_goes_by_the_cases_records_and_strikes_them_out(containing: Containing) -> None:
    records.keep(containing.case.path, "web1", outstanding(DVWA))
    result = containing.run("release", containers=["dvwa"])
    assert containing.host.asked == [("release", (DVWA,), False)]
    assert containing.host.module["records"] == [outstanding(DVWA).to_json()]
    assert (result["status"], containing.kept, containing.told) == ("done", [], ["release"])


def test_a_release_that_fails_keeps_what_is_left_on_record(containing: Containing) -> None:
    records.keep(containing.case.path, "web1", outstanding(DVWA))
    containing.host.spoil = lambda entry: {**entry, "failed": True, "error": "The link is gone."}
    assert containing.run("release")["status"] == "incomplete"
    assert containing.kept == [DVWA]


def test_the_chain_goes_in_order_of_volatility(containing: Containing) -> None:
    containing.host.ids = {DVWA: "dvwa", SHOP: "shop"}
    containing.found(DVWA, "intrusion", "critical")
    containing.found(SHOP, "intrusion", "high")
    # As if they were newer than the evidence that this run brings.
    os.utime(containing.case.path / "findings.jsonl", (2e9, 2e9))
    result = containing.run("respond", kill=True)
    assert containing.triaged == [None]
    assert containing.host.asked == [
        ("pause", (DVWA,), False),
        ("commit", (SHOP, DVWA), False),
        ("isolate", (SHOP, DVWA), False),
        ("kill", (SHOP, DVWA), False),
    ]
    assert result["status"] == "done"


def test_what_restarts_is_kept_once_it_is_isolated(containing: Containing) -> None:
    containing.host.refuse = {"commit": "restarting"}
    containing.run("respond", containers=["dvwa"])
    assert [action for action, _named, _check in containing.host.asked] == ["commit", "isolate", "commit"]
