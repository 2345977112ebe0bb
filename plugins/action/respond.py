# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ansible_collections.cordon.docker.plugins.action.triage import ActionModule as Triage
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import SEVERITIES
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody
from ansible_collections.cordon.docker.plugins.plugin_utils._containment.known import Known
from ansible_collections.cordon.docker.plugins.plugin_utils._containment.options import (
    OVERRIDES,
    SELECTION,
    THRESHOLD,
    explained,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._containment_action import (
    ContainmentAction,
    Job,
    kept_in_case,
)

# Nothing of it runs, so there is nothing to freeze; isolating it holds, also when it is started.
_NOTHING_TO_FREEZE = ("not_running", "restarting")


class ActionModule(ContainmentAction):
    """The whole chain on one host: triage, pause what is critical, commit, isolate, and kill if asked."""

    verb = "respond"
    collector = Triage
    spec: ClassVar = {
        **SELECTION,
        **THRESHOLD,
        **OVERRIDES,
        "pause_threshold": {"type": "str", "default": "critical", "choices": list(SEVERITIES)},
        "kill": {"type": "bool", "default": False},
        "commit_timeout": {"type": "int", "default": 600},
    }

    def carry_out(self, job: Job) -> None:
        self._waive(job)
        self.collect(job, None)
        known = Known.of(job.asked.case.path, job.asked.host)
        chosen = self._chosen(job, known)
        if not chosen:
            return
        critical = set(known.suspected(job.own["pause_threshold"]))
        self._pause(job, [container for container in chosen if container in critical])
        kept = self._commit(job, chosen)
        sharers = {"with_sharers": True} if job.own["with_sharers"] else {}
        self.act(job, "isolate", chosen, **sharers)
        late = [container for container in chosen if container not in kept]
        if late:
            self._commit_late(job, late)
        if job.own["kill"]:
            self._kill(job, chosen)

    def _waive(self, job: Job) -> None:
        waived = explained(job.own, ("allow_removal",))
        if waived and not job.check:
            event = custody.Event(
                "evidence waived", job.asked.host, after={"kill": True, **waived}, reason=job.own["reason"]
            )
            custody.record(job.asked.case.path, [event])

    def _chosen(self, job: Job, known: Known) -> list[str]:
        if job.own["containers"] is not None:
            named, unknown = known.match(job.own["containers"])
            job.unknown += unknown
            return list(named)
        if job.own["select"] is not None:
            looked = self.execute(job, "isolate", None, True, select=job.own["select"])
            return [entry.id for entry in looked if entry.id]
        return known.suspected(job.own["threshold"])

    def _pause(self, job: Job, containers: Sequence[str]) -> None:
        if containers:
            found = self.execute(job, "pause", containers, job.check)
            self.keep(job, [entry for entry in found if entry.refusal not in _NOTHING_TO_FREEZE])

    def _commit(self, job: Job, containers: Sequence[str]) -> set[str]:
        """The containers that were kept, or cannot be; not those that only rest between two starts."""
        found = self.execute(job, "commit", containers, job.check, **self._patience(job))
        settled = [entry for entry in found if entry.refusal != "restarting"]
        self.keep(job, settled)
        return {entry.id for entry in settled}

    def _commit_late(self, job: Job, containers: Sequence[str]) -> None:
        """Isolating has ended their restarts, so that their state holds still."""
        if not job.check:
            self.act(job, "commit", containers, **self._patience(job))

    def _kill(self, job: Job, containers: Sequence[str]) -> None:
        # In check mode there is no image yet that the plan could find.
        planned = {"evidence": list(containers)} if job.check else kept_in_case(job)
        removal = {"allow_removal": True} if job.own["allow_removal"] else {}
        self.act(job, "kill", containers, **planned, **removal)

    def _patience(self, job: Job) -> dict[str, Any]:
        return {"commit_timeout": job.own["commit_timeout"]}
