# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes when the task of a play begins and when each host is done with it, in seconds of this machine's clock."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: moments
type: notification
short_description: Write when tasks begin and end
description: A line of JSON for each, into the file that the environment names; without one, nothing.
options: {}
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "moments"
    CALLBACK_NEEDS_ENABLED = True

    def _note(self, moment: str, host: str = "", result: dict[str, Any] | None = None) -> None:
        told = {"time": time.time(), "moment": moment, "host": host, "result": result}
        with Path(os.environ.get("CORDON_BENCH_MOMENTS", os.devnull)).open("a") as file:
            file.write(json.dumps(told, default=str) + "\n")

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        del task, is_conditional
        self._note("begin")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._note("end", result._host.get_name(), {"failed": False})

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        del ignore_errors
        self._note("end", result._host.get_name(), {"failed": True, "msg": result._result.get("msg")})
