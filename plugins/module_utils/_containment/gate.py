# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gate: the only way by which anything on a host is changed.

Each step is written down, done, and read back. Where one fails, it and those before it are taken back and
read back again; what cannot be taken back stays in the record, from which ``release`` goes on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.cordon.docker.plugins.module_utils._engine.control import EngineControl
from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    CordonError,
    UnknownContainer,
    describe,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc

from .decision import Plan
from .means_engine import EngineMeans, Reading
from .means_host import HostMeans, Run
from .record import Record
from .steps import LinkDown, LinkUp, LowerBarrier, RaiseBarrier, Step
from .store import Store

PLANNED = "planned"
VERIFIED = "verified"
FAILED = "failed"
UNDONE = "undone"
LEFT = "left"  # could not be taken back: in the record
GONE = "gone"  # what it was about is no longer there


@dataclass(frozen=True)
class Act:
    """What became of one step; ``time`` is RFC 3339 in UTC by the host's clock."""

    step: Step
    status: str
    sees: str = ""
    error: str | None = None
    time: str = ""
    seconds: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "step": self.step.kind,
            "sentence": self.step.sentence(),
            "status": self.status,
            "sees": self.sees,
            "error": self.error,
            "time": self.time,
            "seconds": round(self.seconds, 4),
            "details": dict(self.details),
        }


@dataclass(frozen=True)
class Deed:
    """What became of a plan. ``restarted``: it was void by the time it was done, so look and plan again."""

    acts: tuple[Act, ...]
    record: Record
    restarted: bool = False

    @property
    def failed(self) -> bool:
        return any(act.status in (FAILED, LEFT) for act in self.acts)

    @property
    def left(self) -> bool:
        return any(act.status == LEFT for act in self.acts)

    def abandoned(self) -> Deed:
        """The same where what failed was planned for an earlier run of the container."""
        acts = (replace(act, status=GONE, sees=act.error or act.sees, error=None) for act in self.acts)
        kept = tuple(new if old.status == FAILED else old for old, new in zip(self.acts, acts))
        return Deed(kept, self.record, restarted=True)

    @property
    def changed(self) -> bool:
        return any(act.status in (VERIFIED, LEFT) for act in self.acts)

    @property
    def error(self) -> str | None:
        errors = [act.error for act in self.acts if act.error]
        return " ".join(errors) if errors else None


class Gate:
    """For one host. Safe for plans of different containers at once."""

    def __init__(self, engine: Engine, run: Run, store: Store, local: bool = True) -> None:
        self._engine = EngineMeans(EngineControl.over(engine), local)
        self._host = HostMeans(run, self._engine)
        self._store = store

    def propose(self, plan: Plan, record: Record) -> Deed:
        """Check mode: what would be done, and nothing is."""
        return Deed(tuple(Act(step, PLANNED) for step in plan.steps), record)

    def carry_out(self, plan: Plan, case: str = "", name: str = "") -> Deed:
        """Raises CordonError only where nothing was changed."""
        if not plan.steps:
            return Deed((), self._store.load(plan.container))
        with self._store.locked(plan.container):
            run = _Run(self, plan.verb, case, replace(self._store.load(plan.container), name=name))
            for step in plan.steps:
                act = run.do(step)
                if act.status == VERIFIED:
                    continue
                restarted = act.status == GONE
                run.take_back(after_failure=not restarted)
                return Deed(tuple(run.acts), run.record, restarted)
            return Deed(tuple(run.acts), run.record)

    def release(self, record: Record, name: str = "", case: str = "") -> Deed:
        """Take all in the record back, last step first; one that fails stays in it, the others go on."""
        with self._store.locked(record.container):
            known = self._store.load(record.container).merged(record)
            run = _Run(self, "release", case, replace(known, name=name))
            for change in reversed(run.record.changes):
                run.release(change.step)
            return Deed(tuple(run.acts), run.record)

    def outstanding(self, record: Record) -> Record:
        """The host's record together with the case's copy of it."""
        return self._store.load(record.container).merged(record)

    def apply(self, step: Step) -> Mapping[str, Any]:
        """Do one step: reached through carry_out and release alone."""
        found: Mapping[str, Any] = self._means(step).apply(step)
        return found

    def read_back(self, step: Step, applied: Mapping[str, Any]) -> Reading:
        reading: Reading = self._means(step).read_back(step, applied)
        return reading

    def save(self, record: Record) -> None:
        self._store.save(record)

    def _means(self, step: Step) -> Any:
        on_host = isinstance(step, (LinkDown, LinkUp, RaiseBarrier, LowerBarrier))
        return self._host if on_host else self._engine


