# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders as a hostile container leaves them, read back from the archive."""

from __future__ import annotations

import os
import socket
import tarfile
import threading
import tracemalloc
from io import BytesIO
from pathlib import Path

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._host import beneath
from ansible_collections.cordon.docker.plugins.module_utils._preserve import archive as subject
from ansible_collections.cordon.docker.plugins.module_utils._preserve import content, tree
from ansible_collections.cordon.docker.plugins.module_utils._preserve.notes import Notes
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._preserve.worlds import (
    extracted,
    members,
)


def stored(folder: Path, left: int = 1 << 40, layer: str | None = None) -> tuple[bytes, list[str]]:
    said: list[str] = []
    root = os.open(folder, os.O_RDONLY)
    try:
        raw = b"".join(subject.archive(root, subject.Bounds(left, "item_bytes"), Notes(said), layer))
    finally:
        os.close(root)
    return raw, said


def test_all_kinds_of_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir(mode=0o711)
    (tmp_path / "sub" / "file").write_bytes(b"content")
    (tmp_path / "sub" / "file").chmod(0o4750)
    os.utime(tmp_path / "sub" / "file", ns=(7, 1_700_000_000_123_456_789))
    os.link(tmp_path / "sub" / "file", tmp_path / "sub" / "same")
    (tmp_path / "link").symlink_to("/etc/shadow")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        # The path of a socket is short.
        where = os.open(tmp_path, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{where}/sock")
        os.close(where)
    raw, said = stored(tmp_path)
    found = members(raw)
    assert said == []
    assert list(found) == [".", "link", "pipe", "sock", "sub", "sub/file", "sub/same"]
    file = found["sub/file"]
    assert (file.mode, file.size, file.pax_headers["mtime"]) == (0o4750, 7, "1700000000.123456789")
    assert (file.uid, file.gid) == (os.getuid(), os.getgid())
    assert found["sub/same"].islnk()
    assert found["link"].linkname == "/etc/shadow"
    assert found["pipe"].isfifo()
    assert found["sock"].pax_headers["CORDON.type"] == "socket"
    assert extracted(raw, "sub/file") == b"content"


def test_the_size_is_about_told_before(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}").write_bytes(os.urandom(5000))
    with (tmp_path / "bomb").open("wb") as bomb:
        bomb.truncate(1 << 42)
    root = os.open(tmp_path, os.O_RDONLY)
    told, never = subject.estimate(root), subject.estimate(root, seconds=-1)
    os.close(root)
    size = len(stored(tmp_path)[0])
    assert told is not None
    assert 0.8 * size < told < 1.2 * size
    assert never is None


def test_the_same_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number * 7919 % 100:02d}").write_bytes(b"x" * number)
    assert stored(tmp_path) == stored(tmp_path)


def test_names_of_any_bytes(tmp_path: Path) -> None:
    names = [b"new\nline", b"\xff\xfe", b"esc\x1b[31m", b"\xc3\xa4", b"a" * 255, b" lead", b"-rf", b"..."]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(name)
    raw, said = stored(tmp_path)
    assert said == []
    with tarfile.open(fileobj=BytesIO(raw), errors="surrogateescape") as found:
        for member in found.getmembers()[1:]:
            file = found.extractfile(member)
            assert file is not None
            assert file.read() == member.name.encode("utf-8", "surrogateescape")
        assert len(found.getmembers()) == len(names) + 1


def test_a_sparse_bomb_costs_what_it_takes_on_disk(tmp_path: Path) -> None:
    with (tmp_path / "bomb").open("wb") as bomb:
        bomb.truncate(1 << 42)
        bomb.seek(1 << 40)
        bomb.write(b"needle")
    raw, said = stored(tmp_path, left=1 << 20)
    assert said == []
    assert len(raw) < 1 << 16
    with tarfile.open(fileobj=BytesIO(raw)) as found:
        member = found.getmember("bomb")
        assert member.size == 1 << 42
        file = found.extractfile(member)
        assert file is not None
        file.seek(1 << 40)
        assert file.read(8) == b"needle\0\0"


