# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frame of every action that contains or releases the containers of a host.

One execution of the containment module does it. Its undo records are on the controller's disk, and its steps in
the custody log, before the task tells of success.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.cordon.docker.plugins.module_utils._containment.record import Record
from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError, EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc
from ansible_collections.cordon.docker.plugins.plugin_utils._case import (
    containments,
    custody,
    hosts,
    records,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._containment.answer import Entry, entries
from ansible_collections.cordon.docker.plugins.plugin_utils._containment.options import Options, Spec
from ansible_collections.cordon.docker.plugins.plugin_utils._containment.preserved import preserved
from ansible_collections.cordon.docker.plugins.plugin_utils._host_action import (
    Asked,
    HostAction,
    Told,
    message,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.watchdog import Bounds, Watchdog

MODULE = "cordon.docker.containment"
ANSWER_BYTES = 64 << 20
# Beyond what the engine is given for each call: connecting, starting Python, waiting for another run to end.
GRACE_SECONDS = 300.0
SECONDS_A_CONTAINER = 30.0
_MAX_REASON = 2000


@dataclass
class Job:
    """One host's part of a run. `unknown` are containers that were named and that the host does not have."""

    asked: Asked
    options: Options
    check: bool
    entries: list[Entry] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def own(self) -> Mapping[str, Any]:
        return self.options.own


class ContainmentAction(HostAction):
    """A template method: subclasses say in ``carry_out`` what is done to which containers, and in what order."""

    good = hosts.DONE
    spec: ClassVar[Spec]
    # What collects the evidence that has to be there before anything is changed.
    collector: ClassVar[type[HostAction]]

    @abstractmethod
    def carry_out(self, job: Job) -> None:
        """Do it by way of ``act``. May raise CordonError, and whatever the connection raises."""

    def work(self, asked: Asked) -> Told:
        job = Job(asked, Options.of(asked.args, self.spec), bool(self._task.check_mode))
        try:
            self.carry_out(job)
        except (CordonError, AnsibleConnectionFailure) as exc:
            if not job.entries:
                raise
            # What was done before stays told, container by container.
            kind = AnsibleConnectionFailure if isinstance(exc, AnsibleConnectionFailure) else EvidenceError
            raise kind(f"{exc} What had been done by then is told of each container.") from exc
        return self._told(job)

    def act(self, job: Job, action: str, containers: Sequence[str] | None, **extra: Any) -> list[Entry]:
        """Do it, and have it in the case before going on. In check mode nothing is changed."""
        found = self.execute(job, action, containers, job.check, **extra)
        job.unknown += [entry.name for entry in found if entry.missing]
        return self.keep(job, [entry for entry in found if not entry.missing])

    def execute(
        self, job: Job, action: str, containers: Sequence[str] | None, check: bool, **extra: Any
    ) -> list[Entry]:
        """One execution of the module on the host; in check mode it looks and plans, and changes nothing."""
        named = {} if containers is None else {"containers": list(containers)}
        args = {**job.options.engine, **named, **extra, "action": action, "case": job.asked.case.name}
        seconds = GRACE_SECONDS + SECONDS_A_CONTAINER * len(containers or ())
        seconds += float(extra.get("commit_timeout", 0)) * len(containers or ())
        before = self._task.check_mode
        self._task.check_mode = check
        try:
            with Watchdog(Bounds(seconds, ANSWER_BYTES), job.asked.host):
                answer = self.on_host(MODULE, args, job.asked.variables)
        finally:
            self._task.check_mode = before
        found = entries(answer, action)
        if found is None:
            raise EvidenceError(message(answer))
        return found

    def keep(self, job: Job, found: Iterable[Entry], status: str | None = None) -> list[Entry]:
        """The undo records, the custody lines and the rows, on the disk; what was kept."""
        case, host, run = job.asked.case, job.asked.host, job.asked.row.run
        kept = list(found) if job.check else [self._with_record(job, entry) for entry in found]
        if not job.check:
            events = [event for entry in kept for event in entry.events(host)]
            if events:
                custody.record(case.path, events)
        now = utc(time.time())
        rows = [entry.row(run, now, host) for entry in kept]
        containments.add(case.path, [replace(row, status=status or row.status) for row in rows])
        if status is None:
            job.entries += kept
        return kept

    def collect(self, job: Job, containers: Sequence[str] | None) -> None:
        """Triage into the same case and run: of these containers, or of all. Nothing was changed if it fails."""
        asked = job.asked
        named = {} if containers is None else {"containers": list(containers)}
        task = self._task.copy()
        task.args = {
            **job.options.engine,
            **job.options.triage,
            **named,
            "case": str(asked.case.path),
            "run": asked.row.run,
        }
        action = self.collector(
            task,
            self._connection,
            self._play_context,
            self._loader,
            self._templar,
            self._shared_loader_obj,
        )
        done = action.run(task_vars=asked.variables)
        if not done.get("failed"):
            return
        if done["status"] == hosts.UNREACHABLE:
            raise AnsibleConnectionFailure(str(done["msg"]))
        raise EvidenceError(f"Nothing was changed, since its evidence could not be collected: {done['msg']}")

    def _with_record(self, job: Job, entry: Entry) -> Entry:
        """The entry, once its undo record is on the disk; a failed one where it cannot be."""
        try:
            self._store(job, entry)
        except (OSError, CordonError) as exc:
            lost = (
                f"Its undo record could not be kept in the case ({exc}); the host has one below /run/cordon."
            )
            return replace(entry, failed=True, error=" ".join(filter(None, (entry.error, lost))))
        return entry

    def _store(self, job: Job, entry: Entry) -> None:
        case, host = job.asked.case, job.asked.host
        if not entry.id:
            return
        if self.verb == "release":
            # By then the module has gone by the case's copy too: what it says is all there is.
            if entry.record is not None or not entry.failed:
                records.keep(case.path, host, entry.record or Record(entry.id))
        elif entry.record is not None:
            # The host's may be lost in a boot: what only the case knows stays.
            known = {record.container: record for record in records.of_host(case.path, host)}
            records.keep(case.path, host, entry.record.merged(known.get(entry.id, Record(entry.id))))

    def _told(self, job: Job) -> Told:
        bad = [entry for entry in job.entries if entry.failed]
        tally: dict[str, int] = {}
        for entry in job.entries:
            tally[entry.status] = tally.get(entry.status, 0) + 1
        row = replace(
            job.asked.row,
            status=hosts.INCOMPLETE if bad else hosts.DONE,
            reason=_reasons(bad) if bad else None,
            containers=len({entry.id or entry.name for entry in job.entries}),
            items=tally,
            unknown=tuple(plain(name, 200) for name in dict.fromkeys(job.unknown)),
        )
        result: dict[str, Any] = {"changed": any(entry.changed for entry in job.entries)}
        if self._task.diff:
            result["diff"] = [_diff(entry) for entry in job.entries if entry.diff is not None]
        return Told(row, result)


def kept_in_case(job: Job) -> dict[str, Any]:
    """For a kill: the containers whose file system the case holds, as the module is told."""
    kept = preserved(job.asked.case.path, job.asked.host)
    return {"evidence": sorted(kept)} if kept else {}


def _reasons(bad: Iterable[Entry]) -> str:
    said = dict.fromkeys(f"{plain(entry.name, 128)}: {plain(entry.error or '')}" for entry in bad)
    return plain(" ".join(said), _MAX_REASON)


def _diff(entry: Entry) -> dict[str, Any]:
    header = f"{plain(entry.name, 128)} ({entry.id[:12]})"
    return {**(entry.diff or {}), "before_header": header, "after_header": header}
