# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ansible_collections.cordon.docker.plugins.action.triage import ActionModule as Triage
from ansible_collections.cordon.docker.plugins.plugin_utils._case import containments, custody
from ansible_collections.cordon.docker.plugins.plugin_utils._containment.known import Known
from ansible_collections.cordon.docker.plugins.plugin_utils._containment.options import (
    LEVELS,
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


class ActionModule(ContainmentAction):
    """Contains the containers of a host that were named, selected, or found suspicious in the case.

    Containers are contained by their ID: only what the case has evidence of, not what bears its name since."""

    verb = "contain"
    collector = Triage
    spec: ClassVar = {
        **SELECTION,
        **THRESHOLD,
        **OVERRIDES,
        "level": {"type": "str", "required": True, "choices": list(LEVELS)},
        "without_evidence": {"type": "bool", "default": False},
        "networks": {"type": "list", "elements": "str"},
    }

    def carry_out(self, job: Job) -> None:
        own = job.own
        self._waive(job)
        known = Known.of(job.asked.case.path, job.asked.host)
        if own["containers"] is None and own["select"] is None:
            self._suspects(job, known)
        elif own["without_evidence"]:
            self._act(job, own["containers"], own["select"])
        else:
            named, rest = known.match(own["containers"] or ())
            rest += self._known(job, named)
            if rest or own["select"] is not None:
                self._unseen(job, known, rest)

    def _waive(self, job: Job) -> None:
        waived = explained(job.own, ("without_evidence", "allow_removal"))
        if waived and not job.check:
            after = {"level": job.own["level"], **waived}
            event = custody.Event("evidence waived", job.asked.host, after=after, reason=job.own["reason"])
            custody.record(job.asked.case.path, [event])

    def _suspects(self, job: Job, known: Known) -> None:
        """Those with signs of a break-in; one that was removed since is told of, and no failure."""
        if not known.any:
            self.collect(job, None)
            known = Known.of(known.case_dir, known.host)
        chosen = known.suspected(job.own["threshold"])
        if not chosen:
            return
        found = self.execute(job, self._action(job), chosen, job.check, **self._extra(job))
        self.keep(job, [entry for entry in found if not entry.missing])
        gone = [entry.renamed(known.names) for entry in found if entry.missing]
        self.keep(job, gone, containments.GONE)

    def _known(self, job: Job, named: dict[str, str]) -> list[str]:
        """Contain those of which there is evidence; the names of those that are others by now."""
        if not named:
            return []
        found = self.execute(job, self._action(job), list(named), job.check, **self._extra(job))
        self.keep(job, [entry for entry in found if not entry.missing])
        return [named.get(entry.name, entry.name) for entry in found if entry.missing]

    def _unseen(self, job: Job, known: Known, names: list[str]) -> None:
        """Look at them first; collect evidence where there is none; then contain what was looked at."""
        select = job.own["select"]
        extra = self._extra(job) if select is None else {**self._extra(job), "select": select}
        looked = self.execute(job, self._action(job), names if select is None else None, True, **extra)
        job.unknown += [entry.name for entry in looked if entry.missing]
        seen = [entry for entry in looked if entry.id]
        self.keep(job, [entry for entry in looked if not entry.id and not entry.missing])
        if job.check:
            self.keep(job, seen)
            return
        lacking = [entry.id for entry in seen if not known.has(entry.id)]
        if lacking:
            self.collect(job, lacking)
        if seen:
            self._act(job, [entry.id for entry in seen])

    def _act(self, job: Job, containers: Sequence[str] | None, select: str | None = None) -> None:
        extra = self._extra(job) if select is None else {**self._extra(job), "select": select}
        self.act(job, self._action(job), containers, **extra)

    def _action(self, job: Job) -> str:
        return LEVELS[job.own["level"]]

    def _extra(self, job: Job) -> dict[str, Any]:
        names = ("with_sharers", "allow_removal", "without_evidence", "networks")
        given = {name: job.own[name] for name in names if job.own[name]}
        return {**given, **kept_in_case(job)} if job.own["level"] == "kill" else given
