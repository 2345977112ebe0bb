# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath

import bagit
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._evidence.names import safe_path
from ansible_collections.cordon.docker.plugins.plugin_utils._case.bag import BagWriter

PART = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
PATHS = st.lists(PART, min_size=1, max_size=4).map("/".join)


def prefix_free(names: list[str]) -> bool:
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    return folders.isdisjoint(names)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(PATHS, st.binary(max_size=300), max_size=8).filter(lambda d: prefix_free(list(d))))
def test_the_library_of_congress_accepts_it(payload: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bag = BagWriter.create(Path(folder) / "bag")
        for name, content in payload.items():
            with bag.new_file(safe_path(name)) as sink:
                sink.write(content)
        bag.seal({"Host": "web1"})
        read = bagit.Bag(str(bag.folder))
        read.validate()
        assert read.info["Host"] == "web1"
        assert sorted(read.payload_files()) == sorted(f"data/{name}" for name in payload)


def test_a_change_after_sealing_is_seen(tmp_path: Path) -> None:
    bag = BagWriter.create(tmp_path / "bag")
    with bag.new_file(PurePosixPath("host.json")) as sink:
        sink.write(b"{}")
    bag.seal({})
    (bag.folder / "data" / "host.json").write_bytes(b"[]")
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(bag.folder)).validate()


def test_what_is_left_by_an_error_or_discarded_is_no_part_of_it(tmp_path: Path) -> None:
    bag = BagWriter.create(tmp_path / "bag")
    sink = bag.new_file(PurePosixPath("a/one"))
    sink.write(b"half")
    sink.__exit__(KeyError, KeyError(), None)
    with bag.new_file(PurePosixPath("a/two")) as sink:
        sink.discard()
    bag.seal({})
    assert bag.payload == {}
    assert bagit.Bag(str(bag.folder)).is_valid()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    bag = BagWriter.create(tmp_path / "bag")
    with bag.new_file(PurePosixPath("one")):
        pass
    with pytest.raises(FileExistsError):
        bag.new_file(PurePosixPath("one"))


def test_files_and_folders_are_private(tmp_path: Path) -> None:
    bag = BagWriter.create(tmp_path / "bag")
    with bag.new_file(PurePosixPath("containers/0123456789ab/logs/tail.jsonl")) as sink:
        sink.write(b"x")
    bag.seal({})
    modes = {path.stat().st_mode & 0o777 for path in bag.folder.rglob("*") if path.is_file()}
    folders = {path.stat().st_mode & 0o777 for path in [bag.folder, *bag.folder.rglob("*")] if path.is_dir()}
    assert (modes, folders) == ({0o600}, {0o700})
