# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._host import beneath
from ansible_collections.cordon.docker.plugins.module_utils._host.files import (
    HashBudget,
    code_of,
    file_row,
    in_web_root,
    read_content,
)
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import Mount
from ansible_collections.cordon.docker.plugins.module_utils._host.volumes import (
    Volume,
    changed_files,
    volumes_of,
)


@pytest.mark.parametrize(
    ("name", "head", "code"),
    [
        ("shell.php", b"", "php"),
        ("SHELL.PHTML", b"", "php"),
        ("picture.jpg", b"\xff\xd8\xff\xe0<?php system($_GET[1]); ?>", "php"),
        ("short.ico", b"GIF89a<?= `$_GET[1]` ?>", "php"),
        ("a.xml", b'<?xml version="1.0"?>', None),
        ("x.jsp", b"", "jsp"),
        ("upload", b'<%@ page import="java.io.*" %>', "jsp"),
        ("cmd.aspx", b"", "asp"),
        ("x", b'<script language="C#" runat="server">', "asp"),
        ("run", b"#!/bin/sh\n", "shell"),
        ("run", b"#!/usr/bin/env python3\n", "python"),
        ("run", b"#! /usr/bin/perl -w\n", "perl"),
        ("run", b"#!/usr/bin/env -S node --x\n", "node"),
        ("kdevtmpfsi", b"\x7fELF\x02\x01", "elf"),
        ("trick.php", b"\x7fELF\x02\x01", "elf"),
        ("site.js", b"window.x = 1", None),
        ("server.mjs", b"", "node"),
        ("server.js", b"const { exec } = require('child_process');", "node"),
        ("route.js", b"module.exports = (req, res) => {};", "node"),
        ("build.js", b'import { spawn } from "node:child_process";', "node"),
        ("bundle.js", b"var a=require('./b');", None),
        (".htaccess", b"AddType application/x-httpd-php .jpg", "php"),
        (".user.ini", b"auto_prepend_file=shell.gif", "php"),
        (".htaccess", b"Deny from all", None),
        ("notes.txt", b"hello", None),
        ("php", b"", None),
    ],
)
def test_code(name: str, head: bytes, code: str | None) -> None:
    assert code_of(name, head) == code


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/var/www/html/x", True),
        ("/var/www", True),
        ("/var/wwwx", False),
        ("/srv/a", True),
        ("/etc/x", False),
    ],
)
def test_web_roots(path: str, inside: bool) -> None:
    assert in_web_root(path) is inside


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[int]:
    handle = os.open(tmp_path, os.O_RDONLY)
    yield handle
    os.close(handle)


def row(
    parent: int, name: str, each: int = 1 << 20, left: int = 1 << 20, web_root: bool = True
) -> dict[str, object]:
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    return file_row(parent, name, f"/x/{name}", status, HashBudget(each, left), web_root)


def test_a_file(parent: int, tmp_path: Path) -> None:
    content = b"<?php \xff" + b"x" * 500_000
    (tmp_path / "a.php").write_bytes(content)
    (tmp_path / "a.php").chmod(0o755)
    found = row(parent, "a.php")
    assert found["sha256"] == hashlib.sha256(content).hexdigest()
    assert (found["type"], found["mode"], found["bytes"]) == ("file", "0755", len(content))
    assert (found["executable"], found["code"]) == (True, "php")
    assert str(found["head"]).startswith("<?php \\xffxxx")
    assert row(parent, "a.php", web_root=False)["head"] is None


@pytest.mark.parametrize("before", [100, 6000, 300_000])
def test_code_behind_the_beginning_of_a_picture(parent: int, tmp_path: Path, before: int) -> None:
    content = b"GIF89a" + b"\xff" * before + b"<?php system($_GET[1]); ?>"
    for name in ("logo.gif", "data.bin"):
        (tmp_path / name).write_bytes(content)
    found = row(parent, "logo.gif")
    assert found["code"] == "php"
    assert "<?php system($_GET[1]); ?>" in str(found["head"])
    assert row(parent, "data.bin")["code"] == ("php" if before < 4000 else None)


@pytest.mark.parametrize(
    ("path", "telling"),
    [
        ("/etc/ld.so.preload", True),
        ("/root/.ssh/authorized_keys", True),
        ("/host/etc/cron.d/x", True),
        ("/var/spool/cron/crontabs/root", True),
        ("/root/.bashrc", True),
        ("/etc/shadow", False),
        ("/root/.ssh/id_ed25519", False),
        ("/etc/cron.d", False),
        ("/etc/ld.so.cache", False),
    ],
)
def test_files_that_make_programs_start_are_kept_in_part(
    parent: int, tmp_path: Path, path: str, telling: bool
) -> None:
    (tmp_path / "x").write_text("content")
    status = os.stat("x", dir_fd=parent, follow_symlinks=False)
    found = file_row(parent, "x", path, status, HashBudget(100, 100), False)
    assert found["head"] == ("content" if telling else None)


