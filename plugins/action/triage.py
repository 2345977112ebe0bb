# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import time
from dataclasses import replace
from typing import Any

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    EvidenceError,
    describe,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.hosts import HostRow
from ansible_collections.cordon.docker.plugins.plugin_utils._host_action import (
    Asked,
    HostAction,
    Told,
    bounds_of,
    message,
    unknown_of,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.bundle import Limits
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.intake import Taken, Visit, take_in
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.library import library_archive
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.receive import Announced
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.watchdog import Bounds, Watchdog

VERB = "triage"
MODULE = "cordon.docker.triage"
# The module's defaults, which bound what is taken from a host also where the task does not say.
DEFAULTS = {"item_bytes": 64 << 20, "total_bytes": 256 << 20, "staged_bytes": 64 << 20, "budget": 60}
# Beyond the budget: connecting, starting Python, and an engine that is slow to say no.
GRACE_SECONDS = 120.0
ANSWER_BYTES = 128 << 20
# Packed as the SDK is: once for all hosts, before Ansible forks.
_LIBRARY = base64.b64encode(library_archive()).decode("ascii")


class ActionModule(HostAction):
    """Collects on the host, and brings the evidence into the case."""

    verb = VERB

    def work(self, asked: Asked) -> Told:
        args, row = asked.args, asked.row
        bounds = bounds_of(args, DEFAULTS)
        with Watchdog(Bounds(bounds["budget"] + GRACE_SECONDS, ANSWER_BYTES), row.host):
            # Named, since other actions collect through this one.
            answer = self.on_host(
                MODULE, self._module_args(args, asked.began), asked.variables, _library=_LIBRARY
            )
        visit = Visit(row.host, VERB, row.run, asked.began, time.time())
        if answer.get("failed") or "bundle" not in answer:
            raise EvidenceError(message(answer))
        announced = Announced.parse(answer["bundle"], bounds["staged_bytes"])
        limits = Limits(bounds["item_bytes"], bounds["total_bytes"])
        case = asked.case
        try:
            taken = take_in(case, self._connection, visit, announced, answer.get("host"), limits)
        except Exception as exc:
            custody.record(case.path, [_removal(row.host, announced, "The evidence did not arrive.")])
            kind = AnsibleConnectionFailure if isinstance(exc, AnsibleConnectionFailure) else EvidenceError
            said = describe(exc).rstrip(".")
            raise kind(f"{said}. What was collected stays on the host, in {announced.folder}.") from exc
        left = self._remove(announced)
        custody.record(case.path, [_removal(row.host, announced, left)])
        return Told(_with(row, taken, unknown_of(answer), left))

    def _module_args(self, args: dict[str, Any], began: float) -> dict[str, Any]:
        user = self._get_remote_user()  # type: ignore[no-untyped-call]
        owner = {"stage_owner": str(user)} if user else {}
        return {**owner, **args, "controller_time": utc(began)}

    def _remove(self, announced: Announced) -> str | None:
        """Take the host's copy away; what is left to say where that failed. The name has been validated."""
        try:
            command = f"rm -rf -- {announced.folder}"
            done = self._low_level_execute_command(command, sudoable=False)  # type: ignore[no-untyped-call]
        except Exception as exc:  # noqa: BLE001 - the evidence is safe; the rest is something to tell
            problem = describe(exc)
        else:
            problem = "" if done["rc"] == 0 else str(done["stderr"]).strip() or f"rm ended with {done['rc']}"
        return (
            f"{announced.folder} could not be removed from the host: {plain(problem, 300)}"
            if problem
            else None
        )


def _with(row: HostRow, taken: Taken, unknown: tuple[str, ...], left: str | None) -> HostRow:
    outcomes = taken.unpacked.outcomes
    containers = {outcome.container.id for outcome in outcomes if outcome.container is not None}
    incomplete = taken.unpacked.incomplete
    return replace(
        row,
        status=hosts.FAILED if incomplete else hosts.COLLECTED,
        reason=incomplete or left,
        bag=taken.bag,
        containers=len(containers),
        items=taken.unpacked.counts(),
        unknown=unknown,
    )


def _removal(host: str, announced: Announced, left: str | None) -> custody.Event:
    return custody.Event(
        "host copy removed" if left is None else "host copy left",
        host,
        before={"dir": announced.folder, "sha256": announced.sha256},
        verified=left is None,
        reason=left,
    )
