# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running programs, and the one error that ends the lab with a sentence."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


class LabError(Exception):
    """Something a person must mend; the text is the sentence they read."""


def say(text: str) -> None:
    """One calm line on standard output."""
    print(f"lab: {text}", flush=True)


def run(argv: Sequence[str | Path], *, stdin: str | bytes | None = None, timeout: float = 120) -> str:
    """The standard output of a program that must succeed; its own complaint becomes the error."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(f"The program {words[0]} is not installed.") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"No end after {timeout:.0f} s: {' '.join(words)}") from error
    if done.returncode:
        complaint = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise LabError(f"Exit code {done.returncode} from: {' '.join(words)}\n{tail(complaint)}")
    return done.stdout.decode(errors="replace")


def succeeds(argv: Sequence[str | Path], *, timeout: float = 30) -> bool:
    """Whether a program exits with 0, for questions and for cleaning what may not be there."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def remove_tree(path: Path) -> None:
    """Remove a tree, but nothing mounted in it: what an interrupted build bound there is the machine's."""
    if path.exists():
        run(["rm", "-rf", "--one-file-system", "--", path])


def tail(text: str, lines: int = 12) -> str:
    """The last lines of a log, indented for a message."""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def tail_of(path: Path) -> str:
    """The last lines of a log file, or a remark that there is none."""
    try:
        return tail(path.read_text(errors="replace"))
    except OSError:
        return "    (no log)"