class _Run:
    """One plan on its way through the gate: what was done so far, and the record as it stands."""

    def __init__(self, gate: Gate, verb: str, case: str, record: Record) -> None:
        self.acts: list[Act] = []
        self.record = record
        self._gate = gate
        self._verb = verb
        self._case = case

    def do(self, step: Step) -> Act:
        """Write down, do, read back, write down. What goes wrong is in the act."""
        began, clock = utc(time.time()), time.monotonic()
        tried, reading, error = False, None, None
        try:
            self._write(self.record.begin(step, began, self._case, self._verb))
            tried = True
            applied = self._gate.apply(step)
            reading = self._gate.read_back(step, applied)
        except CordonError as exc:
            error = describe(exc)
        seconds = time.monotonic() - clock
        if reading is None or not reading.holds:
            gone = reading is not None and reading.gone
            act = self._failed(step, reading, error, tried)
            act = replace(act, status=GONE if gone else FAILED, time=began, seconds=seconds)
        else:
            self._settle(self.record.finish(step))
            act = Act(step, VERIFIED, reading.sees, None, began, seconds, reading.details)
        self.acts.append(act)
        return act

    def _failed(self, step: Step, reading: Reading | None, error: str | None, tried: bool) -> Act:
        if error is None and reading is not None and not reading.gone:
            error = f"{step.sentence()} This was done, but does not hold: {reading.sees}."
        if not tried or (reading is not None and reading.gone):
            self._settle(self.record.forget(step))
        return Act(step, FAILED, reading.sees if reading else "", error)

    def take_back(self, after_failure: bool) -> None:
        """Undo the step that failed, if it left a trace, and those before it; none once a seal was broken."""
        if any(act.step.seals for act in self.acts):
            return
        for number in range(len(self.acts) - 1, -1, -1):
            act = self.acts[number]
            opposite = act.step.opposite()
            if act.status == GONE or opposite is None:
                continue
            self.acts[number] = self._undone(act, opposite, was_failed=after_failure and act.status == FAILED)

    def _undone(self, act: Act, opposite: Step, was_failed: bool) -> Act:
        try:
            reading = self._gate.read_back(opposite, {})
            if not reading.holds and not reading.gone:
                reading = self._gate.read_back(opposite, self._gate.apply(opposite))
        except CordonError as exc:
            reading = Reading(False, describe(exc))
        if reading.holds or reading.gone:
            self._settle(self._taken_back(act.step, opposite))
            return act if was_failed else replace(act, status=UNDONE, sees=reading.sees)
        error = (
            f"{opposite.sentence()} This could not be done ({reading.sees}); the record keeps it for release."
        )
        return replace(act, status=LEFT, error=f"{act.error} {error}" if act.error else error)

    def _taken_back(self, step: Step, opposite: Step) -> Record:
        """Without the step; where the step itself had taken out a recorded one, with that one again."""
        if any(change.step == step for change in self.record.changes):
            return self.record.forget(step)
        began = utc(time.time())
        return self.record.begin(opposite, began, self._case, self._verb).finish(opposite)

    def release(self, step: Step) -> None:
        """Take one recorded step back; what is gone already is only struck out."""
        opposite = step.opposite()
        began, clock = utc(time.time()), time.monotonic()
        if opposite is None:
            self._settle(self.record.forget(step))
            return
        error = None
        try:
            reading = self._gate.read_back(opposite, {})
            already = reading.holds or reading.gone
            if not already:
                reading = self._gate.read_back(opposite, self._gate.apply(opposite))
        except UnknownContainer as exc:
            reading, already = Reading(False, describe(exc), gone=True), True
        except CordonError as exc:
            reading, already, error = Reading(False, ""), False, describe(exc)
        status = VERIFIED if reading.holds and not already else GONE if already or reading.gone else FAILED
        if status == FAILED and error is None:
            error = f"{opposite.sentence()} This was done, but does not hold: {reading.sees}."
        if status != FAILED:
            self._settle(self.record.forget(step))
        seconds = time.monotonic() - clock
        self.acts.append(Act(opposite, status, reading.sees, error, began, seconds, reading.details))

    def _write(self, record: Record) -> None:
        if record is not self.record:
            self._gate.save(record)
            self.record = record

    def _settle(self, record: Record) -> None:
        """As ``_write``, when the step is done: a record that says too much can still be released."""
        try:
            self._write(record)
        except CordonError:
            self.record = record
