# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of every module that talks to an engine: the docker SDK travels with the task."""

from __future__ import annotations

import base64
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ansible_collections.cordon.docker.plugins.module_utils._errors import SdkMissing
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.sdk import sdk_archive

ARCHIVE_OPTION = "_sdk_archive"


def _packed() -> str | None:
    try:
        return base64.b64encode(sdk_archive()).decode("ascii")
    except SdkMissing:
        # The host's own may do; where it does not, the module says what is missing on both sides.
        return None


# Ansible loads action plugins before it forks a worker for each host and task: packed here, it is packed once.
_ARCHIVE = _packed()


class EngineAction(ActionBase):
    """Runs the module of the same name; subclasses add what happens before and after."""

    _supports_async = True

    def engine_module_args(self, args: dict[str, Any]) -> dict[str, Any]:
        """The module's arguments with the SDK, unless ``ship_sdk`` forbids it."""
        wanted = boolean(args.get("ship_sdk", True), strict=False)
        kept = {name: value for name, value in args.items() if name != ARCHIVE_OPTION}
        return {**kept, ARCHIVE_OPTION: _ARCHIVE} if wanted and _ARCHIVE else kept

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        result.update(self.execute_engine_module(task_vars or {}))
        return result

    def execute_engine_module(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Run the module on the host; what travelled is not in the result."""
        in_background = bool(self._task.async_val) and not self._connection.has_native_async
        result: dict[str, Any] = self._execute_module(
            module_args=self.engine_module_args(self._task.args),
            task_vars=task_vars,
            wrap_async=in_background,
        )
        if not in_background:
            self._remove_tmp_path(self._connection._shell.tmpdir)  # type: ignore[no-untyped-call]
        invocation = result.get("invocation")
        if isinstance(invocation, dict) and isinstance(invocation.get("module_args"), dict):
            invocation["module_args"].pop(ARCHIVE_OPTION, None)
        return result
