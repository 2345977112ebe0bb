# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import (
    Mount,
    Overlay,
    mount_at,
    overlay_of,
    parse_mountinfo,
)


def mount(options: str, type_: str = "overlay", point: str = "/") -> Mount:
    return Mount("0:1", "/", point, type_, "overlay", options.encode())


def test_recorded_mounts(recording: dict[str, Any]) -> None:
    for container in recording["containers"].values():
        raw = recording["processes"][str(container["pid"])]["files"]["mountinfo"].encode("latin-1")
        mounts = parse_mountinfo(raw)
        assert len(mounts) == raw.count(b"\n")
        root = mount_at(mounts, "/usr/bin/bash")
        assert root is not None
        assert (root.point, root.type) == ("/", "overlay")
        overlay = overlay_of(root)
        assert overlay is not None
        assert overlay.upper.startswith("/var/lib/docker/overlay2/")
        assert overlay.upper.endswith("/diff")
        assert overlay.lowers
        assert all(low.startswith("/var/lib/docker/overlay2/l/") for low in overlay.lowers)
        proc = mount_at(mounts, "/proc/1/exe")
        assert proc is not None
        assert proc.type == "proc"


@pytest.mark.parametrize(
    ("options", "upper", "lowers"),
    [
        ("rw,lowerdir=/a:/b,upperdir=/u,workdir=/w", "/u", ("/a", "/b")),
        # A comma, a colon, a blank and a backslash in a name, as kernels from 6.8 on print them.
        (r"rw,lowerdir=/a\072x\054y:/b\040c,upperdir=/u\134\054v,workdir=/w", r"/u,v", ("/a:x,y", "/b c")),
        # The same as whoever mounted it escaped them, before.
        (r"rw,lowerdir=/a\134:x:/b,upperdir=/u\134,v,workdir=/w", "/u,v", ("/a:x", "/b")),
        ("rw,lowerdir+=/a,lowerdir+=/b,datadir+=/d,upperdir=/u,workdir=/w", "/u", ("/a", "/b")),
        ("rw,lowerdir=/a::/data,upperdir=/u,workdir=/w", "/u", ("/a",)),
        ("rw,lowerdir=l/A:l/B,upperdir=id/diff,workdir=id/work", "id/diff", ("l/A", "l/B")),
        ("rw,lowerdir=12/fs:11/fs,upperdir=13/fs,workdir=13/work,index=off,userxattr", "13/fs", ("12/fs", "11/fs")),
    ],
)  # fmt: skip
def test_overlay_options(options: str, upper: str, lowers: tuple[str, ...]) -> None:
    assert overlay_of(mount(options)) == Overlay(upper, lowers)


def test_no_overlay() -> None:
    assert overlay_of(mount("ro,lowerdir=/a:/b")) is None
    assert overlay_of(mount("rw,upperdir=/u", "ext4")) is None


def test_relative_layers_get_their_folder() -> None:
    overlay = Overlay("13/fs", ("12/fs", "/abs"))
    assert overlay.is_relative
    assert overlay.based_on("/snapshots") == Overlay("/snapshots/13/fs", ("/snapshots/12/fs", "/abs"))


@pytest.mark.parametrize(
    ("path", "point"),
    [("/", "/"), ("/a", "/a"), ("/ab", "/"), ("/a/b", "/a"), ("/a/c/d", "/a/c"), ("/a/cc", "/a")],
)
def test_mount_at(path: str, point: str) -> None:
    found = mount_at([mount("", "ext4", where) for where in ("/", "/a", "/a/c")], path)
    assert found is not None
    assert found.point == point


def test_a_later_mount_hides_an_earlier() -> None:
    found = mount_at([mount("", "ext4", "/a"), mount("", "tmpfs", "/a")], "/a/x")
    assert found is not None
    assert found.type == "tmpfs"


@pytest.mark.parametrize(
    ("type_", "blocks"), [("fuse.sshfs", True), ("nfs4", True), ("ext4", False), ("tmpfs", False)]
)
def test_file_systems_that_may_block(type_: str, blocks: bool) -> None:
    assert mount("", type_).may_block is blocks


def test_octal_in_mount_points() -> None:
    line = rb"36 35 98:0 / /mnt\040two\012lines rw,noatime master:1 - ext3 /dev/root\134x rw,errors=continue"
    (found,) = parse_mountinfo(line + b"\nbroken line\n")
    assert (found.point, found.source) == ("/mnt two\nlines", "/dev/root\\x")


@given(st.binary())
def test_anything_parses(raw: bytes) -> None:
    for found in parse_mountinfo(raw):
        overlay_of(found)
