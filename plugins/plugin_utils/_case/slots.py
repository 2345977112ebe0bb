# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many hosts of a case send at a time, over all of Ansible's workers and all runs: slots, each a locked file."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.cordon.docker.plugins.plugin_utils._case import files

_FOLDER = ".senders"
_LOOK_SECONDS = 0.25


@contextmanager
def slot(case_dir: Path, slots: int, waiting: Callable[[], None]) -> Iterator[None]:
    """One of the slots, once one is free; `waiting` is called once where none is. Raises OSError.

    A slot is free as soon as its holder has ended, however that was.
    """
    folder = case_dir / _FOLDER
    folder.mkdir(mode=files.PRIVATE_FOLDER, exist_ok=True)
    told = False
    while (held := _free(folder, slots)) is None:
        if not told:
            told = True
            waiting()
        time.sleep(_LOOK_SECONDS)
    try:
        yield
    finally:
        os.close(held)


def _free(folder: Path, slots: int) -> int | None:
    for number in range(max(1, slots)):
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(folder / str(number), flags, files.PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return descriptor
    return None
