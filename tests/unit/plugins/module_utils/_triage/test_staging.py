# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError, InvalidOption
from ansible_collections.cordon.docker.plugins.module_utils._evidence.bundle import Limits
from ansible_collections.cordon.docker.plugins.module_utils._triage import staging


def test_a_private_folder_stays_when_all_went_well(tmp_path: Path) -> None:
    with staging.private_folder(tmp_path, None) as folder:
        (folder / staging.BUNDLE).touch()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.name.startswith("cordon-")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_it_is_removed_when_anything_was_raised(tmp_path: Path, error: type[BaseException]) -> None:
    def fail(folder: Path) -> None:
        (folder / staging.BUNDLE).touch()
        raise error

    with pytest.raises(error), staging.private_folder(tmp_path, None) as folder:
        fail(folder)
    assert list(tmp_path.iterdir()) == []


def test_an_owner_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="stage_owner"), staging.private_folder(tmp_path, "no-such-user"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand files over")
def test_it_is_handed_to_the_owner(tmp_path: Path) -> None:
    with staging.private_folder(tmp_path, "nobody") as folder:
        (folder / staging.BUNDLE).touch()
    assert folder.owner() == (folder / staging.BUNDLE).owner() == "nobody"


def test_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert staging.choose(str(tmp_path)) == tmp_path
    with pytest.raises(EvidenceError, match="stage_dir"):
        staging.choose(str(tmp_path / "gone"))
    monkeypatch.setattr(staging, "free_bytes", lambda _folder: 1000)
    with pytest.raises(EvidenceError, match="1000 bytes left"):
        staging.choose(str(tmp_path))
    limits = Limits(1, 2, 3000)
    assert staging.fitting(limits, tmp_path) == Limits(1, 2, 500)


def test_only_old_left_overs_of_ours_are_swept(tmp_path: Path) -> None:
    now = time.time()

    def leave(name: str, age: float, mode: int = 0o700, content: str = staging.BUNDLE) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / content).touch()
        folder.chmod(mode)
        os.utime(folder, (now - age, now - age))
        return folder

    old = leave("cordon-old", 7200)
    kept = [
        leave("cordon-fresh", 60),
        leave("cordon-open", 7200, mode=0o755),
        leave("cordon-other", 7200, content="keep.txt"),
        leave("unrelated", 7200),
    ]
    (tmp_path / "cordon-link").symlink_to(kept[0])
    staging.sweep(tmp_path, now)
    assert not old.exists()
    assert all(folder.exists() for folder in kept)
