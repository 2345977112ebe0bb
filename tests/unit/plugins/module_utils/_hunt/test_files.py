# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of layers and volumes: found by path and by content, never through a link, and within bounds."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._evidence.bundle import Deadline
from ansible_collections.cordon.docker.plugins.module_utils._host.files import HashBudget
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import Overlay
from ansible_collections.cordon.docker.plugins.module_utils._host.volumes import Volume
from ansible_collections.cordon.docker.plugins.module_utils._hunt import files
from ansible_collections.cordon.docker.plugins.module_utils._hunt.files import (
    Hashes,
    in_layer,
    in_volume,
    look,
)
from ansible_collections.cordon.docker.plugins.module_utils._hunt.indicators import Indicators

EVIL = b"#!/bin/sh\nevil\n"
DIGEST = hashlib.sha256(EVIL).hexdigest()
AGES = Deadline.after(600)


class Hunt:
    """One hunt over a volume or a layer: hits as kind and path, and what was noted."""

    def __init__(self, each: int = 1 << 20, total: int = 1 << 20, **asked: Any) -> None:
        self.asked = Indicators.from_params(asked)
        self.hashes = Hashes(HashBudget(each, total))
        self.notes: list[str] = []

    def of(self, names: Any) -> set[tuple[str, str]]:
        found = {
            (kind, str(hit["what"])) for seen in names for kind, hit in look(seen, self.asked, self.hashes)
        }
        self.notes += self.hashes.notes()
        return found

    def volume(
        self, root: Path, left_out: tuple[str, ...] = (), deadline: Deadline = AGES
    ) -> set[tuple[str, str]]:
        volume = Volume("data", str(root), "/data")
        return self.of(in_volume(volume, [], left_out, deadline, self.notes))


def tree(root: Path) -> Path:
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "x.sh").write_bytes(EVIL)
    (root / "a" / "y").write_bytes(b"good")
    return root


def test_by_path_and_by_content(tmp_path: Path) -> None:
    hunt = Hunt(path=[r"\.sh$", "^/data/a/y$"], sha256=[DIGEST])
    assert hunt.volume(tree(tmp_path)) == {
        ("path", "/data/a/b/x.sh"),
        ("sha256", "/data/a/b/x.sh"),
        ("path", "/data/a/y"),
    }
    assert hunt.notes == []


def test_links_pipes_and_sockets_are_not_opened(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(EVIL)
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(outside)
    (root / "folder").symlink_to(tmp_path)
    os.mkfifo(str(root / "pipe"))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(root / "socket"))
        hunt = Hunt(sha256=[DIGEST], path=["link|pipe|socket|outside"])
        assert hunt.volume(root) == {("path", f"/data/{name}") for name in ("link", "pipe", "socket")}


def test_a_single_file_that_is_mounted(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(EVIL)
    assert Hunt(sha256=[DIGEST]).volume(tmp_path / "x") == {("sha256", "/data")}
    assert Hunt(sha256=[DIGEST]).volume(tmp_path / "nothing") == set()


def test_what_is_too_large_is_told(tmp_path: Path) -> None:
    hunt = Hunt(each=3, sha256=[DIGEST])
    assert hunt.volume(tree(tmp_path)) == set()
    assert hunt.notes == ["2 files were not hashed: larger than hash_bytes (3)"]
    hunt = Hunt(total=4, sha256=[DIGEST])
    hunt.volume(tmp_path)
    assert "used up" in hunt.notes[0]


def test_the_engine_s_own_folder_is_left_out(tmp_path: Path) -> None:
    tree(tmp_path)
    assert Hunt(sha256=[DIGEST]).volume(tmp_path, (str(tmp_path / "a"),)) == set()


def test_bounds_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path)
    hunt = Hunt(path=["."])
    hunt.volume(tmp_path, deadline=Deadline.after(0))
    assert "budget" in hunt.notes[-1]
    monkeypatch.setattr(files, "MAX_ENTRIES", 1)
    hunt = Hunt(path=["."])
    hunt.volume(tmp_path)
    assert "1 files were looked at" in hunt.notes[-1]


def test_a_file_in_several_containers_is_read_once(tmp_path: Path) -> None:
    hunt = Hunt(total=len(EVIL) + 4, sha256=[DIGEST])
    tree(tmp_path)
    assert hunt.volume(tmp_path) == hunt.volume(tmp_path) == {("sha256", "/data/a/b/x.sh")}
    assert hunt.notes == []


def test_of_a_layer_only_what_the_container_changed(tmp_path: Path) -> None:
    lower, upper = tmp_path / "lower", tmp_path / "upper"
    tree(lower)
    (upper / "a").mkdir(parents=True)
    (upper / "a" / "new.sh").write_bytes(EVIL)
    hunt = Hunt(path=[r"\.sh$"], sha256=[DIGEST])
    names = in_layer(Overlay(str(upper), (str(lower),)), False, AGES, hunt.notes)
    assert hunt.of(names) == {("path", "/a/new.sh"), ("sha256", "/a/new.sh")}
