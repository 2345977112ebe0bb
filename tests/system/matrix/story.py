# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened on every engine, told once: ask, isolate, isolate again, wake, release, kill.

All rows of all hosts go through it at the same time; the tests only read what was noted on the way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleet import Fleet
from matrix.ears import Ears
from matrix.ground import Ground
from matrix.rows import BESIDE, CONTAINED, RESTARTING, Row

_CONTAINED = "[?Config.Labels.mx == 'contained' || Config.Labels.mx == 'killed']"
_KILLED = "[?Config.Labels.mx == 'killed']"
_KILLED_FOR_GOOD = (
    """[?Config.Labels.mx == 'killed' && Config.Labels."com.docker.swarm.service.name" == null]"""
)
_WINDOW_SECONDS = 3.0
# A flow that was cut is taken up again when TCP next tries, which it does ever more seldom.
_PATIENCE = 60.0


@dataclass
class Told:
    """What was noted of one host; ``at`` are moments, in seconds by this machine's clock."""

    ground: Ground
    ears: Ears
    at: dict[str, float] = field(default_factory=dict)
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    def mark(self, moment: str) -> None:
        self.at[moment] = time.time()

    def heard(self, since: str, until: str = "") -> set[tuple[str, str]]:
        """The rows and channels that gave a sign of life between two moments, or answered since the first."""
        beats = self.ears.beats(self.ground.host, self.at[since], self.at.get(until))
        return {(beat.row, beat.channel) for beat in beats} | self.answers.get(since, set())

    def of(self, row: Row, since: str, until: str = "") -> set[str]:
        return {channel for name, channel in self.heard(since, until) if name == row.name}

    def flows(self, row: Row, since: str, until: str = "") -> set[int]:
        beats = self.ears.beats(self.ground.host, self.at[since], self.at.get(until))
        return {beat.flow for beat in beats if beat.row == row.name and beat.channel == "flow"}

    def entry(self, phase: str, row: Row) -> dict[str, Any]:
        """What the module returned for the row's container."""
        name = self.ground.names[row.name]
        found = [one for one in self.results[phase]["containers"] if one["name"] == name]
        assert len(found) == 1, f"{name} is not in what {phase} returned: {self.results[phase]}"
        return dict(found[0])

    def steps(self, phase: str, row: Row) -> list[str]:
        return [step["step"] for step in self.entry(phase, row)["steps"]]

    def notices(self, phase: str, row: Row) -> set[str]:
        return {notice["code"] for notice in self.entry(phase, row)["notices"]}

    def document(self, phase: str, row: Row) -> dict[str, Any]:
        return dict(self.seen[phase]["inspect"].get(self.ground.names[row.name]) or {})

    def inside(self, phase: str, row: Row) -> dict[str, Any]:
        return dict(self.seen[phase]["inside"].get(self.ground.names[row.name]) or {})


