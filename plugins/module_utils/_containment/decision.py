# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was decided: a plan of steps, or a refusal that says what would work. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Union

from .steps import Step


@dataclass(frozen=True)
class Notice:
    """What a responder has to know about a plan, in a sentence; ``code`` names it for programs."""

    code: str
    sentence: str

    def to_json(self) -> dict[str, str]:
        return {"code": self.code, "sentence": self.sentence}


@dataclass(frozen=True)
class Plan:
    """Steps in order; none where the container already is as wanted.

    ``unsettled`` says that what follows can only be decided once these steps are done: look and plan again.
    """

    container: str
    verb: str
    steps: tuple[Step, ...] = ()
    notices: tuple[Notice, ...] = ()
    unsettled: bool = False

    @property
    def tied_to_namespace(self) -> bool:
        """Whether the plan is void once the container was restarted."""
        return any(step.subject[:1] in (("link",), ("barrier",)) for step in self.steps)


@dataclass(frozen=True)
class Refusal:
    """``why`` and ``instead`` are sentences; ``override`` names the option that would allow it."""

    container: str
    verb: str
    code: str
    why: str
    instead: str = ""
    override: str | None = None
    notices: tuple[Notice, ...] = field(default=())

    def sentence(self) -> str:
        override = f" {self.override} overrides this." if self.override else ""
        return f"{self.why} {self.instead}".rstrip() + override

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code, "why": self.why, "instead": self.instead, "override": self.override}


Decision = Union[Plan, Refusal]
