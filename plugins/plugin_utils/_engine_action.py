# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of every module that talks to an engine: host code and the docker SDK travel along."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from ansible import constants
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ansible_collections.cordon.docker.plugins.module_utils._errors import SdkMissing
from ansible_collections.cordon.docker.plugins.plugin_utils._transport import direct
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.direct import Order
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.sdk import sdk_archive

ARCHIVE_OPTION = "_sdk_archive"
_DISCOVERED = "discovered_interpreter_python"
_TO_BE_FOUND = frozenset(("", "auto", "auto_silent", "auto_legacy", "auto_legacy_silent"))


def _packed() -> str | None:
    try:
        return base64.b64encode(sdk_archive()).decode("ascii")
    except SdkMissing:
        # The host's own may do; where it does not, the module says what is missing on both sides.
        return None


# Ansible loads action plugins before it forks a worker for each host and task: packed here, it is packed once.
_ARCHIVE = _packed()
direct.prepare()


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
        if not in_background:
            sent = self.sent_directly(self._task.action, self._task.args, task_vars)
            if sent is not None:
                return sent
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

    def on_host(
        self, module: str, args: dict[str, Any], task_vars: dict[str, Any], **framed: Any
    ) -> dict[str, Any]:
        """Run a module for an action of another name; ``framed`` goes along where Ansible's frame does."""
        sent = self.sent_directly(module, args, task_vars)
        if sent is not None:
            return sent
        found: dict[str, Any] = self._execute_module(
            module_name=module, module_args={**self.engine_module_args(args), **framed}, task_vars=task_vars
        )
        return found

    def sent_directly(
        self, module: str, args: Mapping[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Run a module's work without Ansible's frame for it; None where that is not possible, or not wise.

        It takes pipelining, as a module does that goes through in one round trip. The SDK is only sent where the
        host's answer asks for it: at a socket nothing of it is needed.
        """
        kept = {name: value for name, value in args.items() if name != ARCHIVE_OPTION}
        if self._task.async_val or not self._is_pipelining_enabled("new"):
            return None
        order = Order.of(module, kept, bool(self._task.check_mode), bool(self._task.diff))
        if order is None:
            return None
        answer = self._ordered(order, task_vars)
        with_sdk = self.engine_module_args(kept)
        if answer.pop("sdk_missing", False) and ARCHIVE_OPTION in with_sdk:
            again = Order.of(module, with_sdk, order.check_mode, order.diff) or order
            answer = self._ordered(again, task_vars)
            answer.pop("sdk_missing", None)
        return {**answer, "invocation": {"module_args": kept}}

    def _ordered(self, order: Order, task_vars: dict[str, Any]) -> dict[str, Any]:
        """One command on the host."""
        variables = self._variables(task_vars)
        known = self._interpreter(variables)
        fallbacks = constants.config.get_config_value("INTERPRETER_PYTHON_FALLBACK", variables=variables)
        environment = self._compute_environment_string()  # type: ignore[no-untyped-call]
        command = f"{environment} {direct.command(known, fallbacks)}".strip()
        done = self._low_level_execute_command(command, in_data=order.sent())  # type: ignore[no-untyped-call]
        answer = order.answer(done)
        path = direct.interpreter_of(answer)
        answer.pop("python", None)
        if known is None and path is not None:
            self._remember(path, variables, task_vars, answer)
        return answer

    def _variables(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Those of the host that the task is delegated to, where it is."""
        if not self._task.delegate_to:
            return task_vars
        found: dict[str, Any] = task_vars["ansible_delegated_vars"][self._task.delegate_to]
        return found

    def _interpreter(self, variables: dict[str, Any]) -> str | None:
        """The Python that Ansible would run a module with; None where it would have to look for one."""
        if getattr(self._connection, "_remote_is_local", False):
            return str(variables["ansible_playbook_python"])
        wanted = constants.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
        wanted = str(self._templar.template(wanted) or "").strip()
        if wanted not in _TO_BE_FOUND:
            return wanted
        known = (variables.get("ansible_facts") or {}).get(_DISCOVERED)
        return str(known) if known else None

    def _remember(
        self, path: str, variables: dict[str, Any], task_vars: dict[str, Any], answer: dict[str, Any]
    ) -> None:
        """As Ansible does once it has looked: the next task need not."""
        variables.setdefault("ansible_facts", {})[_DISCOVERED] = path
        if not self._task.delegate_to or self._task.delegate_facts:
            task_vars.setdefault("ansible_facts", {})[_DISCOVERED] = path
            self._discovered_interpreter_key = _DISCOVERED
            self._discovered_interpreter = path  # type: ignore[assignment]
            answer["ansible_facts"] = {_DISCOVERED: path}
