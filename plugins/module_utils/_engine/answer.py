# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module returns about containers: an entry for each, and one that fails takes no other with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Sequence, cast

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError, describe

from .client import each
from .selection import Choice, Selected

Entry = Dict[str, Any]


@dataclass(frozen=True)
class Answer:
    containers: list[Entry]

    @property
    def failure(self) -> str | None:
        """Why the task fails, naming each container and its reason; None when it does not."""
        failed = [entry for entry in self.containers if entry["failed"]]
        if len(failed) == 1:
            return str(failed[0]["error"])
        if failed:
            return f"{len(failed)} containers failed: " + " ".join(
                f"{e['name']}: {e['error']}" for e in failed
            )
        return None

    def result(self) -> dict[str, Any]:
        """What a module returns."""
        found: dict[str, Any] = {"changed": False, "containers": self.containers}
        return {**found, "failed": True, "msg": self.failure} if self.failure else found


def answer(choices: Sequence[Choice], values: Callable[[Selected], Entry], parallel: int) -> Answer:
    """Ask ``values`` for all chosen containers, ``parallel`` at a time."""
    chosen = [choice for choice in choices if isinstance(choice, Selected)]
    told = iter(each(values, chosen, parallel))
    return Answer([_entry(c, next(told)) if isinstance(c, Selected) else _absent(c) for c in choices])


def _entry(container: Selected, told: Entry | CordonError) -> Entry:
    failed = isinstance(told, CordonError)
    entry: Entry = {
        "id": container.id,
        "name": container.name,
        "state": container.state,
        "failed": failed,
        "error": describe(told) if isinstance(told, CordonError) else None,
    }
    if not failed:
        entry.update(cast(Entry, told))
    return entry


def _absent(choice: Any) -> Entry:
    return {"id": None, "name": choice.requested, "state": None, "failed": True, "error": choice.error}
