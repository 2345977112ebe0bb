# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of one container: planned, done, verified, undone, refused, and why. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

from .decision import Notice, Plan, Refusal
from .effect import after, snapshot
from .gate import FAILED, LEFT, PLANNED, VERIFIED, Act, Deed
from .record import Record
from .seen import Sight
from .steps import Commit

_NO_RECORD = "The undo record is in this result alone: only root can keep one on the host (become: true)."


@dataclass(frozen=True)
class Report:
    """One entry of a module's ``containers``."""

    id: str
    name: str
    verb: str
    changed: bool = False
    failed: bool = False
    error: str | None = None
    refusal: Refusal | None = None
    notices: tuple[Notice, ...] = ()
    acts: tuple[Act, ...] = ()
    record: Record | None = None
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def verified(self) -> bool | None:
        """Whether what was asked for holds, by what was read back; None where nothing was done.

        What an abandoned attempt left of an earlier run of the container (gone, undone) does not count.
        """
        done = [act for act in self.acts if act.status != PLANNED]
        return not self.failed and all(act.status != FAILED for act in done) if done else None

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "action": self.verb,
            "changed": self.changed,
            "failed": self.failed,
            "error": self.error,
            "refused": self.refusal.to_json() if self.refusal else None,
            "notices": [notice.to_json() for notice in self.notices],
            "steps": [act.to_json() for act in self.acts],
            "verified": self.verified,
            "image": self._image(),
            "record": self.record.to_json() if self.record and self.record.changes else None,
            "custody": self._custody(),
            "seconds": round(self.seconds, 4),
        }

    def diff(self) -> dict[str, Any]:
        return {
            "before": dict(self.before),
            "after": dict(self.after),
            "before_header": f"{self.name} ({self.id[:12]})",
            "after_header": f"{self.name} ({self.id[:12]})",
        }

    def _image(self) -> dict[str, Any] | None:
        made = [act for act in self.acts if isinstance(act.step, Commit) and act.status == VERIFIED]
        return dict(made[-1].details) if made else None

    def _custody(self) -> list[dict[str, Any]]:
        """The container's part of each line of custody.jsonl: what the controller cannot know by itself."""
        lines, state = [], dict(self.before)
        for act in self.acts:
            if act.status == PLANNED:
                continue
            before = state
            state = after(before, [act.step]) if act.status in (VERIFIED, LEFT) else before
            lines.append(
                {
                    "time": act.time,
                    "container": {"id": self.id, "name": self.name},
                    "action": act.step.kind,
                    "before": before,
                    "after": state,
                    "verified": act.status == VERIFIED,
                    "reason": act.error or act.sees or None,
                }
            )
        return lines


def reported(
    sight: Sight,
    plan: Plan,
    deed: Deed,
    notices: tuple[Notice, ...],
    check: bool = False,
    lasting: bool = True,
) -> Report:
    """What became of a plan; in check mode what would."""
    before = snapshot(sight)
    counted = (PLANNED,) if check else (VERIFIED, LEFT)
    done = [act.step for act in deed.acts if act.status in counted]
    if not lasting and not check and deed.record.changes:
        notices = (*notices, Notice("record_not_kept", _NO_RECORD))
    return Report(
        id=sight.id,
        name=sight.name,
        verb=plan.verb,
        changed=bool(done),
        failed=deed.failed,
        error=deed.error,
        notices=(*notices, *_from_acts(deed)),
        acts=deed.acts,
        record=deed.record,
        before=before,
        after=after(before, done),
    )


def refused(sight: Sight, refusal: Refusal, acts: tuple[Act, ...], first: Sight) -> Report:
    before = snapshot(first)
    done = [act.step for act in acts if act.status in (VERIFIED, LEFT)]
    return Report(
        id=sight.id,
        name=sight.name,
        verb=refusal.verb,
        changed=bool(done),
        failed=True,
        error=refusal.sentence(),
        refusal=refusal,
        notices=refusal.notices,
        acts=acts,
        before=before,
        after=after(before, done),
    )


def _from_acts(deed: Deed) -> tuple[Notice, ...]:
    """What could not come back after a connection; ports only count once the last network is back."""
    found: list[Notice] = []
    ports: list[str] = []
    for act in deed.acts:
        ports = list(act.details.get("ports_missing", ports))
        found.extend(
            Notice("not_restored", f"{sentence}.") for sentence in act.details.get("not_restored", ())
        )
    if ports:
        sentence = f"These published ports did not come back: {', '.join(ports)}; a restart opens them."
        found.append(Notice("ports_missing", sentence))
    return tuple(found)
