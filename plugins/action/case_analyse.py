# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import SEVERITIES
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.ranking import rank
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.names import case_name
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

WIDTH = 79  # where Ansible does not know the terminal's


class ActionModule(CaseAction):
    """Evaluates a case anew on the controller, with the responder's own rules; no host is asked."""

    spec: ClassVar = {
        "case": {"type": "str", "default": ""},
        "evidence_dir": {"type": "path", "default": "evidence"},
        "threshold": {"type": "str", "default": "high", "choices": list(SEVERITIES)},
        **SPEC,
        "seal": SEAL,
    }

    def act(self, args: dict[str, Any], _task_vars: dict[str, Any]) -> dict[str, Any]:
        case = _existing(Path(args["evidence_dir"]), args["case"])
        with closing(case, args["seal"]) as ending:
            evaluated = evaluate_case(case, args["threshold"], Options.of(args))
            event = custody.Event(
                "case analysed",
                after=evaluated.told(case),
                verified=evaluated.fault is None,
                reason=evaluated.fault,
            )
            custody.record(case.path, [event])
        text = self._text(case, evaluated, args["threshold"])
        self._display.display(f"\n{text}\n\n{ending.told}\n")
        trouble = problem(case, evaluated.fault, (), (*evaluated.faults, *ending.faults))
        return {
            "case": case.name,
            "path": str(case.path),
            "findings": len(evaluated.findings),
            "suppressed": evaluated.suppressed,
            "compromised": evaluated.compromised,
            **ending.result,
            **({"failed": True, "msg": trouble} if trouble else {}),
        }

    def _text(self, case: Case, evaluated: Evaluated, threshold: str) -> str:
        shown = commands.shown(case.path)
        summary = Summary(
            case=shown,
            hosts=None,
            ranked=rank(evaluated.findings),
            findings=None if evaluated.fault else f"{shown}/{FINDINGS}",
            inventory=f"{shown}/{INVENTORY}" if evaluated.compromised else None,
            compromised=evaluated.compromised,
            threshold=threshold,
            next_command=None,
            fault=evaluated.fault,
            notes=[*evaluated.faults, *evaluated.notes],
            report=None if evaluated.fault else f"{shown}/{REPORT}",
        )
        return render(summary, self._display.columns or WIDTH)


def _existing(evidence_dir: Path, name: str) -> Case:
    """The case of that name, the newest where none is named. Raises InvalidOption where there is none."""
    home = Path.cwd() / evidence_dir.expanduser()
    chosen = case_name(name, 0) if name else Case.newest(evidence_dir, "")
    path = home / chosen
    if not chosen or path.is_symlink() or not path.is_dir():
        named = f"no case {name}" if name else "no case yet"
        raise InvalidOption(f"There is {named} in {home}: name one with case=, or another evidence_dir.")
    return Case.at(path.resolve())
