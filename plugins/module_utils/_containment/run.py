# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One action for many containers of a host: look, decide, go through the gate, report. What modules call."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Mapping, Sequence

from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import (
    ContainerChoice,
    Selected,
    Unselected,
    resolve,
)
from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    CordonError,
    UnknownContainer,
    describe,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc

from . import plan as planner
from .decision import Notice, Plan, Refusal
from .gate import Act, Deed, Gate
from .means_host import Run
from .record import Record
from .report import Report, refused, reported
from .seen import Sight, Wanted
from .sight import Watch
from .steps import RaiseBarrier
from .store import Store

_ATTEMPTS = 4
_WAIT = 0.1


@dataclass(frozen=True)
class Order:
    """What a task asks of one host. ``records`` are the case's copies, ``evidence`` the containers whose
    evidence the case has."""

    wanted: Wanted
    check_mode: bool = False
    parallel: int = 8
    records: tuple[Record, ...] = ()
    evidence: tuple[str, ...] = ()


class Containment:
    """One host, one order."""

    def __init__(self, engine: Engine, run: Run, order: Order, store: Store | None = None) -> None:
        self._engine = engine
        self._order = order
        self._store = store or Store()
        self._given = {record.container: record for record in order.records}
        wanted = order.wanted
        engine_name = f"{engine.engine_version or 'unknown'} ({engine.address})"
        self._wanted = replace(
            wanted, time=wanted.time or utc(time.time()), engine=wanted.engine or engine_name
        )
        self._watch = Watch(engine, run, self._wanted, order.evidence)
        self._gate = Gate(engine, run, self._store, local=self._watch.facts.local)

    def carry_out(self, choice: ContainerChoice) -> list[Report]:
        """A report for each container chosen; with none named a release takes all that have a record."""
        found = resolve(self._engine, self._widened(choice), self._order.parallel)
        chosen = [item for item in found if isinstance(item, Selected)]
        missing = [item for item in found if isinstance(item, Unselected)]
        if self._wanted.verb == "release":
            return self._release_all(chosen, missing)
        reports = [_unknown(item) for item in missing]
        try:
            sights = self._watch.look([item.inspect for item in chosen])
        except CordonError as exc:
            return reports + [_failed(item, describe(exc), self._wanted.verb) for item in chosen]
        work = self._each(lambda number: self._one(chosen[number], sights[number]), len(chosen))
        return reports + work

    def _release_all(self, chosen: list[Selected], missing: list[Unselected]) -> list[Report]:
        """Of a container that is gone only what it left on the host is taken back, and its record ends."""
        recorded = {*self._store.containers(), *self._given}
        gone = [
            Selected(i.requested, i.requested, i.requested, {}) for i in missing if i.requested in recorded
        ]
        reports = [_unknown(item) for item in missing if item.requested not in recorded]
        items = chosen + gone
        return reports + self._each(lambda number: self._release(items[number]), len(items))

    def _widened(self, choice: ContainerChoice) -> ContainerChoice:
        if self._wanted.verb != "release" or choice.named is not None or choice.select is not None:
            return choice
        return ContainerChoice(named=tuple(sorted({*self._store.containers(), *self._given})))

    def _each(self, work: Any, count: int) -> list[Report]:
        if count < 2:
            return [work(number) for number in range(count)]
        with ThreadPoolExecutor(max_workers=max(1, min(self._order.parallel, count))) as pool:
            return list(pool.map(work, range(count)))

    def _one(self, item: Selected, sight: Sight) -> Report:
        began = time.monotonic()
        try:
            return replace(self._attempts(item, sight), seconds=time.monotonic() - began)
        except CordonError as exc:
            return _failed(item, describe(exc), self._wanted.verb)

    def _attempts(self, item: Selected, sight: Sight) -> Report:
        """Plan, act, and where the container was restarted meanwhile or has only now settled, do so again."""
        first = sight
        acts: list[Act] = []
        notices: tuple[Notice, ...] = ()
        for attempt in range(_ATTEMPTS):
            if sight.fleeting and attempt < _ATTEMPTS - 1:
                time.sleep(_WAIT * (attempt + 1))
                sight = self._again(item)
                continue
            record = self._record(item.id)
            sight = self._with_barrier(sight, record)
            decision = planner.decide(self._wanted, sight, record)
            if isinstance(decision, Refusal):
                return refused(sight, decision, tuple(acts), first)
            notices = notices or decision.notices
            if self._order.check_mode:
                return reported(first, decision, self._gate.propose(decision, record), notices, check=True)
            deed = self._gate.carry_out(decision, self._wanted.case, item.name)
            again = self._again(item) if deed.failed or deed.restarted or decision.unsettled else sight
            if deed.failed and not deed.left and _moved(sight, again):
                deed = deed.abandoned()
            acts.extend(deed.acts)
            report = reported(
                first, decision, replace(deed, acts=tuple(acts)), notices, lasting=self._lasting
            )
            if deed.failed or not (deed.restarted or (decision.unsettled and not _ended(decision))):
                return report
            time.sleep(_WAIT * attempt)
            sight = self._again(item)
        error = "The container restarts faster than it can be contained: kill it, or pause it while it runs."
        return replace(report, failed=True, error=error)

    @property
    def _lasting(self) -> bool:
        return self._store.lasting

    def _again(self, item: Selected) -> Sight:
        document = self._engine.inspect(item.id)
        if document is None:
            raise UnknownContainer(f"The engine has no container {item.name} any more.")
        return self._watch.look([document])[0]

    def _record(self, container: str) -> Record:
        given = self._given.get(container, Record(container))
        return self._gate.outstanding(given)

    def _with_barrier(self, sight: Sight, record: Record) -> Sight:
        """Whether the barrier that the record tells of still stands, by the kernel's word."""
        namespace = sight.namespace
        if namespace is None:
            return sight
        for step in record.steps():
            if isinstance(step, RaiseBarrier) and step.barrier.namespace == namespace.inode:
                stands = self._gate.read_back(step, {}).holds
                return replace(sight, namespace=replace(namespace, barrier=stands))
        return sight

    def _release(self, item: Selected) -> Report:
        began = time.monotonic()
        try:
            record = self._record(item.id)
            name = item.name if item.inspect else record.name or item.name
            sight = Sight(item.id, name, item.inspect)
            steps = tuple(step.opposite() for step in reversed(record.steps()))
            plan = Plan(item.id, "release", tuple(step for step in steps if step is not None))
            if self._order.check_mode:
                deed = self._gate.propose(plan, record)
            elif record.changes:
                deed = self._gate.release(record, name, self._wanted.case)
            else:
                deed = Deed((), record)
            report = reported(
                sight, plan, deed, (), check=self._order.check_mode, lasting=self._store.lasting
            )
            return replace(report, seconds=time.monotonic() - began)
        except CordonError as exc:
            return _failed(item, describe(exc), "release")


