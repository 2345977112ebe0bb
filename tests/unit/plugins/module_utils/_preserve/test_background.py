# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sender ends with its folder gone, whatever ends it, and nobody waits for it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Callable

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._preserve import background


def folder_in(above: Path) -> Path:
    folder = above / "cordon-test1234"
    folder.mkdir(mode=0o700)
    return folder


def start(folder: Path, work: Callable[[background.Say], None]) -> dict:  # type: ignore[type-arg]
    held = background.hold(folder)
    try:
        return background.begin(folder, held, work)
    finally:
        os.close(held)


def gone(folder: Path) -> bool:
    for _turn in range(200):
        if not folder.exists():
            return True
        time.sleep(0.02)
    return False


def test_what_it_says_first_comes_back_while_it_goes_on(tmp_path: Path) -> None:
    folder = folder_in(tmp_path)

    def work(say: background.Say) -> None:
        say({"items": 3})
        while not (tmp_path / "enough").exists():
            time.sleep(0.01)

    assert start(folder, work) == {"items": 3}
    assert folder.exists()
    (tmp_path / "enough").touch()
    assert gone(folder)


def test_what_goes_wrong_before_is_told(tmp_path: Path) -> None:
    folder = folder_in(tmp_path)

    def work(_say: background.Say) -> None:
        raise EvidenceError("There is no engine.")

    with pytest.raises(EvidenceError, match="There is no engine"):
        start(folder, work)
    assert gone(folder)


def test_a_sender_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    folder = folder_in(tmp_path)

    def work(say: background.Say) -> None:
        (folder / "00000001.chunk").write_bytes(b"x")
        say({"pid": os.getpid()})
        time.sleep(60)

    os.kill(start(folder, work)["pid"], signal.SIGKILL)
    assert gone(folder)


def test_what_was_killed_together_is_swept_and_what_lives_is_not(tmp_path: Path) -> None:
    dead, living, foreign = (tmp_path / f"cordon-{name}" for name in ("dead0000", "living00", "foreign0"))
    for folder in (dead, living, foreign):
        folder.mkdir(mode=0o700)
        (folder / "00000001.chunk").touch()
    (foreign / "somebody-else").touch()
    held = background.hold(living)
    background.sweep(tmp_path, time.time() + 3600)
    assert (dead.exists(), living.exists(), foreign.exists()) == (False, True, True)
    os.close(held)
    background.sweep(tmp_path, time.time())  # a young one may be on its way to be held
    assert living.exists()