def test_a_file_cut_into_too_many_pieces_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MAX_PIECES", 3)
    with (tmp_path / "holes").open("wb") as file:
        for number in range(6):
            file.seek(number << 20)
            file.write(b"data")
    raw, said = stored(tmp_path)
    assert said == ["holes is cut into more than 3 pieces: the data of the first are kept"]
    assert extracted(raw, "holes").count(b"data") == 3


def test_what_does_not_fit_is_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "a-big").write_bytes(os.urandom(9000))
    (tmp_path / "b-small").write_bytes(b"small")
    raw, said = stored(tmp_path, left=5000)
    assert list(members(raw)) == [".", "b-small"]
    assert said == ["a-big (9000 bytes) was left out: item_bytes is used up"]


def test_a_file_that_grows_keeps_the_size_it_had(tmp_path: Path) -> None:
    size = 3 * content.CHUNK
    (tmp_path / "log").write_bytes(b"a" * size)
    said: list[str] = []
    root = os.open(tmp_path, os.O_RDONLY)
    stream = subject.archive(root, subject.Bounds(1 << 40, "item_bytes"), Notes(said))
    parts = [next(stream), next(stream)]
    with (tmp_path / "log").open("ab") as log:
        log.write(b"b" * 1000)
    raw = b"".join([*parts, *stream])
    os.close(root)
    assert extracted(raw, "log") == b"a" * size
    assert said == [
        f"log grew from {size} to {size + 1000} bytes while it was read; the first {size} are kept"
    ]


def test_a_file_that_shrinks_is_filled_with_zeros_and_told(tmp_path: Path) -> None:
    size = 3 * content.CHUNK
    (tmp_path / "a").write_bytes(b"a" * size)
    (tmp_path / "z").write_bytes(b"intact")
    said: list[str] = []
    root = os.open(tmp_path, os.O_RDONLY)
    stream = subject.archive(root, subject.Bounds(1 << 40, "item_bytes"), Notes(said))
    parts = [next(stream), next(stream)]
    os.truncate(tmp_path / "a", 10)
    raw = b"".join([*parts, *stream])
    os.close(root)
    found = extracted(raw, "a")
    assert len(found) == size
    assert found.endswith(b"\0" * content.CHUNK)
    assert extracted(raw, "z") == b"intact"
    assert "shrank" in said[0]


def test_a_name_swapped_for_a_link_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the opening, the intruder puts a link to the host's file in place."""
    (tmp_path / "box").mkdir()
    (tmp_path / "secret").write_bytes(b"the host's own")
    (tmp_path / "box" / "bait").write_bytes(b"bait")
    real = beneath.open_regular

    def swapped(parent: int, name: str) -> int:
        os.unlink(name, dir_fd=parent)
        os.symlink(tmp_path / "secret", name, dir_fd=parent)
        return real(parent, name)

    monkeypatch.setattr(subject, "open_regular", swapped)
    raw, said = stored(tmp_path / "box")
    assert b"the host's own" not in raw
    assert list(members(raw)) == ["."]
    assert said[0].startswith("bait could not be read")


def test_a_folder_swapped_for_a_link_is_not_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "box" / "sub").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"the host's own")
    real = beneath.open_folder_in

    def swapped(parent: int, name: str) -> int | None:
        os.rmdir(name, dir_fd=parent)
        os.symlink(tmp_path / "outside", name, dir_fd=parent)
        return real(parent, name)

    monkeypatch.setattr(tree, "open_folder_in", swapped)
    raw, said = stored(tmp_path / "box")
    assert b"the host's own" not in raw
    assert said == ["sub vanished while it was read"]