def test_what_is_too_large_is_not_hashed_and_said(parent: int, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"\x7fELF" + b"x" * 100)
    found = row(parent, "big", each=10)
    assert (found["sha256"], found["code"]) == (None, "elf")
    assert "hash_bytes (10)" in str(found["hash_reason"])
    assert "used up" in str(row(parent, "big", left=10)["hash_reason"])


def test_what_is_no_file_is_not_opened(parent: int, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/shadow")
    assert row(parent, "pipe")["type"] == "fifo"
    found = row(parent, "link")
    assert (found["type"], found["target"], found["sha256"]) == ("symlink", "/etc/shadow", None)
    # Swapped in after it was looked at: neither read nor waited for.
    budget = HashBudget(100, 100)
    assert "could not be opened" in str(read_content(parent, "link", 10, budget).reason)
    assert "no regular file" in str(read_content(parent, "pipe", 10, budget).reason)


def test_beneath_follows_no_link(parent: int, tmp_path: Path) -> None:
    (tmp_path / "real/deep").mkdir(parents=True)
    (tmp_path / "real/deep/file").write_text("x")
    (tmp_path / "way").symlink_to("real")
    (tmp_path / "root").symlink_to("/")
    assert beneath.lstat(parent, "/real/deep/file") is not None
    assert beneath.lstat(parent, "/way/deep/file") is None
    assert beneath.lstat(parent, "/root/etc/passwd") is None
    assert beneath.lstat(parent, "/real/deep/file/x") is None
    assert beneath.lstat(parent, "/") is not None
    with pytest.raises(ValueError, match="climbs"):
        beneath.lstat(parent, "/../etc/passwd")


HOST = [Mount("0:1", "/", "/", "ext4", "/dev/vda", b"rw")]


def changed(folder: Path, destination: str, after: float, **more: object) -> tuple[list[str], list[str]]:
    notes: list[str] = []
    volume = Volume("data", str(folder), destination)
    rows = changed_files(
        volume,
        int(after * 1e9),
        HashBudget(1 << 20, 1 << 20),
        more.get("mounts", HOST),  # type: ignore[arg-type]
        more.get("left_out", ()),  # type: ignore[arg-type]
        notes,
    )
    return sorted(found["path"] for found in rows), notes


def test_volumes(tmp_path: Path) -> None:
    for name in ("old.txt", "sub/old.php", "sub/new"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "away").symlink_to("/etc")
    now = max(path.stat().st_ctime for path in (tmp_path / "old.txt", tmp_path / "sub/new"))
    assert changed(tmp_path, "/data", now + 1) == ([], [])
    assert changed(tmp_path, "/data", 0)[0] == [
        "/data/away",
        "/data/old.txt",
        "/data/sub/new",
        "/data/sub/old.php",
    ]
    assert changed(tmp_path, "/var/www/html", now + 1)[0] == ["/var/www/html/sub/old.php"]
    assert changed(tmp_path, "/data", 0, left_out=(f"{tmp_path}/sub",))[0] == ["/data/away", "/data/old.txt"]
    assert changed(tmp_path / "old.txt", "/etc/one-file", 0)[0] == ["/etc/one-file"]


def test_volumes_that_are_not_walked(tmp_path: Path) -> None:
    fuse = [*HOST, Mount("0:2", "/", str(tmp_path), "fuse.sshfs", "x", b"rw")]
    assert changed(tmp_path, "/data", 0, mounts=fuse)[1] == ["/data: lies on fuse.sshfs and is not walked"]
    assert "FileNotFoundError" in changed(tmp_path / "gone", "/data", 0)[1][0]
    os.mkfifo(tmp_path / "pipe")
    assert changed(tmp_path / "pipe", "/data", 0) == ([], [])


def test_volumes_are_bounded(tmp_path: Path) -> None:
    for number in range(2100):
        (tmp_path / f"f{number}").touch()
    paths, notes = changed(tmp_path, "/data", 0)
    assert len(paths) == 2000
    assert notes == ["/data: 2000 changed files are listed, there are more"]


def test_volumes_of_inspect() -> None:
    mounts = [
        {"Type": "volume", "Name": "db", "Source": "/v/db/_data", "Destination": "/data"},
        {"Type": "bind", "Source": "/etc", "Destination": "/host/etc"},
        {"Type": "tmpfs", "Source": "", "Destination": "/tmp"},
    ]
    assert volumes_of(mounts) == [Volume("db", "/v/db/_data", "/data"), Volume("/etc", "/etc", "/host/etc")]
