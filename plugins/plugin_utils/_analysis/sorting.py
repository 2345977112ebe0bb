# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sorting more lines than fit into memory, and writing a product of the case whole or not at all."""

from __future__ import annotations

import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

LINES_AT_ONCE = 20_000  # some 10 MB of a timeline
_MOST_FILES = 64  # read at once; more are merged into one first


@contextmanager
def sorted_lines(
    lines: Iterable[bytes], folder: Path, at_once: int = LINES_AT_ONCE
) -> Iterator[Iterator[bytes]]:
    """The lines, each ending in its only newline, in the order of their bytes.

    What does not fit is kept in files of a private folder below `folder`, gone at the end. Raises OSError.
    """
    source = iter(lines)
    with tempfile.TemporaryDirectory(prefix=".sorting-", dir=folder) as home, ExitStack() as stack:
        runs: list[Path] = []
        while block := sorted(islice(source, at_once)):
            if not runs and len(block) < at_once:
                yield iter(block)
                return
            runs.append(_kept(block, Path(home)))
            if len(runs) == _MOST_FILES:
                with ExitStack() as some:
                    runs = [_kept(_merged(runs, some), Path(home))]
        yield _merged(runs, stack)


def _merged(runs: Iterable[Path], stack: ExitStack) -> Iterator[bytes]:
    return heapq.merge(*(stack.enter_context(path.open("rb")) for path in runs))


def _kept(block: Iterable[bytes], home: Path) -> Path:
    descriptor, name = tempfile.mkstemp(dir=home)
    with os.fdopen(descriptor, "wb") as stream:
        stream.writelines(block)
    return Path(name)


@contextmanager
def replaced(target: Path) -> Iterator[BinaryIO]:
    """A file (0600) to write what shall stand in place of `target`; on an exception that stays as it was."""
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
