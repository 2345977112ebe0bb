# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frame of every action that works on a case on the controller and needs no host."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import storing


class CaseAction(ActionBase):
    """Checks the arguments, and turns what goes wrong into a failed task with a sentence."""

    _requires_connection = False

    spec: ClassVar[Mapping[str, Mapping[str, Any]]]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _dummy, args = self.validate_argument_spec(self.spec)  # type: ignore[no-untyped-call]
        try:
            result.update(changed=False, **self.act(args, task_vars or {}))
        except CordonError as exc:
            # Returned, not raised: the sentence is enough, and a traceback is printed of what is raised.
            result.update(failed=True, msg=str(exc))
        except OSError as exc:
            result.update(failed=True, msg=storing(Path(exc.filename or "evidence"), exc))
        return result

    @abstractmethod
    def act(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """The result of the task. May raise CordonError and OSError."""
