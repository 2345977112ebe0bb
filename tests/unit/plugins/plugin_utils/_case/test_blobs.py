# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blobs: once in a case, whole or not at all, and never trusted for their name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.plugin_utils._case.blobs import Blobs

CONTENT = b"layer" * 1000
NAME = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"head" + CONTENT + b"tail")
    return path


def test_what_is_kept_is_had_by_everyone(tmp_path: Path, source: Path) -> None:
    Blobs(tmp_path).keep(NAME, source, 4, len(CONTENT))
    other = Blobs(tmp_path)
    assert other.has(NAME, len(CONTENT))
    assert not other.has(NAME, 5)
    assert b"".join(other.read(NAME, len(CONTENT))) == CONTENT


def test_two_who_bring_it_at_once_end_right(tmp_path: Path, source: Path) -> None:
    one, two = Blobs(tmp_path), Blobs(tmp_path)
    assert one.claim(NAME)
    assert one.claim(NAME)
    assert not two.claim(NAME)
    two.keep(NAME, source, 4, len(CONTENT))
    one.keep(NAME, source, 4, len(CONTENT))
    one.release()
    assert two.claim(NAME)
    two.release()
    assert [path.name for path in (tmp_path / "blobs" / NAME[:2]).iterdir()] == [NAME]


def test_one_that_somebody_changed_is_not_evidence(tmp_path: Path, source: Path) -> None:
    blobs = Blobs(tmp_path)
    blobs.keep(NAME, source, 4, len(CONTENT))
    (tmp_path / "blobs" / NAME[:2] / NAME).write_bytes(b"x" * len(CONTENT))
    with pytest.raises(EvidenceError, match="no longer"):
        list(blobs.read(NAME, len(CONTENT)))


def test_half_a_copy_is_none(tmp_path: Path, source: Path) -> None:
    with pytest.raises(EvidenceError, match="shorter"):
        Blobs(tmp_path).keep(NAME, source, 4, len(CONTENT) * 2)
    assert list((tmp_path / "blobs" / NAME[:2]).iterdir()) == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "0" * 63, "A" * 64, NAME + "\n"])
def test_a_name_that_is_no_hash_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(EvidenceError, match="no SHA-256"):
        Blobs(tmp_path).has(name, 1)
