# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the work of each module begins, for those that bring it to a host: module names in, spec and work out.

Nothing is imported before it is asked for: the spec where the options are checked, the work on the host.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Tuple

Parameters = Mapping[str, Any]
Run = Callable[[Sequence[str], Optional[str]], Tuple[int, str, str]]
Found = Dict[str, Any]


def _looks(work: Any, parameters: Parameters, run: Run, check_mode: bool) -> Found:
    del run, check_mode
    found: Found = work(parameters).result()
    return found


def _changes(work: Any, parameters: Parameters, run: Run, check_mode: bool) -> Found:
    found: Found = work(parameters, run, check_mode)
    return found


def _collects(work: Any, parameters: Parameters, run: Run, check_mode: bool) -> Found:
    del check_mode
    options = importlib.import_module(f"{__package__}._triage.options").TriageOptions.from_params(parameters)
    return {"changed": False, **work(options, lambda command: run(command, None))}


def _hunts(work: Any, parameters: Parameters, run: Run, check_mode: bool) -> Found:
    del run, check_mode
    options = importlib.import_module(f"{__package__}._hunt.options").HuntOptions.from_params(parameters)
    return {"changed": False, **work(options)}


@dataclass(frozen=True)
class Entry:
    """``spec`` and ``work`` are functions by name below module_utils; ``named``: containers have to be chosen."""

    spec: str
    work: str
    way: Callable[[Any, Parameters, Run, bool], Found]
    named: bool = False

    def argument_spec(self) -> dict[str, dict[str, Any]]:
        spec: dict[str, dict[str, Any]] = _function(self.spec)()
        return spec

    def perform(self, parameters: Parameters, run: Run, check_mode: bool) -> Found:
        """What the module returns. Raises CordonError."""
        return self.way(_function(self.work), parameters, run, check_mode)


def _function(name: str) -> Any:
    module, _colon, function = name.partition(":")
    return getattr(importlib.import_module(f"{__package__}.{module}"), function)


_INFO, _LOGS, _ORDERS = "_engine.info", "_engine.logs", "_containment.orders"
ENTRIES: Mapping[str, Entry] = {
    "container_commit": Entry(
        f"{_ORDERS}:commit_argument_spec", f"{_ORDERS}:container_commit", _changes, True
    ),
    "container_diff_info": Entry(f"{_INFO}:info_argument_spec", f"{_INFO}:container_diff_info", _looks),
    "container_info": Entry(f"{_INFO}:container_argument_spec", f"{_INFO}:container_info", _looks),
    "container_kill": Entry(f"{_ORDERS}:kill_argument_spec", f"{_ORDERS}:container_kill", _changes, True),
    "container_link": Entry(f"{_ORDERS}:link_argument_spec", f"{_ORDERS}:container_link", _changes, True),
    "container_logs_info": Entry(f"{_LOGS}:logs_argument_spec", f"{_LOGS}:container_logs_info", _looks),
    "container_network": Entry(
        f"{_ORDERS}:network_argument_spec", f"{_ORDERS}:container_network", _changes, True
    ),
    "container_pause": Entry(f"{_ORDERS}:pause_argument_spec", f"{_ORDERS}:container_pause", _changes, True),
    "container_stats_info": Entry(f"{_INFO}:stats_argument_spec", f"{_INFO}:container_stats_info", _looks),
    "container_top_info": Entry(f"{_INFO}:top_argument_spec", f"{_INFO}:container_top_info", _looks),
    "containment": Entry(f"{_ORDERS}:containment_argument_spec", f"{_ORDERS}:containment", _changes),
    "hunt": Entry("_hunt.options:whole_argument_spec", "_hunt.run:hunt", _hunts),
    "triage": Entry("_triage.options:whole_argument_spec", "_triage.run:triage", _collects),
}
