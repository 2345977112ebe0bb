# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import time
from collections import Counter
from dataclasses import replace

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc
from ansible_collections.cordon.docker.plugins.plugin_utils._case import hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case_hits import hits_of_bag
from ansible_collections.cordon.docker.plugins.plugin_utils._host_action import (
    Asked,
    HostAction,
    Told,
    bounds_of,
    message,
    unknown_of,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._report.hunt import answered
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.answered import Answered
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.bundle import Limits
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.intake import Visit, take_in
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.library import library_archive
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.receive import Announced
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.watchdog import Bounds, Watchdog

VERB = "hunt"
MODULE = "cordon.docker.hunt"
# The module's defaults, which bound what is taken from a host also where the task does not say.
DEFAULTS = {"answer_bytes": 4 << 20, "budget": 120}
LIMITS = Limits(8 << 20, 64 << 20)
# Beyond the budget: connecting, starting Python, executables that are hashed, and an engine slow to say no.
GRACE_SECONDS = 120.0
ANSWER_BYTES = 128 << 20
# Packed as the SDK is: once for all hosts, before Ansible forks.
_LIBRARY = base64.b64encode(library_archive()).decode("ascii")


class ActionModule(HostAction):
    """Hunts on the host in one remote execution, seals the answer in the case, and says at once what it is."""

    verb = VERB

    def work(self, asked: Asked) -> Told:
        args, row = asked.args, asked.row
        bounds = bounds_of(args, DEFAULTS)
        with Watchdog(Bounds(bounds["budget"] + GRACE_SECONDS, ANSWER_BYTES), row.host):
            travelling = {**args, "controller_time": utc(asked.began)}
            answer = self.on_host(MODULE, travelling, asked.variables, _library=_LIBRARY)
        visit = Visit(row.host, VERB, row.run, asked.began, time.time())
        if answer.get("failed") or "bundle" not in answer:
            raise EvidenceError(message(answer))
        announced = Announced.parse(answer["bundle"], bounds["answer_bytes"])
        arrived = Answered.of(answer["bundle"], bounds["answer_bytes"])
        host = answer.get("host")
        told = host.get("time") if isinstance(host, dict) else None
        taken = take_in(asked.case, arrived, visit, announced, told, LIMITS)
        found = {outcome.container.id for outcome in taken.unpacked.outcomes if outcome.container is not None}
        row = replace(
            row,
            status=hosts.FAILED if taken.unpacked.incomplete else hosts.COLLECTED,
            reason=taken.unpacked.incomplete,
            bag=taken.bag,
            containers=len(found),
            items=taken.unpacked.counts(),
            unknown=unknown_of(answer),
        )
        hits = dict(Counter(hit.kind for hit in hits_of_bag(asked.case.path, taken.bag)))
        # At once, and not at the end: with a thousand hosts the first answers are what one acts on.
        self._display.display(answered(row.host, hits, len(found), time.time() - asked.began))
        return Told(row, {"hits": hits})

    def _noted(self, asked: Asked) -> Told:
        told = super()._noted(asked)
        if told.row.status != hosts.COLLECTED:
            self._display.display(f"{plain(told.row.host, 128)}: {told.row.status}: {told.row.reason}")
        return told
