# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from ansible import context

from ansible_collections.cordon.docker.plugins.module_utils._errors import describe
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evaluate import evaluate, write_findings
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import SEVERITIES, Finding
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.ranking import rank
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, files, hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case_action import CaseAction
from ansible_collections.cordon.docker.plugins.plugin_utils._report.inventory import compromised, inventory
from ansible_collections.cordon.docker.plugins.plugin_utils._report.summary import Summary, render
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.receive import measure

INVENTORY = "compromised.yml"
WIDTH = 79  # where Ansible does not know the terminal's


@dataclass(frozen=True)
class Closed:
    """What closing a run came to."""

    rows: list[hosts.HostRow]
    findings: list[Finding]
    compromised: list[str]
    unknown: list[str]
    fault: str | None


class ActionModule(CaseAction):
    """Evaluates the case, writes what the next step needs, and tells the responder."""

    spec: ClassVar = {
        "case": {"type": "path", "required": True},
        "run": {"type": "str", "required": True},
        "threshold": {"type": "str", "default": "high", "choices": list(SEVERITIES)},
    }

    def act(self, args: dict[str, Any], _task_vars: dict[str, Any]) -> dict[str, Any]:
        case = Case.at(Path(args["case"]))
        # One at a time, where several runs end in the same case.
        with files.locked(case.path / ".closing"):
            closed = _close(case, args["run"], args["threshold"])
        self._display.display("\n" + self._text(case, closed, args["threshold"]) + "\n")
        problem = _problem(case, closed)
        return {
            "path": str(case.path),
            "findings": len(closed.findings),
            "compromised": closed.compromised,
            "unknown": closed.unknown,
            **({"failed": True, "msg": problem} if problem else {}),
        }

    def _text(self, case: Case, closed: Closed, threshold: str) -> str:
        shown = _shown(case.path)
        return render(
            Summary(
                case=shown,
                hosts=closed.rows,
                ranked=rank(closed.findings),
                findings=None if closed.fault else f"{shown}/findings.jsonl",
                inventory=f"{shown}/{INVENTORY}" if closed.compromised else None,
                compromised=closed.compromised,
                threshold=threshold,
                next_command=_again(case, shown) if closed.compromised else None,
                unknown=closed.unknown,
                fault=closed.fault,
            ),
            self._display.columns or WIDTH,
        )


def _close(case: Case, run: str, threshold: str) -> Closed:
    rows = _settled(case, run)
    findings, fault = _findings(case)
    chosen = compromised(findings, hosts.names(case.path), threshold)
    if fault is None:
        files.replace(case.path / INVENTORY, inventory(chosen, threshold).encode())
    reached = [row for row in rows if row.status == hosts.COLLECTED]
    everywhere = set.intersection(*(set(row.unknown) for row in reached)) if reached else set()
    custody.record(case.path, [_event(case, run, rows, chosen, fault)])
    return Closed(rows, findings, chosen, sorted(everywhere), fault)


def _settled(case: Case, run: str) -> list[hosts.HostRow]:
    """The hosts of the run; one of which nothing was heard gets a row that says so."""
    rows = hosts.of_run(case.path, run)
    now, silent = utc(time.time()), "No answer came back: its task ended before it could say why."
    lost = [
        replace(row, time=now, status=hosts.FAILED, reason=silent)
        for row in rows.values()
        if row.status == hosts.ASKED
    ]
    if lost:
        hosts.add(case.path, lost)
    return list({**rows, **{row.host: row for row in lost}}.values())


def _findings(case: Case) -> tuple[list[Finding], str | None]:
    try:
        findings = evaluate(case.path)
        write_findings(case.path, findings)
    except Exception as exc:  # noqa: BLE001 - a rule that fails must not keep the evidence from being closed
        return [], describe(exc)
    return findings, None


def _event(
    case: Case, run: str, rows: Iterable[hosts.HostRow], chosen: list[str], fault: str | None
) -> custody.Event:
    tally: dict[str, int] = {}
    for row in rows:
        tally[row.status] = tally.get(row.status, 0) + 1
    after: dict[str, Any] = {"run": run, "hosts": tally, "compromised": chosen}
    if fault is None:
        after["findings_sha256"] = measure(case.path / "findings.jsonl")[1]
    return custody.Event("run closed", after=after, verified=fault is None, reason=fault)


def _problem(case: Case, closed: Closed) -> str | None:
    if closed.fault is not None:
        return f"The evidence in {case.path} is safe, but it could not be evaluated: {closed.fault}"
    if closed.unknown:
        names = ", ".join(closed.unknown)
        return f"No host that was reached has a container named {names}. What was found is in the case."
    return None


def _shown(path: Path) -> str:
    """The path as it can be pasted where the command was run."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _again(case: Case, shown: str) -> str:
    """The command that was run, on the hosts that were found."""
    sources = [option for source in context.CLIARGS.get("inventory") or () for option in ("-i", str(source))]
    books = [str(book) for book in context.CLIARGS.get("args") or ("cordon.docker.triage",)]
    words = ["ansible-playbook", *books, *sources, "-i", f"{shown}/{INVENTORY}", "-l", "compromised"]
    extra = [] if case.path.parent == Path.cwd() / "evidence" else ["-e", f"evidence_dir={case.path.parent}"]
    return shlex.join([*words, "-e", f"case={case.name}", *extra])
