# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the containment module says of each container, read without trusting the host. Pure.

A field that is missing or of another type counts as nothing said; an entry that does not say that it went well
has failed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._containment.record import Record
from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._case import containments, custody

MAX_ENTRIES = 10_000
_MAX_STEPS = 256
_MAX_STATE_BYTES = 65536
_SENTENCE = 600
_ID = re.compile(r"[0-9a-f]{64}")
_UNKNOWN = re.compile(r"There is no container .{1,300} on the engine at ")


@dataclass(frozen=True)
class Step:
    """One step: planned, verified, failed, undone, left or gone; `before` and `after` are for the custody log."""

    kind: str
    sentence: str
    status: str
    reason: str
    before: Any = None
    after: Any = None


@dataclass(frozen=True)
class Entry:
    """One container. `id` is empty where the engine has no such container (`missing`), or could not be asked
    about it; `refusal` is the code of why nothing was done, if that was decided."""

    id: str
    name: str
    action: str
    failed: bool
    changed: bool
    error: str | None
    refusal: str
    missing: bool
    steps: tuple[Step, ...]
    notices: tuple[str, ...]
    record: Record | None
    image: str | None
    diff: Mapping[str, Any] | None
    seconds: float

    @property
    def status(self) -> str:
        """One of the words of containments.jsonl."""
        if self.refusal:
            return containments.REFUSED
        if self.failed:
            return containments.FAILED
        if any(step.status == "planned" for step in self.steps):
            return containments.PLANNED
        return containments.DONE if self.changed else containments.ALREADY

    def renamed(self, names: Mapping[str, str]) -> Entry:
        """One that is missing and was asked for by its ID, under the name that the case knows."""
        return replace(
            self, id=self.name if _ID.fullmatch(self.name) else "", name=names.get(self.name, self.name)
        )

    def events(self, host: str) -> list[custody.Event]:
        """A line of the custody log for each step that was tried, or for why none was."""
        container = {"id": self.id, "name": self.name}
        tried = [step for step in self.steps if step.status != "planned"]
        found = [
            custody.Event(
                step.kind if step.status == "verified" else f"{step.kind} {step.status}",
                host,
                container,
                step.before,
                step.after,
                step.status == "verified",
                step.reason or None,
            )
            for step in tried
        ]
        if self.failed and (self.refusal or not tried):
            word = "gone" if self.missing else "refused" if self.refusal else "failed"
            found.append(
                custody.Event(f"{self.action} {word}", host, container, verified=False, reason=self.error)
            )
        return found

    def row(self, run: str, time: str, host: str) -> containments.ContainmentRow:
        return containments.ContainmentRow(
            run=run,
            time=time,
            host=host,
            id=self.id,
            name=self.name,
            action=self.action,
            status=self.status,
            reason=self.error,
            steps=tuple((step.sentence, step.status) for step in self.steps),
            notices=self.notices,
            image=self.image,
            outstanding=len(self.record.changes) if self.record else 0,
            seconds=self.seconds,
        )


def entries(answer: Mapping[str, Any], action: str) -> list[Entry] | None:
    """The containers of an answer; None where the module did not get as far as that."""
    told = answer.get("containers")
    if not isinstance(told, list):
        return None
    if len(told) > MAX_ENTRIES:
        raise EvidenceError(f"The host told of {len(told)} containers, more than {MAX_ENTRIES}.")
    diffs = _diffs(answer)
    return [_entry(values.record(value), action, diffs) for value in told]


def _entry(value: Mapping[str, Any], action: str, diffs: Mapping[str, Any]) -> Entry:
    told = values.text(value.get("id"), 64)
    container = told if _ID.fullmatch(told) else ""
    error = values.text(value.get("error"), 2000) or None
    record, problem = _record(value.get("record"), container)
    error = " ".join(filter(None, (error, problem))) or None
    failed = value.get("failed") is not False or problem is not None
    number = values.number(value.get("seconds"))
    return Entry(
        id=container,
        name=values.text(value.get("name"), 255) or container or "?",
        action=action,
        failed=failed,
        changed=value.get("changed") is True,
        error=error or ("The host did not say how it went." if failed else None),
        refusal=values.text(values.record(value.get("refused")).get("code"), 40) if failed else "",
        missing=not container and bool(_UNKNOWN.match(error or "")),
        steps=_steps(value),
        notices=tuple(
            sentence
            for notice in values.items(value.get("notices"), 32)
            if (sentence := values.text(values.record(notice).get("sentence"), _SENTENCE))
        ),
        record=record,
        image=values.text(values.record(value.get("image")).get("name"), 255) or None,
        diff=diffs.get(container[:12]) if container else None,
        seconds=round(number, 4) if number is not None and 0 <= number < 1e6 else 0.0,
    )


def _record(value: Any, container: str) -> tuple[Record | None, str | None]:
    """The undo record, and what is wrong with it."""
    if value is None:
        return None, None
    try:
        record = Record.from_json(value)
        if record.container != container:
            raise EvidenceError("It is another container's.")
    except (EvidenceError, RecursionError) as exc:
        return (
            None,
            f"Its undo record cannot be kept in the case ({exc}) The host may have it below /run/cordon.",
        )
    return record, None


def _steps(value: Mapping[str, Any]) -> tuple[Step, ...]:
    """The steps, those that were tried with the state before and after, which the module tells apart."""
    states = iter(values.items(value.get("custody"), _MAX_STEPS))
    found = []
    for item in values.items(value.get("steps"), _MAX_STEPS):
        step = values.record(item)
        status = values.text(step.get("status"), 20)
        state = values.record(next(states, None)) if status != "planned" else {}
        found.append(
            Step(
                kind=values.text(step.get("step"), 40),
                sentence=values.text(step.get("sentence"), _SENTENCE),
                status=status,
                reason=values.text(step.get("error"), _SENTENCE) or values.text(step.get("sees"), _SENTENCE),
                before=_bounded(state.get("before")),
                after=_bounded(state.get("after")),
            )
        )
    return tuple(found)


def _diffs(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What was and what is, by the short ID in the header of each."""
    found: dict[str, Any] = {}
    for item in values.items(answer.get("diff"), MAX_ENTRIES):
        diff = values.record(item)
        head = values.text(diff.get("after_header"), 400)
        short = head.rpartition("(")[2].rstrip(")")
        found[short] = {name: _bounded(diff.get(name)) for name in ("before", "after")}
    return found


def _bounded(value: Any) -> Any:
    """A state small enough for a line of a log."""
    try:
        size = len(dump(value))
    except (ValueError, TypeError, RecursionError):
        size = _MAX_STATE_BYTES + 1
    return value if size <= _MAX_STATE_BYTES else {"left_out": "It was too large for the log."}