class Story:
    """Tells it. ``told`` has what was noted, by host."""

    def __init__(self, fleet: Fleet, grounds: Iterable[Ground], ears: Ears, folder: Path) -> None:
        self.told = {ground.host: Told(ground, ears) for ground in grounds}
        self._fleet = fleet
        self._ears = ears
        self._folder = folder
        self._free_urls: dict[str, str] = {}

    def tell(self) -> None:
        self._free()
        self._ask_what_would_happen()
        self._isolate()
        self._wake_while_isolated()
        self._release()
        self._kill()

    def _free(self) -> None:
        """Before: all run, and all that they carry is heard."""
        self._mark("free")
        self._free_urls = self._urls()
        self._listen("free")

    def _ask_what_would_happen(self) -> None:
        """In check mode, between two looks; what starts by itself all the time is asked about later."""
        self._each(lambda told: told.ground.settle(_restless(told, False)))
        self._see("before")
        self._call("would", {"action": "isolate", "select": _CONTAINED}, check=True)
        self._see("asked")
        self._each(lambda told: told.ground.settle(_restless(told, True)))
        restless = [row for row in CONTAINED if row.state == RESTARTING]
        names = [row.container for row in restless]
        self._see("waiting", restless)
        self._call("would end", {"action": "isolate", "containers": names}, check=True)
        self._see("still waiting", restless)

    def _isolate(self) -> None:
        self._call("isolated", {"action": "isolate", "select": _CONTAINED, "case": "MATRIX"})
        self._mark("isolated")
        self._see("isolated")
        self._call("isolated again", {"action": "isolate", "select": _CONTAINED, "case": "MATRIX"})

    def _wake_while_isolated(self) -> None:
        """What was paused or exited when it was isolated runs again, and must find no network either."""
        self._each(lambda told: told.ground.wake(row for row in told.ground.rows if row.cut))
        time.sleep(_WINDOW_SECONDS)
        self._answer("isolated", self._free_urls)
        self._each(lambda told: told.ground.rest(row for row in told.ground.rows if row.cut))

    def _release(self) -> None:
        self._mark("releasing")
        self._call("released", {"action": "release"})
        self._mark("released")
        self._call("released again", {"action": "release"})
        self._see("released")
        self._each(lambda told: told.ground.wake(told.ground.rows))
        self._mark("free again")
        self._listen("free again")
        self._see("free again")

    def _kill(self) -> None:
        self._each(lambda told: told.ground.settle(row for row in told.ground.rows if row.killed))
        self._call("spared", {"action": "kill", "select": _KILLED})
        anyway = {"without_evidence": True, "allow_removal": True}
        self._call("killed", {"action": "kill", "select": _KILLED, **anyway})
        self._mark("killed")
        self._call("killed again", {"action": "kill", "select": _KILLED_FOR_GOOD, **anyway})
        time.sleep(_WINDOW_SECONDS)
        self._answer("killed", self._free_urls)
        self._see("killed")
        self._mark("end")
        self._call("released at last", {"action": "release"})
        self._see("released at last")

    def _each(self, work: Callable[[Told], None]) -> None:
        with ThreadPoolExecutor(max_workers=len(self.told)) as pool:
            list(pool.map(work, self.told.values()))

    def _mark(self, moment: str) -> None:
        for told in self.told.values():
            told.mark(moment)

    def _see(self, moment: str, rows: Sequence[Row] = ()) -> None:
        def look(told: Told) -> None:
            told.seen[moment] = told.ground.see(rows)

        self._each(look)

    def _call(self, phase: str, arguments: dict[str, Any], check: bool = False) -> None:
        folder = self._folder / phase.replace(" ", "-")
        found = self._fleet.module("containment", arguments, list(self.told), folder, check)
        for host, result in found.items():
            self.told[host].results[phase] = result

    def _listen(self, moment: str) -> None:
        """Until all that the rows carry is heard, or patience ends: then the tests tell what is missing."""
        ends = time.monotonic() + _PATIENCE
        urls = self._urls()
        while time.monotonic() < ends:
            self._answer(moment, urls)
            if not any(_missing(told, moment) for told in self.told.values()):
                return
            time.sleep(0.5)

    def _urls(self) -> dict[str, str]:
        """Where every row answers, by host, row and channel."""
        found: dict[str, str] = {}
        self._each(
            lambda told: found.update(
                (f"{told.ground.host} {key}", url) for key, url in told.ground.urls().items()
            )
        )
        return found

    def _answer(self, moment: str, urls: dict[str, str]) -> None:
        """Ask every row that answers from outside; an answer once given counts."""
        for key, answer in self._ears.ask(urls).items():
            host, name, channel = key.split()
            if answer == f"{name}.{host}":
                self.told[host].answers.setdefault(moment, set()).add((name, channel))


def _missing(told: Told, moment: str) -> bool:
    rows = (*told.ground.rows, *BESIDE)
    return not {(row.name, channel) for row in rows for channel in row.carries} <= told.heard(moment)


def _restless(told: Told, wanted: bool) -> tuple[Row, ...]:
    return tuple(row for row in told.ground.rows if (row.state == RESTARTING) is wanted)
