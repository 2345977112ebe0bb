# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run commands the same way wherever the checks are started: by hand, by make, by a CI without terminal."""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools import pythons

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
BIN = ROOT / ".venv" / "bin"
# Settings of a user's shell that would change what is tested.
DROPPED = ("ANSIBLE_", "PYTHONPATH", "PYTEST_", "MYPY", "COLUMNS")


# Set when the user interrupts: commands that are under way in other threads end.
INTERRUPTED = threading.Event()


class StepError(Exception):
    """A step failed; the message says what and, where known, the mend."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The user's environment less what would change the outcome, with the Pythons of hosts on the PATH."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED)}
    env["PATH"] = pythons.search_path(BIN)
    env.setdefault("HOME", pwd.getpwuid(os.geteuid()).pw_dir)
    env["LC_ALL"] = "C.UTF-8"
    env["ANSIBLE_NOCOLOR"] = env["NO_COLOR"] = "1"
    return env | dict(extra or {})


def blocking_output() -> None:
    """Ansible refuses to run when standard output does not block, as is the case under some CI runners."""
    for stream in (sys.stdout, sys.stderr):
        os.set_blocking(stream.fileno(), True)


def run(
    command: Sequence[str | Path],
    log: Path,
    *,
    seconds: float,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    echo: bool = False,
    whatever: bool = False,
) -> None:
    """Run a command without input; what it prints is added to `log` and, with `echo`, shown.

    Raises StepError when it fails, and when it takes longer than `seconds`; then its children are ended too.
    With `whatever`, it is run and left to finish although the user interrupted.
    """
    words = [str(word) for word in command]
    with log.open("ab", buffering=0) as sink:
        sink.write(f"$ {shlex.join(words)}\n".encode())
        # A file and not a pipe: daemons that the command leaves running would hold a pipe open.
        process = subprocess.Popen(
            words,
            cwd=cwd,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        start = sink.tell()
    try:
        code = _wait(process, log if echo else None, start, seconds, whatever)
    finally:
        _end(process)
    if INTERRUPTED.is_set() and not whatever:
        raise StepError("interrupted")
    if code is None:
        raise StepError(f"`{shlex.join(words)}` was ended after {seconds:.0f} s")
    if code:
        raise StepError(f"`{shlex.join(words)}` ended with {code}")


def _wait(
    process: subprocess.Popen[bytes], shown: Path | None, start: int, seconds: float, whatever: bool
) -> int | None:
    """Wait for the end, showing what is added to `shown` from `start` on; None when time runs out."""
    deadline = time.monotonic() + seconds
    code = None
    while code is None and time.monotonic() < deadline and (whatever or not INTERRUPTED.is_set()):
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(timeout=0.2)
        if shown is not None:
            with shown.open("rb") as log:
                log.seek(start)
                text = log.read()
            start += len(text)
            sys.stdout.buffer.write(text)
            sys.stdout.flush()
    return code


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process group of a command that still runs, so that no child outlives an interrupted step."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
