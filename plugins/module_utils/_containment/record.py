# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The undo record: what was done to a container and not taken back yet, in order. Pure values.

A step is written down before it is done (``pending``) and again when it was verified (``done``), so that
nothing can end between a change and its record. Taking a step back takes its line out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError

from . import hostile
from .hostile import Fields
from .steps import Step, step_from_json

VERSION = 1
PENDING = "pending"
DONE = "done"


@dataclass(frozen=True)
class Change:
    """One step with when it began (RFC 3339, UTC, the host's clock), for which case and by which action."""

    step: Step
    state: str
    time: str
    case: str
    verb: str

    def to_json(self) -> dict[str, str | dict[str, Any]]:
        return {
            "step": self.step.to_json(),
            "state": self.state,
            "time": self.time,
            "case": self.case,
            "verb": self.verb,
        }

    @classmethod
    def from_json(cls, value: Any) -> Change:
        """Raises EvidenceError."""
        found = Fields(value, "a change", dict.fromkeys(("step", "state", "time", "case", "verb")))
        state = found.text("state")
        if state not in (PENDING, DONE):
            raise EvidenceError(f"A record holds a change in an unknown state: {state[:100]!r}.")
        step = step_from_json(found.value("step"))
        return cls(step, state, found.text("time", longest=32), found.text("case"), found.text("verb"))


@dataclass(frozen=True)
class Record:
    """The changes of one container that are outstanding, oldest first."""

    container: str
    name: str = ""
    changes: tuple[Change, ...] = ()

    def steps(self) -> tuple[Step, ...]:
        return tuple(change.step for change in self.changes)

    def begin(self, step: Step, time: str, case: str, verb: str) -> Record:
        """Written before the step is done. What undoes a recorded step adds nothing: it will take it out."""
        if not step.reversible or self._undone_by(step) is not None:
            return self
        return replace(self, changes=(*self.changes, Change(step, PENDING, time, case, verb)))

    def finish(self, step: Step) -> Record:
        """Written when the step was verified."""
        undone = self._undone_by(step)
        if undone is not None:
            return self._without(undone)
        done = tuple(
            replace(change, state=DONE) if change.step == step and change.state == PENDING else change
            for change in self.changes
        )
        return replace(self, changes=done)

    def forget(self, step: Step) -> Record:
        """The step did not happen, was taken back, or can no longer be."""
        found = [change for change in self.changes if change.step == step]
        return self._without(found[-1]) if found else self

    def _undone_by(self, step: Step) -> Change | None:
        for change in reversed(self.changes):
            if step.undoes(change.step):
                return change
        return None

    def _without(self, gone: Change) -> Record:
        at = max(number for number, change in enumerate(self.changes) if change is gone)
        return replace(self, changes=self.changes[:at] + self.changes[at + 1 :])

    def to_json(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "container": self.container,
            "name": self.name,
            "changes": [change.to_json() for change in self.changes],
        }

    @classmethod
    def from_json(cls, value: Any) -> Record:
        """Raises EvidenceError; every step has to be about the record's own container."""
        found = Fields(value, "a record", dict.fromkeys(("version", "container", "name", "changes")))
        if found.number("version") != VERSION:
            raise EvidenceError("A record is of a version that this release does not know; use a newer one.")
        container = found.text("container", hostile.CONTAINER_ID)
        changes = tuple(Change.from_json(item) for item in found.items("changes"))
        if any(change.step.container != container for change in changes):
            raise EvidenceError(f"The record of {container[:12]} holds a step of another container.")
        return cls(container, found.text("name"), changes)

    def merged(self, other: Record) -> Record:
        """This record, after what only the other one knows: the host's may be lost, the case's may be
        older."""
        known = {(change.step.kind, change.step.subject) for change in self.changes}
        missing = (item for item in other.changes if (item.step.kind, item.step.subject) not in known)
        return replace(self, changes=(*missing, *self.changes))
