# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frame of every action that does something on a host for a case: whatever happens is a row there."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    CordonError,
    InvalidOption,
    describe,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.hosts import HostRow
from ansible_collections.cordon.docker.plugins.plugin_utils._engine_action import EngineAction
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain

MAX_UNKNOWN = 100


@dataclass(frozen=True)
class Asked:
    """What one action is to do: the case, the host's row as it begins, and the task as Ansible gives it.

    `began` is in seconds since 1970 by the controller's clock."""

    case: Case
    row: HostRow
    args: dict[str, Any]
    variables: dict[str, Any]
    began: float

    @property
    def host(self) -> str:
        return self.row.host


@dataclass(frozen=True)
class Told:
    """What became of it: the row, and what the task's result says besides."""

    row: HostRow
    result: Mapping[str, Any] = field(default_factory=dict)


class HostAction(EngineAction):
    """Opens the case, lets the subclass work, and notes down what became of the host.

    A host that could not be reached fails like any other: Ansible skips even an ``always`` for one that it calls
    unreachable, and the run would stay open where no host was reached."""

    TRANSFERS_FILES = False
    _supports_async = False

    verb: ClassVar[str]
    good: ClassVar[str] = hosts.COLLECTED

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        # Not EngineAction's: the module is run by the work.
        result: dict[str, Any] = ActionBase.run(self, tmp, task_vars)
        variables = task_vars or {}
        args = dict(self._task.args)
        try:
            case, run = Case.at(Path(args.pop("case"))), str(args.pop("run"))
        except KeyError as exc:
            raise AnsibleActionFail(f"{self.verb} needs {exc}, which case_open returns.") from None
        except CordonError as exc:
            raise AnsibleActionFail(str(exc)) from None
        began = time.time()
        host = str(variables.get("inventory_hostname", ""))
        row = HostRow(run, utc(began), self.verb, host, self.good)
        told = self._noted(Asked(case, row, args, variables, began))
        row = replace(told.row, seconds=round(time.time() - began, 3))
        hosts.add(case.path, [row])
        return {**result, **self._facts(), **self._summary(row), **told.result}

    @abstractmethod
    def work(self, asked: Asked) -> Told:
        """Do it. May raise CordonError, and whatever the connection raises."""

    def _noted(self, asked: Asked) -> Told:
        """What became of the host, whatever happened."""
        try:
            return self.work(asked)
        except AnsibleConnectionFailure as exc:
            status, reason = hosts.UNREACHABLE, str(exc)
        except CordonError as exc:
            status, reason = hosts.FAILED, str(exc)
        except Exception as exc:  # noqa: BLE001 - anything else would keep the host from being a row
            status, reason = hosts.FAILED, describe(exc)
        reason = plain(" ".join(reason.split()))
        event = custody.Event(f"host {status}", asked.host, verified=False, reason=reason)
        custody.record(asked.case.path, [event])
        return Told(replace(asked.row, status=status, reason=reason))

    def _facts(self) -> dict[str, Any]:
        """Which Python was found, so that the next task need not look again. No other fact is taken."""
        key = self._discovered_interpreter_key
        return {"ansible_facts": {key: self._discovered_interpreter}} if key else {}

    def _summary(self, row: HostRow) -> dict[str, Any]:
        told = {name: getattr(row, name) for name in ("status", "bag", "containers", "items", "seconds")}
        failed = {"failed": True} if row.status != self.good else {}
        return {**told, **failed, "changed": False, "msg": row.reason or "", "unknown": list(row.unknown)}


def message(answer: Mapping[str, Any]) -> str:
    """Why a module did not do what it was sent for, in one line."""
    said = answer.get("msg") or "The module gave no answer that can be read."
    trace = str(answer.get("module_stderr") or "").strip().rsplit("\n", 1)[-1]
    return " ".join(f"{said} {trace}".split())


def bounds_of(args: Mapping[str, Any], defaults: Mapping[str, int]) -> dict[str, int]:
    """The module's own bounds, which hold on the controller too. Raises InvalidOption for what is no number."""
    return {name: _number(name, args.get(name, default)) for name, default in defaults.items()}


def _number(name: str, value: Any) -> int:
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError) as exc:
        raise InvalidOption(f"{name} cannot be {str(value)[:100]!r}: it is a number.") from exc


def unknown_of(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of containers that were asked for and that the host's engine does not have, by the host's word."""
    named = answer.get("unknown")
    return tuple(plain(name, 200) for name in named[:MAX_UNKNOWN]) if isinstance(named, list) else ()