def _moved(before: Sight, now: Sight) -> bool:
    """Whether the container was started or ended since it was looked at: what failed may fail no more."""
    names = ("Running", "Restarting", "Pid", "StartedAt")
    return any(before.state.get(name) != now.state.get(name) for name in names)


def _ended(plan: Plan) -> bool:
    """A kill of a container between two starts is over once it is not started again."""
    return plan.verb == "kill"


def _unknown(item: Unselected) -> Report:
    return Report(id="", name=item.requested, verb="", failed=True, error=item.error)


def _failed(item: Selected, error: str, verb: str) -> Report:
    return Report(id=item.id, name=item.name, verb=verb, failed=True, error=error)


def result(reports: Sequence[Report]) -> dict[str, Any]:
    """What a module returns; a module fails when any container did, and keeps every entry."""
    entries = [report.to_json() for report in reports]
    failed = [f"{entry['name']}: {entry['error']}" for entry in entries if entry["failed"]]
    found: dict[str, Any] = {
        "changed": any(entry["changed"] for entry in entries),
        "containers": entries,
        "diff": [report.diff() for report in reports if report.changed],
    }
    if failed:
        found["failed"] = True
        found["msg"] = " ".join(failed)
    return found


def records_of(values: Sequence[Mapping[str, Any]] | None) -> tuple[Record, ...]:
    """The case's copies of records, as a task passes them. Raises EvidenceError."""
    return tuple(Record.from_json(value) for value in values or ())
