# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.sealing import SPEC as SEAL
from ansible_collections.cordon.docker.plugins.plugin_utils._case_action import CaseAction
from ansible_collections.cordon.docker.plugins.plugin_utils._case_findings import closing, problem
from ansible_collections.cordon.docker.plugins.plugin_utils._case_hits import (
    HITS,
    Hit,
    gaps_of_bag,
    hits_of_bag,
    hits_of_run,
    write_hits,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._report import commands
from ansible_collections.cordon.docker.plugins.plugin_utils._report.hunt import Hunted, render
from ansible_collections.cordon.docker.plugins.plugin_utils._report.terminal import FORMATS, lines, show
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.receive import measure

VERB = "hunt"
WIDTH = 79  # where Ansible does not know the terminal's
_KEPT = 5000  # hits in memory for the table
_GAPS = 1000


class ActionModule(CaseAction):
    """Brings the hits of all hosts together, writes them down, and tells the responder."""

    spec: ClassVar = {
        "case": {"type": "path", "required": True},
        "run": {"type": "str", "required": True},
        "count": {"type": "int", "default": 0},
        "format": {"type": "str", "default": "table", "choices": list(FORMATS)},
        "fail_on_hits": {"type": "bool", "default": False},
        "seal": SEAL,
    }

    def act(self, args: dict[str, Any], _task_vars: dict[str, Any]) -> dict[str, Any]:
        case = Case.at(Path(args["case"]))
        with closing(case, args["seal"]) as ending:
            rows = hosts.settled(case.path, args["run"], VERB)
            target = write_hits(case.path)
            after = {"run": args["run"], "hosts": hosts.tally(rows), "hits_sha256": measure(target)[1]}
            custody.record(case.path, [custody.Event("run closed", after=after, verified=True)])
        kept, count = hits_of_run(case.path, [row.bag for row in rows], _KEPT)
        unknown = hosts.unknown_everywhere(rows)
        if args["format"] == "jsonl":
            self._lines(case, rows)
        else:
            self._table(case, rows, kept, count, args["count"], unknown)
        trouble = problem(case, None, unknown, ending.faults)
        if trouble is None and count and args["fail_on_hits"]:
            trouble = f"The hunt found something ({count}), and was asked to fail then."
        holders = sorted({row.host for row in rows if row.bag and any(hits_of_bag(case.path, row.bag))})
        return {
            "path": str(case.path),
            "hits": count,
            "hosts": holders,
            "unknown": unknown,
            **ending.result,
            **({"failed": True, "msg": trouble} if trouble else {}),
        }

    def _lines(self, case: Case, rows: Sequence[hosts.HostRow]) -> None:
        """A line for each hit and each host that did not answer, whole and as they are in the case."""
        for row in rows:
            hits = (hit.to_json() for hit in hits_of_bag(case.path, row.bag)) if row.bag else ()
            lost = {"host": row.host, "status": row.status, "reason": row.reason}
            told = [*lines("hit", hits), *lines("host", [lost] if row.status != hosts.COLLECTED else ())]
            for line in told:
                self._display.display(line)

    def _table(
        self,
        case: Case,
        rows: Sequence[hosts.HostRow],
        kept: Sequence[Hit],
        count: int,
        indicators: int,
        unknown: Sequence[str],
    ) -> None:
        shown = commands.shown(case.path)
        gaps = [(row.host, *gap) for row in rows if row.bag for gap in gaps_of_bag(case.path, row.bag)]
        text = render(
            Hunted(shown, rows, kept, count, gaps[:_GAPS], f"{shown}/{HITS}", indicators, unknown),
            self._display.columns or WIDTH,
        )
        show(self._display, "\n" + text + "\n")
