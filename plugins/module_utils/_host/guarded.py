# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work on many items where one may never return.

Reading /proc/PID/cmdline waits for the memory of the process, which the intruder can leave to a file system of
their own (userfaultfd(2), FUSE): a reader then sleeps in the kernel for as long as they like. The item is given
up, and the rest goes on in another thread.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Callable, Generic, Sequence, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Answer(Generic[Item, Result]):
    """``result`` is null where the item was given up; what ``work`` raised is in ``error``."""

    item: Item
    result: Result | None
    error: Exception | None = None
    stuck: bool = False


class _Run(Generic[Item, Result]):
    def __init__(self, items: Sequence[Item], work: Callable[[Item], Result]) -> None:
        self._items = items
        self._work = work
        self.answers: list[Answer[Item, Result] | None] = [None] * len(items)
        self.position = 0
        self.generation = 0
        self.ended = threading.Event()
        self.lock = threading.Lock()

    def start(self) -> None:
        thread = threading.Thread(target=self._loop, args=(self.generation,), daemon=True)
        thread.start()

    def _loop(self, generation: int) -> None:
        while True:
            with self.lock:
                position = self.position
                if generation != self.generation:
                    return
                if position >= len(self._items):
                    self.ended.set()
                    return
            answer = self._answer(self._items[position])
            with self.lock:
                if generation != self.generation:
                    return
                self.answers[position] = answer
                self.position += 1

    def _answer(self, item: Item) -> Answer[Item, Result]:
        try:
            return Answer(item, self._work(item))
        except Exception as exc:  # noqa: BLE001 - handed to the caller as a value
            return Answer(item, None, exc)

    def give_up(self) -> None:
        with self.lock:
            self.answers[self.position] = Answer(self._items[self.position], None, stuck=True)
            self.position += 1
            self.generation += 1


def each(
    items: Sequence[Item], work: Callable[[Item], Result], patience: float
) -> list[Answer[Item, Result]]:
    """One answer for each item, in order; an item that takes longer than ``patience`` seconds is given up."""
    run: _Run[Item, Result] = _Run(items, work)
    run.start()
    seen = -1
    while not run.ended.wait(patience):
        with run.lock:
            stuck = run.position == seen and run.position < len(items)
            seen = run.position
        if stuck:
            run.give_up()
            run.start()
    return [answer for answer in run.answers if answer is not None]
