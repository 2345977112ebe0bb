# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import SEVERITIES
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.ranking import rank
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.sealing import SPEC as SEAL
from ansible_collections.cordon.docker.plugins.plugin_utils._case_action import CaseAction
from ansible_collections.cordon.docker.plugins.plugin_utils._case_findings import (
    FINDINGS,
    INVENTORY,
    Evaluated,
    closing,
    evaluate_case,
    problem,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._case_products import SPEC, Options
from ansible_collections.cordon.docker.plugins.plugin_utils._report import commands
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html import REPORT
from ansible_collections.cordon.docker.plugins.plugin_utils._report.summary import Summary, render
from ansible_collections.cordon.docker.plugins.plugin_utils._report.terminal import FORMATS, lines, show

VERB = "triage"
WIDTH = 79  # where Ansible does not know the terminal's


@dataclass(frozen=True)
class Closed:
    """What closing a run came to."""

    rows: list[hosts.HostRow]
    evaluated: Evaluated
    unknown: list[str]


class ActionModule(CaseAction):
    """Evaluates the case, writes what the next step needs, and tells the responder."""

    spec: ClassVar = {
        "case": {"type": "path", "required": True},
        "run": {"type": "str", "required": True},
        "threshold": {"type": "str", "default": "high", "choices": list(SEVERITIES)},
        "format": {"type": "str", "default": "table", "choices": list(FORMATS)},
        **SPEC,
        "seal": SEAL,
    }

    def act(self, args: dict[str, Any], _task_vars: dict[str, Any]) -> dict[str, Any]:
        case = Case.at(Path(args["case"]))
        with closing(case, args["seal"]) as ending:
            closed = _close(case, args["run"], args["threshold"], Options.of(args))
        if args["format"] == "jsonl":
            self._lines(closed)
        else:
            show(self._display, f"\n{self._text(case, closed, args['threshold'])}\n\n{ending.told}\n")
        faults = (*closed.evaluated.faults, *ending.faults)
        trouble = problem(case, closed.evaluated.fault, closed.unknown, faults)
        return {
            "path": str(case.path),
            "findings": len(closed.evaluated.findings),
            "suppressed": closed.evaluated.suppressed,
            "compromised": closed.evaluated.compromised,
            "unknown": closed.unknown,
            **ending.result,
            **({"failed": True, "msg": trouble} if trouble else {}),
        }

    def _lines(self, closed: Closed) -> None:
        """A line for each finding of the case, and for each host of the run that was not collected."""
        lost = (row for row in closed.rows if row.status != hosts.COLLECTED)
        rows = ({"host": row.host, "status": row.status, "reason": row.reason} for row in lost)
        for line in lines("finding", (finding.to_json() for finding in closed.evaluated.findings)):
            self._display.display(line)
        for line in lines("host", rows):
            self._display.display(line)

    def _text(self, case: Case, closed: Closed, threshold: str) -> str:
        shown, evaluated = commands.shown(case.path), closed.evaluated
        inventory = f"{shown}/{INVENTORY}" if evaluated.compromised else None
        found = ["-i", commands.near(case.path / INVENTORY)]
        again = commands.command(case.path, "compromised", more=found) if inventory else None
        return render(
            Summary(
                case=shown,
                hosts=closed.rows,
                ranked=rank(evaluated.findings),
                findings=None if evaluated.fault else f"{shown}/{FINDINGS}",
                inventory=inventory,
                compromised=evaluated.compromised,
                threshold=threshold,
                next_command=again,
                unknown=closed.unknown,
                fault=evaluated.fault,
                notes=[*evaluated.faults, *evaluated.notes],
                report=None if evaluated.fault else f"{shown}/{REPORT}",
            ),
            self._display.columns or WIDTH,
        )


def _close(case: Case, run: str, threshold: str, options: Options) -> Closed:
    rows = hosts.settled(case.path, run, VERB)
    evaluated = evaluate_case(case, threshold, options)
    custody.record(case.path, [_event(case, run, rows, evaluated)])
    return Closed(rows, evaluated, hosts.unknown_everywhere(rows))


def _event(case: Case, run: str, rows: Iterable[hosts.HostRow], evaluated: Evaluated) -> custody.Event:
    after = {"run": run, "hosts": hosts.tally(rows), **evaluated.told(case)}
    return custody.Event("run closed", after=after, verified=evaluated.fault is None, reason=evaluated.fault)
