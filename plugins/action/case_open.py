# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any, ClassVar

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.yaml import yaml_load

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.names import stamp
from ansible_collections.cordon.docker.plugins.plugin_utils._case.sealing import SPEC as SEAL
from ansible_collections.cordon.docker.plugins.plugin_utils._case.sealing import Sealing
from ansible_collections.cordon.docker.plugins.plugin_utils._case_action import CaseAction

VERBS = ("triage", "hunt", "preserve", "contain", "release", "respond")
GATHERING = (
    "triage",
    "hunt",
    "preserve",
)  # these change nothing, so that a failure in one wave does not stop the next
# A run that goes in waves opens the case anew for each: Ansible loads this once, before it forks for any of them.
_PROCESS = f"{stamp(time.time())}-{secrets.token_hex(3)}"


class ActionModule(CaseAction):
    """Opens a case for one run, and notes down who is going to be asked."""

    spec: ClassVar = {
        "case": {"type": "str", "default": ""},
        "evidence_dir": {"type": "path", "default": "evidence"},
        "verb": {"type": "str", "default": "triage", "choices": list(VERBS)},
        "newest": {"type": "bool", "default": False},
        "role_path": {"type": "path"},
        "seal": SEAL,
    }

    def act(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        if args["role_path"]:
            self._check(Path(args["role_path"]), task_vars)
        # Now, not at the end of the run: a key that cannot sign, a library that is missing.
        sealing = Sealing.of(args["seal"])
        if sealing.signer is not None:
            sealing.signer.try_out()
        now = time.time()
        run = _PROCESS if args["verb"] not in GATHERING else f"{stamp(now)}-{secrets.token_hex(3)}"
        asked = [str(host) for host in task_vars.get("ansible_play_batch") or []]
        home, name = Path(args["evidence_dir"]), str(args["case"])
        newest = Case.newest(home, run) if args["newest"] and not name else ""
        case = Case.open(home, name or newest, now)
        _stop_after_failure(case, run, args["verb"], asked, task_vars)
        self._say(case, bool(newest), fresh=not (name or newest))
        if sealing.store is not None:
            sealing.store.fetch(case.path)
        started = {"run": run, "verb": args["verb"], "hosts": len(asked), "check_mode": self._task.check_mode}
        custody.record(case.path, [custody.Event("run started", after=started)])
        hosts.add(
            case.path, [hosts.HostRow(run, utc(now), args["verb"], host, hosts.ASKED) for host in asked]
        )
        return {"case": case.name, "path": str(case.path), "run": run, "newest": bool(newest)}

    def _say(self, case: Case, newest: bool, fresh: bool) -> None:
        """Which case it is, where nobody named one: what is contained depends on it."""
        if newest:
            self._display.display(
                f"Case {case.name}, the newest in {case.path.parent}. Another: -e case=NAME"
            )
        elif fresh and self._task.args.get("newest"):
            self._display.display(f"There is no case in {case.path.parent} yet: this one is {case.name}.")

    def _check(self, role: Path, task_vars: dict[str, Any]) -> None:
        """The role's variables against its argument specification: said once, in a sentence for each."""
        text = (role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
        options = yaml_load(text)["argument_specs"]["main"]["options"]
        given = self._templar.template({name: task_vars[name] for name in options if name in task_vars})
        problems = ArgumentSpecValidator(options).validate(given).error_messages
        if problems:
            raise InvalidOption("; ".join(problems))


def _stop_after_failure(case: Case, run: str, verb: str, asked: list[str], task_vars: dict[str, Any]) -> None:
    """Raises InvalidOption where an earlier wave of this play had a failure: nobody else is asked then.

    Ansible itself goes on to the next wave as long as one host of a wave is well.
    """
    everyone = {str(host) for host in task_vars.get("ansible_play_hosts_all") or ()}
    rows = hosts.of_run(case.path, run, verb) if verb not in GATHERING else {}
    if set(asked) & set(rows):
        return  # not another wave, but another play of the same command
    bad = sorted(row.host for row in rows.values() if row.host in everyone and row.status != hosts.DONE)
    if bad:
        raise InvalidOption(
            f"Stopped before this wave, since the one before had a failure ({', '.join(bad)}). Its table says which"
            " and why, and who was not asked."
        )
