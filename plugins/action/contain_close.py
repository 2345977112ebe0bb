# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import SEVERITIES
from ansible_collections.cordon.docker.plugins.plugin_utils._case import containments, custody, hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.sealing import SPEC as SEAL
from ansible_collections.cordon.docker.plugins.plugin_utils._case_action import CaseAction
from ansible_collections.cordon.docker.plugins.plugin_utils._case_findings import (
    Evaluated,
    closing,
    evaluate_case,
    problem,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._case_products import write_views
from ansible_collections.cordon.docker.plugins.plugin_utils._report import commands
from ansible_collections.cordon.docker.plugins.plugin_utils._report.containment import (
    ContainmentSummary,
    render,
    wave,
)

WIDTH = 79  # where Ansible does not know the terminal's
MANY = 20  # hosts or containers that a command names one by one
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class Closed:
    """What the run came to so far. `evaluated` is None where it brought no new evidence."""

    rows: list[hosts.HostRow]
    done: list[containments.ContainmentRow]
    waiting: list[str]
    unknown: list[str]
    evaluated: Evaluated | None

    @property
    def fault(self) -> str | None:
        return self.evaluated.fault if self.evaluated else None

    @property
    def good(self) -> bool:
        return self.fault is None and all(row.status == hosts.DONE for row in self.rows)


class ActionModule(CaseAction):
    """Tells the responder what became of each container, after each wave of a run."""

    spec: ClassVar = {
        "case": {"type": "path", "required": True},
        "run": {"type": "str", "required": True},
        "verb": {"type": "str", "required": True, "choices": ["contain", "release", "respond"]},
        "threshold": {"type": "str", "default": "high", "choices": list(SEVERITIES)},
        "seal": SEAL,
    }

    def act(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        case = Case.at(Path(args["case"]))
        everyone = [str(host) for host in task_vars.get("ansible_play_hosts_all") or ()]
        with closing(case, args["seal"]) as ending:
            closed = _close(case, args, everyone)
        on = closed.good and bool(closed.waiting)
        summary = self._summary(case, closed, args)
        text = wave(summary) if on else render(summary, self._display.columns or WIDTH)
        self._display.display(f"\n{text}\n" if on and not ending.faults else f"\n{text}\n\n{ending.told}\n")
        # A wave may lack what a later one has.
        trouble = None if on else problem(case, closed.fault, closed.unknown, ending.faults)
        return {
            "path": str(case.path),
            "hosts": hosts.tally(closed.rows),
            "waiting": len(closed.waiting),
            "stop": bool(closed.waiting) and not closed.good,
            "unknown": closed.unknown,
            **ending.result,
            **({"failed": True, "msg": trouble} if trouble else {}),
        }

    def _summary(self, case: Case, closed: Closed, args: dict[str, Any]) -> ContainmentSummary:
        check = bool(self._task.check_mode)
        return ContainmentSummary(
            case=commands.shown(case.path),
            verb=args["verb"],
            rows=closed.done,
            hosts=closed.rows,
            waiting=closed.waiting,
            unknown=closed.unknown,
            commands=() if check else _next(case, closed, args["verb"]),
            check=check,
            fault=closed.fault,
        )


def _close(case: Case, args: dict[str, Any], everyone: list[str]) -> Closed:
    run, verb = args["run"], args["verb"]
    # One command may do several plays, each over hosts of its own.
    rows = [row for row in hosts.settled(case.path, run, verb) if row.host in everyone]
    asked = {row.host for row in rows}
    triaged = bool(hosts.of_run(case.path, run, "triage"))
    closed = Closed(
        rows=rows,
        done=[row for row in containments.of_run(case.path, run) if row.host in asked],
        waiting=[host for host in everyone if host not in asked],
        unknown=hosts.unknown_everywhere(rows),
        evaluated=evaluate_case(case, args["threshold"]) if triaged else None,
    )
    found = closed.evaluated.told(case) if closed.evaluated else {}
    after = {"run": run, "verb": verb, "hosts": hosts.tally(rows), "waiting": len(closed.waiting), **found}
    custody.record(
        case.path, [custody.Event("run closed", after=after, verified=closed.good, reason=closed.fault)]
    )
    write_views(case)
    return closed


def _next(case: Case, closed: Closed, verb: str) -> list[tuple[str, str]]:
    """What to type next: how to take it back, or what is left to do."""
    found: list[tuple[str, str]] = []
    outstanding = [row for row in closed.done if row.outstanding]
    if outstanding:
        title = "To try again what could not be taken back:" if verb == "release" else "To take it back:"
        found.append((title, _command(case, outstanding, "release")))
    unkept = [row for row in closed.done if row.action == "kill" and row.status == containments.REFUSED]
    if unkept and verb == "contain":
        title = "To keep the file systems first, and kill then:"
        found.append((title, _command(case, unkept, "respond", "kill=true")))
    return found


def _command(case: Case, rows: Iterable[containments.ContainmentRow], verb: str, *extra: str) -> str:
    """The playbook that does `verb` to these containers. A host's own words are no part of a command."""
    limit, names = set(), set()
    for row in rows:
        limit.add(row.host)
        names.add(row.name if _NAME.fullmatch(row.name) else row.id[:12])
    hosts_named = ",".join(sorted(limit)) if len(limit) <= MANY else "all"
    chosen = [f"containers={','.join(sorted(names))}"] if len(names) <= MANY else []
    return commands.command(case.path, hosts_named, verb, extra=[*chosen, *extra])