def test_a_pipe_put_in_place_of_a_file_does_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bait").write_bytes(b"bait")
    real = beneath.open_regular

    def swapped(parent: int, name: str) -> int:
        os.unlink(name, dir_fd=parent)
        os.mkfifo(name, dir_fd=parent)
        return real(parent, name)

    monkeypatch.setattr(subject, "open_regular", swapped)
    done: list[list[str]] = []
    reader = threading.Thread(target=lambda: done.append(stored(tmp_path)[1]), daemon=True)
    reader.start()
    reader.join(30)
    assert done
    assert "no regular file" in done[0][0]


def test_what_vanishes_or_may_not_be_read_spoils_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(name.encode())
    real = beneath.open_regular

    def hindered(parent: int, name: str) -> int:
        if name == "a":
            raise FileNotFoundError(2, "gone")
        if name == "b":
            raise PermissionError(13, "denied")
        return real(parent, name)

    monkeypatch.setattr(subject, "open_regular", hindered)
    raw, said = stored(tmp_path)
    assert list(members(raw)) == [".", "c"]
    assert said == ["a vanished while it was read", "b could not be read: PermissionError: [Errno 13] denied"]


def test_many_small_files_take_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More names than the walk holds are read in the order of the file system."""
    for number in range(3000):
        (tmp_path / f"{number}").touch()
    monkeypatch.setattr(tree, "_NAMES", 100)
    said: list[str] = []
    root = os.open(tmp_path, os.O_RDONLY)
    tracemalloc.start()
    names = 0
    for chunk in subject.archive(root, subject.Bounds(1 << 40, "item_bytes"), Notes(said)):
        assert len(chunk) <= content.CHUNK
        names += chunk.count(b"ustar\x0000")
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    os.close(root)
    assert names == 2 * 3001
    assert peak < 3 << 20


def test_depth_is_bounded_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_DEPTH", 5)
    (tmp_path / "1/2/3/4/5/6/7").mkdir(parents=True)
    raw, said = stored(tmp_path)
    assert "1/2/3/4/5" in members(raw)
    assert "1/2/3/4/5/6" not in members(raw)
    assert said == ["1/2/3/4/5: folders deeper than 5 levels were left out"]


def test_deletions_of_a_layer_are_kept_as_deletions(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "var").mkdir()
    (tmp_path / ".wh.named-so").touch()
    try:
        os.mknod(tmp_path / "etc" / "gone", 0o020000, os.makedev(0, 0))
    except PermissionError:
        pytest.skip("this user may not make whiteouts")
    prefix = opaque(tmp_path / "var")
    found = members(stored(tmp_path, layer=prefix)[0])
    marks = {name for name, member in found.items() if member.pax_headers.get("CORDON.deleted")}
    assert marks == {"etc/.wh.gone", "var/.wh..wh..opq"}
    assert ".wh.named-so" in found
    assert "etc/gone" not in found


def opaque(folder: Path) -> str:
    try:
        os.setxattr(folder, "trusted.overlay.opaque", b"y")
    except OSError:
        os.setxattr(folder, "user.overlay.opaque", b"y")
        return "user"
    return "trusted"


def test_a_device_of_a_plain_folder_is_a_device(tmp_path: Path) -> None:
    try:
        os.mknod(tmp_path / "null", 0o020666, os.makedev(0, 0))
    except PermissionError:
        pytest.skip("this user may not make devices")
    found = members(stored(tmp_path)[0])
    assert found["null"].ischr()


def test_another_file_system_is_not_entered() -> None:
    """/dev has /dev/shm and /dev/pts on file systems of their own."""
    if os.stat("/dev").st_dev == os.stat("/dev/pts").st_dev:  # noqa: PTH116
        pytest.skip("/dev is one file system here")
    found = members(stored(Path("/dev"), left=0)[0])
    assert found["pts"].pax_headers["CORDON.type"] == "mount"
    assert not [name for name in found if name.startswith("pts/")]


def test_attributes_are_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    try:
        os.setxattr(tmp_path / "file", "user.note", b"a\x00b")
    except OSError:
        pytest.skip("no user attributes here")
    assert members(stored(tmp_path)[0])["file"].pax_headers["SCHILY.xattr.user.note"] == "a\x00b"
