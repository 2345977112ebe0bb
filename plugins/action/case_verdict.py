# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case_action import CaseAction
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain


class ActionModule(CaseAction):
    """Fails a host whose evidence did not arrive, after every host had its turn."""

    spec: ClassVar = {
        "case": {"type": "path", "required": True},
        "run": {"type": "str", "required": True},
        "verb": {"type": "str", "default": "triage", "choices": ["triage"]},
        "answer": {"type": "dict", "required": True},
    }

    def act(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        answer = args["answer"]
        status = answer.get("status")
        if status == hosts.COLLECTED:
            return {"status": hosts.COLLECTED}
        reason = plain(answer.get("msg") or "No answer came back.")
        if status is None:
            # The action did not get to say so: a connection plugin or a variable failed before it.
            status = hosts.UNREACHABLE if answer.get("unreachable") else hosts.FAILED
            host = str(task_vars.get("inventory_hostname", ""))
            case = Case.at(Path(args["case"]))
            hosts.add(
                case.path, [hosts.HostRow(args["run"], utc(time.time()), args["verb"], host, status, reason)]
            )
            custody.record(case.path, [custody.Event(f"host {status}", host, verified=False, reason=reason)])
        return {"failed": True, "msg": reason, "status": str(status)}
