# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.sealing import SPEC as SEAL
from ansible_collections.cordon.docker.plugins.plugin_utils._case_action import CaseAction
from ansible_collections.cordon.docker.plugins.plugin_utils._case_findings import closing, problem
from ansible_collections.cordon.docker.plugins.plugin_utils._case_products import write_views
from ansible_collections.cordon.docker.plugins.plugin_utils._report import commands
from ansible_collections.cordon.docker.plugins.plugin_utils._report.preserved import Preserved, render

VERB = "preserve"
WIDTH = 79  # where Ansible does not know the terminal's
MANY = 20  # hosts that a command names one by one


class ActionModule(CaseAction):
    """Tells the responder what was preserved of each host, what is lacking, and how to go on."""

    spec: ClassVar = {
        "case": {"type": "path", "required": True},
        "run": {"type": "str", "required": True},
        "seal": SEAL,
    }

    def act(self, args: dict[str, Any], _task_vars: dict[str, Any]) -> dict[str, Any]:
        case = Case.at(Path(args["case"]))
        with closing(case, args["seal"]) as ending:
            rows = hosts.settled(case.path, args["run"], VERB)
            after = {"run": args["run"], "verb": VERB, "hosts": hosts.tally(rows)}
            custody.record(case.path, [custody.Event("run closed", after=after)])
            write_views(case)
        unknown = hosts.unknown_everywhere(rows)
        summary = Preserved(
            case=commands.shown(case.path),
            rows=rows,
            bytes={row.host: _payload_bytes(case.path, row.bag) for row in rows},
            next_command=_again(case, rows),
            unknown=unknown,
        )
        self._display.display(f"\n{render(summary, self._display.columns or WIDTH)}\n\n{ending.told}\n")
        trouble = problem(case, None, unknown, ending.faults)
        failed = {"failed": True, "msg": trouble} if trouble else {}
        return {
            "path": str(case.path),
            "hosts": hosts.tally(rows),
            "unknown": unknown,
            **ending.result,
            **failed,
        }


def _again(case: Case, rows: list[hosts.HostRow]) -> str | None:
    """The command that goes on with the hosts of which something is lacking."""
    lacking = [row.host for row in rows if row.status != hosts.COLLECTED]
    if not lacking:
        return None
    return commands.command(case.path, ",".join(sorted(lacking)) if len(lacking) <= MANY else "all")


def _payload_bytes(case_dir: Path, bag: str | None) -> int:
    """What a bag says of itself, 0 where there is none."""
    try:
        lines = (case_dir / str(bag) / "bag-info.txt").read_text().splitlines() if bag else []
        return next(
            (int(line.split()[1].split(".")[0]) for line in lines if line.startswith("Payload-Oxum: ")), 0
        )
    except (OSError, ValueError, IndexError):
        return 0
