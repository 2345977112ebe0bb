# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError, InvalidOption
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.names import case_name
from ansible_collections.cordon.docker.plugins.plugin_utils._case_action import CaseAction
from ansible_collections.cordon.docker.plugins.plugin_utils._report import commands
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.case import verify
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.results import ALL_HOLDS, exit_code
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.seals import Trust
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.table import render, verdict

WIDTH = 79  # where Ansible does not know the terminal's
FILES = ("allowed_signers", "timestamp_ca", "identity")


class ActionModule(CaseAction):
    """Checks what a case holds, and tells what holds and what does not."""

    spec: ClassVar = {
        "case": {"type": "str", "default": ""},
        "evidence_dir": {"type": "path", "default": "evidence"},
        "allowed_signers": {"type": "path"},
        "timestamp_ca": {"type": "path"},
        "identity": {"type": "path"},
        "expect": {"type": "str"},
    }

    def act(self, args: dict[str, Any], _task_vars: dict[str, Any]) -> dict[str, Any]:
        trust = _trust(args)
        case = _found(Path(args["evidence_dir"]), args["case"])
        checks = verify(case.path, trust)
        shown = commands.shown(case.path)
        self._display.display("\n" + render(shown, checks, self._display.columns or WIDTH) + "\n")
        failed = exit_code(checks) != ALL_HOLDS
        return {
            "path": str(case.path),
            "checks": [asdict(check) for check in checks],
            "counts": dict(Counter(check.state for check in checks)),
            **({"failed": True, "msg": verdict(checks)} if failed else {}),
        }


def _found(home: Path, name: str) -> Case:
    """The case of that name, or the newest. Nothing is made. Raises CordonError."""
    name = case_name(name, 0) if name else Case.newest(home, "")
    if not name:
        raise EvidenceError(f"There is no case in {home}: name its folder with evidence_dir.")
    return Case.at((Path.cwd() / home.expanduser()).resolve() / name)


def _trust(args: dict[str, Any]) -> Trust:
    """Raises InvalidOption for a file that is not there: what cannot be compared must not look as if it were."""
    given = {name: Path(args[name]) for name in FILES if args[name]}
    for name, path in given.items():
        if not path.is_file():
            raise InvalidOption(f"{name}={path} is no file.")
    return Trust(
        signers=given.get("allowed_signers"),
        authorities=given.get("timestamp_ca"),
        expected=args["expect"] or None,
        identity=given.get("identity"),
    )
