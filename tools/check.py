# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the checks.

python -m tools.check               all, those that need no engine beside those that do
python -m tools.check lint types    these, in this order, showing what they print
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import packages, pythons
from tools.commands import BUILD, INTERRUPTED, ROOT, StepError, blocking_output
from tools.steps import ENGINES, LOWER, RAISE, STATIC, STEPS, Shell, Step

LOGS = BUILD / "logs"
TAIL_LINES = 60
# The closing line of a pytest run, such as "==== 12 passed, 1 skipped in 3.21s ====".
CLOSING = re.compile(
    r"^=*\s*(\d+ (?:passed|failed|error|skipped|deselected).* in [\d.]+s.*?)\s*=*$", re.MULTILINE
)


@dataclass(frozen=True)
class Result:
    """How a step ended: in order when `error` is empty."""

    step: Step
    seconds: float
    error: str
    log: Path
    counted: str

    @property
    def line(self) -> str:
        """One line for the summary."""
        word = "FAILED" if self.error else "ok"
        return f"{word:<7}{self.step.name:<14}{self.seconds:7.1f} s  {self.counted or self.step.what}"


def perform(step: Step, echo: bool) -> Result:
    """Run a step, whatever it raises, with its log in build/logs."""
    log = LOGS / f"{step.name}.log"
    log.write_bytes(b"")
    error = ""
    start = time.monotonic()
    try:
        step.act(Shell(log, echo, step.whatever))
    except StepError as problem:
        error = str(problem)
    seconds = time.monotonic() - start
    closing = CLOSING.findall(log.read_text(errors="replace"))
    return Result(step, seconds, error, log, "; ".join(closing))


def report(result: Result, echo: bool) -> None:
    """Say how a step ended; where it failed and was not shown, show the end of its log."""
    with _PRINTING:
        print(result.line, flush=True)
        if result.error and not echo:
            lines = result.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
            print("\n".join(f"    {line}" for line in lines), flush=True)
        if result.error:
            print(f"    {result.error}", flush=True)


_PRINTING = threading.Lock()


def in_order(steps: Sequence[Step], results: list[Result], echo: bool = False) -> None:
    """Run steps one after the other; a failed one does not keep the next from running."""
    for step in steps:
        if INTERRUPTED.is_set() and not step.whatever:
            return
        result = perform(step, echo)
        results.append(result)
        report(result, echo)


def on_engines(results: list[Result]) -> None:
    """Raise the lab, run what needs it, and lower it whatever happened."""
    raised = perform(RAISE, echo=False)
    results.append(raised)
    report(raised, echo=False)
    try:
        if not raised.error:
            in_order(ENGINES, results)
    finally:
        if not os.environ.get("KEEP_LAB"):
            in_order([LOWER], results)


def everything() -> list[Result]:
    """All steps, in two lanes: the machine has two cores, and the lab waits more than it computes."""
    static: list[Result] = []
    engines: list[Result] = []
    lane = threading.Thread(target=on_engines, args=(engines,))
    lane.start()
    try:
        in_order(STATIC, static)
        lane.join()
    except KeyboardInterrupt:
        INTERRUPTED.set()
        print("Interrupted; taking the lab down …", flush=True)
        lane.join()
    return static + engines


def summary(results: Sequence[Result], wanted: Sequence[Step], seconds: float) -> int:
    """Print the table, name each failed step with its mend, and return the exit code."""
    print(f"\n{'-' * 72}")
    for result in results:
        print(result.line)
    ran = {result.step.name for result in results}
    left_out = [step.name for step in wanted if step.name not in ran]
    for name in left_out:
        print(f"not run {name}")
    failed = [result for result in results if result.error]
    for result in failed:
        name, log = result.step.name, result.log.relative_to(ROOT)
        print(f"Step {name} failed: {log} has the whole of it. Run it alone: make {name}")
    print(f"{seconds:.0f} s in all")
    skipped = f", {len(left_out)} skipped" if left_out else ""
    print(f"steps: {len(results) - len(failed)} passed, {len(failed)} failed{skipped}", flush=True)
    return 1 if failed or left_out else 0


def main() -> int:
    """Run the steps named, or all."""
    parser = argparse.ArgumentParser(prog="tools.check", description="Run the checks.")
    parser.add_argument("steps", nargs="*", metavar="STEP", help=", ".join(STEPS))
    names = parser.parse_args().steps
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        parser.error(f"no step {unknown[0]}; there are {', '.join(STEPS)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    blocking_output()
    LOGS.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    packages.require()
    if missing := pythons.missing():
        print(
            f"Not on this machine, so host code is not tried on it: Python {', '.join(missing)}.", flush=True
        )
    if names:
        results: list[Result] = []
        in_order([STEPS[name] for name in names], results, echo=True)
        return summary(results, [result.step for result in results], time.monotonic() - start)
    # A lab of its own: the one that somebody practises on stays as it is.
    os.environ.setdefault("CORDON_LAB_NAME", "lab-test")
    return summary(everything(), [*STATIC, RAISE, *ENGINES, LOWER], time.monotonic() - start)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StepError as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit(130)
