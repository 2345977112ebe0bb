# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.module_utils._hunt.indicators import KINDS, Indicators
from ansible_collections.cordon.docker.plugins.plugin_utils._case_action import CaseAction
from ansible_collections.cordon.docker.plugins.plugin_utils._exchange import asked
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain

_SHOWN = 10


class ActionModule(CaseAction):
    """Reads what is hunted for, once and on the controller, and says what of it cannot be used."""

    spec: ClassVar = {
        **{kind: {"type": "raw"} for kind in KINDS},
        "indicators": {"type": "path"},
    }

    def act(self, args: dict[str, Any], _task_vars: dict[str, Any]) -> dict[str, Any]:
        found = asked.Asked()
        asked.options(args, found)
        path = args["indicators"]
        if path:
            try:
                asked.file(Path(path), found)
            except OSError as exc:
                raise InvalidOption(f"indicators: {path} cannot be read ({exc.strerror}).") from exc
        for what, why in found.unused[:_SHOWN]:
            self._display.warning(f"Not hunted for: {plain(what, 200)}: {plain(why, 200)}.")
        if len(found.unused) > _SHOWN:
            self._display.warning(f"{len(found.unused) - _SHOWN} more indicators are not hunted for.")
        Indicators.from_params(found.values)
        unused = [f"{plain(what, 200)}: {plain(why, 200)}" for what, why in found.unused]
        return {"indicators": found.values, "count": found.count, "unused": unused}
