# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import Overlay
from ansible_collections.cordon.docker.plugins.module_utils._host.overlay import (
    Entry,
    open_layers,
    same_time,
)

OLD = 1_600_000_000_000_000_000


class Container:
    """Layers as an overlay leaves them on disk: init on top of two layers of an image."""

    def __init__(self, root: Path) -> None:
        self.upper, self.init, self.middle, self.base = (
            root / name for name in ("upper", "init", "middle", "base")
        )
        for folder in (self.upper, self.init, self.middle, self.base):
            folder.mkdir(mode=0o755)
        self.notes: list[str] = []

    def walk(self, user_attributes: bool = False) -> dict[str, Entry]:
        overlay = Overlay(str(self.upper), (str(self.init), str(self.middle), str(self.base)))
        with open_layers(overlay, self.notes, user_attributes) as layers:
            return {entry.path: entry for entry in layers.walk()}

    def kinds(self) -> dict[str, str | None]:
        return {path: entry.kind for path, entry in self.walk().items()}


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


def write(layer: Path, name: str, content: str = "", mtime: int = OLD) -> Path:
    path = layer / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, ns=(mtime, mtime))
    return path


def whiteout(layer: Path, name: str) -> None:
    path = layer / name
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.mknod(path, 0o020000, os.makedev(0, 0))
    except PermissionError:
        pytest.skip("this user may not make whiteouts")


def test_added_and_changed(container: Container) -> None:
    write(container.base, "etc/passwd", "root")
    write(container.upper, "etc/passwd", "toor!", OLD + 1_000_000_000)
    write(container.upper, "tmp/new/file", "x")
    assert container.kinds() == {
        "/etc": "C",
        "/etc/passwd": "C",
        "/tmp": "A",
        "/tmp/new": "A",
        "/tmp/new/file": "A",
    }


def test_an_edit_with_size_and_time_set_back_is_told(container: Container) -> None:
    """The engine's diff cannot see it; the layer on disk can."""
    write(container.base, "etc/passwd", "root")
    write(container.upper, "etc/passwd", "toor")
    entry = container.walk()["/etc/passwd"]
    assert (entry.kind, entry.in_diff) == ("C", False)
    assert entry.lower_parent is not None
    assert container.kinds()["/etc"] is None


def test_a_folder_that_is_only_there_is_no_change(container: Container) -> None:
    for layer in (container.base, container.upper):
        (layer / "tmp").mkdir(mode=0o755)
    assert container.kinds() == {"/tmp": None}
    (container.upper / "tmp").chmod(0o777)
    assert container.kinds() == {"/tmp": "C"}


def test_deleted(container: Container) -> None:
    write(container.base, "bin/wget")
    whiteout(container.upper, "bin/wget")
    whiteout(container.upper, "bin/never-there")
    assert container.kinds() == {"/bin": "C", "/bin/wget": "D", "/bin/never-there": None}


def test_what_a_middle_layer_deleted_is_added_again(container: Container) -> None:
    write(container.base, "bin/nc")
    whiteout(container.middle, "bin/nc")
    write(container.upper, "bin/nc")
    assert container.kinds()["/bin/nc"] == "A"


def test_the_topmost_layer_counts(container: Container) -> None:
    write(container.base, "a", "older")
    write(container.middle, "a", "newer!")
    write(container.upper, "a", "newer!")
    assert container.walk()["/a"].in_diff is False


def test_an_opaque_folder_hides_what_was_below(container: Container) -> None:
    write(container.base, "var/spool/old")
    write(container.base, "var/spool/kept")
    write(container.upper, "var/spool/kept", "new")
    try:
        os.setxattr(container.upper / "var/spool", "user.overlay.opaque", b"y")
    except OSError:
        pytest.skip("this file system has no user attributes")
    entries = container.walk(user_attributes=True)
    assert {path: entry.kind for path, entry in entries.items()} == {
        "/var": "C",
        "/var/spool": "C",
        "/var/spool/kept": "C",
        "/var/spool/old": "D",
    }
    assert entries["/var/spool/old"].hidden
    assert entries["/var/spool"].opaque
    # The same attribute means nothing where the overlay was mounted without userxattr: anyone may set it.
    assert "/var/spool/old" not in container.walk()


def test_a_file_in_place_of_a_folder(container: Container) -> None:
    write(container.base, "opt/app/run")
    write(container.upper, "opt", "now a file")
    assert container.kinds() == {"/opt": "C"}


def test_links_are_never_followed(container: Container, tmp_path: Path) -> None:
    write(tmp_path / "outside", "secret")
    (container.upper / "link").symlink_to(tmp_path / "outside")
    (container.base / "dir").symlink_to(tmp_path / "outside")
    write(container.upper, "dir/secret", "")
    assert container.kinds() == {"/link": "A", "/dir": "C", "/dir/secret": "A"}


def test_names_that_are_no_text(container: Container) -> None:
    with open(os.path.join(os.fsencode(container.upper), b"raw\xff\n"), "wb"):  # noqa: PTH118, PTH123
        pass
    assert list(container.kinds()) == ["/raw\udcff\n"]


def test_depth_is_bounded(container: Container) -> None:
    handle = os.open(container.upper, os.O_RDONLY)
    for _level in range(250):
        os.mkdir("d", dir_fd=handle)
        deeper = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = deeper
    os.close(handle)
    assert len(container.walk()) == 200
    assert container.notes == ["folders deeper than 200 levels were left out"]


def test_handles_are_closed(container: Container) -> None:
    for number in range(5):
        write(container.upper, f"a{number}/b/c")
        write(container.base, f"a{number}/b/c")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    container.walk()
    with open_layers(Overlay(str(container.upper), (str(container.base),)), []) as layers:
        next(layers.walk())
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_layer_of_another_host(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="not on this host"), open_layers(
        Overlay(str(tmp_path / "no"), ()), []
    ):
        pass


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (5_000_000_007, 5_000_000_007, True),
        (5_000_000_000, 5_000_000_007, True),
        (5_000_000_007, 5_000_000_000, True),
        (5_000_000_007, 5_000_000_008, False),
        (5_000_000_000, 6_000_000_000, False),
    ],
)
def test_times_as_archives_keep_them(old: int, new: int, same: bool) -> None:
    assert same_time(old, new) is same
