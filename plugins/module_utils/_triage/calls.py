# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's answers that a triage waits for, under way while the kernel and the disk are read."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Callable, Generic, Iterator, Mapping, TypeVar

from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.cordon.docker.plugins.module_utils._errors import EngineTimeout
from ansible_collections.cordon.docker.plugins.module_utils._evidence.bundle import Deadline
from ansible_collections.cordon.docker.plugins.module_utils._evidence.content import (
    Content,
    Missing,
    document,
    rows,
)

T = TypeVar("T")
_KINDS = {0: "C", 1: "A", 2: "D"}


class Call(Generic[T]):
    """One call under way; ``began`` (time.time()) and ``seconds`` are those of the call itself."""

    def __init__(self, future: Future[T], deadline: Deadline) -> None:
        self._future = future
        self._deadline = deadline

    def result(self) -> T:
        """Waits as long as the budget lasts. Raises EngineTimeout, and what the call raised."""
        try:
            return self._future.result(timeout=self._deadline.left())
        except FutureTimeout as exc:
            raise EngineTimeout(f"The engine had not answered yet: {self._deadline.reason}.") from exc


class Calls:
    """Calls of one engine, ``parallel`` at a time; the same question is asked once."""

    def __init__(self, engine: Engine, parallel: int, deadline: Deadline) -> None:
        self.engine = engine
        self._deadline = deadline
        self._pool = ThreadPoolExecutor(max_workers=parallel)
        self._asked: dict[tuple[str, str], Call[Any]] = {}

    def start(self, function: Callable[..., T], *arguments: Any) -> Call[T]:
        return Call(self._pool.submit(function, *arguments), self._deadline)

    def once(self, kind: str, name: str, function: Callable[..., T], *arguments: Any) -> Call[T]:
        """The call of that kind about that name, begun when it is first asked for."""
        if (kind, name) not in self._asked:
            self._asked[kind, name] = self.start(function, *arguments)
        return self._asked[kind, name]

    def timeout(self) -> float:
        """Seconds that a call may take from now: never beyond the budget, so that no thread outlives it."""
        return max(0.1, min(self.engine.options.timeout, self._deadline.left()))

    def close(self) -> None:
        """Calls that were not begun are dropped; those under way end with their timeout."""
        for call in self._asked.values():
            call._future.cancel()
        self._pool.shutdown(wait=False)


def answer(call: Call[T | None], what: str) -> Content:
    """A raw answer as a document; null means that it is gone."""
    value = call.result()
    return Missing(f"{what} is gone from the engine.") if value is None else document(value)


def events(call: Call[list[dict[str, Any]]]) -> Content:
    return rows(call.result(), [])


def change_rows(changes: Iterator[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """changes.jsonl by the engine."""
    for change in changes:
        kind = _KINDS.get(int(change.get("Kind", -1)), "?")
        yield {"path": str(change.get("Path")), "kind": kind, "source": "engine"}
