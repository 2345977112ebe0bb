# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time whole commands side by side: in turn, A B C A B C …, so that a machine whose speed drifts slows all alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT_SECONDS = 1200


@dataclass(frozen=True)
class Command:
    """A command to time. One that is slow beside the others is run ``runs`` times instead of as often as they."""

    argv: Sequence[str | Path]
    runs: int | None = None
    stdin: Path | None = None


def seconds(command: Command, env: Mapping[str, str]) -> float:
    """Wall seconds of one run; raises RuntimeError with what it printed when it fails."""
    begin = time.perf_counter()
    with (command.stdin or Path(os.devnull)).open("rb") as stdin:
        done = subprocess.run(
            command.argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **env},
            timeout=LIMIT_SECONDS,
            check=False,
        )
    took = time.perf_counter() - begin
    if done.returncode:
        told = done.stdout.decode(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(map(str, command.argv))} ended with {done.returncode}:\n{told}")
    return took


def medians(commands: Mapping[str, Command], runs: int, env: Mapping[str, str]) -> dict[str, float]:
    """Median wall seconds of each command, after one run of each that is not counted where it is a quick one."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for command in commands.values():
        if command.runs is None:
            seconds(command, env)
    for turn in range(runs):
        for name, command in commands.items():
            if turn < (command.runs or runs):
                times[name].append(seconds(command, env))
    return {name: statistics.median(taken) for name, taken in times.items()}


def row(*cells: object) -> str:
    """One line of a Markdown table; seconds and ratios with two digits."""
    return "| " + " | ".join(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |"
