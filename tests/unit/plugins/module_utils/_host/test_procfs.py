# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError
from ansible_collections.cordon.docker.plugins.module_utils._host.procfs import (
    arguments,
    cgroup_paths,
    container_of,
    environment_names,
    namespace_inode,
    parse_passwd,
    parse_stat,
    parse_status,
    preloaded,
    socket_inode,
)

ID = "ab0fbe5812775b1a63e45073a4313396b9419bb6848fa5b2b77a1d5ee4d43019"
INNER = "c" * 64
STAT = b" S 272 293 293 34816 -1 4194560 1245 301 1 0 11 22 0 0 20 0 1 0 103506 4034560 767 1844 1 1"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (b"LD_PRELOAD=/tmp/x.so\0HOME=/root\0", "/tmp/x.so"),
        (b"HOME=/root\0LD_PRELOAD=a.so b.so", "a.so b.so"),
        (b"OLD_LD_PRELOAD=/x\0", None),
        (b"NOTE=LD_PRELOAD=/x\0", None),
        (b"", None),
    ],
)
def test_libraries_before_all_others(environ: bytes, expected: str | None) -> None:
    assert preloaded(environ) == expected


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"reports", "reports"),
        (b"a) R 1 (b", "a) R 1 (b"),
        (b"", ""),
        (b"with blank", "with blank"),
        (b"\xff\x1b[2J", "\\xff\x1b[2J"),
    ],
)
def test_stat_with_names_that_try_to_mislead(name: bytes, shown: str) -> None:
    stat = parse_stat(b"293 (" + name + b")" + STAT)
    assert (stat.comm, stat.state, stat.ppid, stat.tty, stat.used, stat.started) == (
        shown,
        "S",
        272,
        34816,
        33,
        103506,
    )


@given(st.binary())
def test_stat_of_anything_is_an_error_of_ours(raw: bytes) -> None:
    with pytest.raises((HostError, ValueError)):
        parse_stat(raw)


def test_status() -> None:
    raw = b"Name:\tx\nUid:\t0\t33\t0\t0\nNSpid:\t456\t15\nCapEff:\t00000000a80425fb\nSeccomp:\t2\n"
    status = parse_status(raw)
    assert (status.uid, status.pids, status.capabilities, status.seccomp) == (
        33,
        (456, 15),
        "00000000a80425fb",
        2,
    )
    old = parse_status(b"Uid:\t1\t1\t1\t1\n")
    assert (old.pids, old.capabilities, old.seccomp) == ((), "", None)
    with pytest.raises(HostError):
        parse_status(b"Name:\tx\n")


@pytest.mark.parametrize(
    ("cgroup", "found"),
    [
        (f"0::/system.slice/docker-{ID}.scope\n", ID),
        (f"12:pids:/docker/{ID}\n0::/\n", ID),
        (f"0::/docker/{ID}/init\n", ID),
        (f"0::/docker/{ID}/docker/{INNER}\n", ID),
        (f"0::/machine.slice/libpod-{ID}.scope/container\n", ID),
        (f"0::/../../docker/{ID}\n", ID),
        (f"0::/kubepods.slice/pod1/cri-containerd-{ID}.scope\n", ID),
        (f"0::/docker/{ID}0\n", None),
        ("0::/user.slice/session-1.scope\n", None),
        ("", None),
    ],
)
def test_container_of(cgroup: str, found: str | None) -> None:
    assert container_of(cgroup.encode()) == found


def test_cgroup_paths() -> None:
    assert cgroup_paths(b"4:cpu,cpuacct:/a\n3:name=systemd:/b:c\n0::/d\nbroken\n") == {
        "cpu": "/a",
        "cpuacct": "/a",
        "name=systemd": "/b:c",
        "": "/d",
    }


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", []),
        (b"\0\0", []),
        (b"bash\0-c\0x y\0", ["bash", "-c", "x y"]),
        (b"nginx: master process nginx\0\0\0\0", ["nginx: master process nginx"]),
        (b"a\0\0b\0", ["a", "", "b"]),
        (b"\xff\xfe\0", ["\\xff\\xfe"]),
    ],
)
def test_arguments(raw: bytes, expected: list[str]) -> None:
    assert arguments(raw) == expected


@given(st.binary(max_size=20_000))
def test_no_command_line_is_too_much(raw: bytes) -> None:
    assert len(arguments(raw)) <= 4096
    assert len(environment_names(raw)) <= 1024


def test_environment_has_names_only() -> None:
    assert environment_names(b"PATH=/bin\0PASSWORD=secret=x\0ODD\0\0=nameless\0") == [
        "PATH",
        "PASSWORD",
        "ODD",
    ]


def test_links() -> None:
    assert namespace_inode("net:[4026531840]") == 4026531840
    assert namespace_inode("pid_for_children:[7]") == 7
    assert socket_inode("socket:[115700]") == 115700
    assert socket_inode("/tmp/socket:[1]") is None
    assert socket_inode("socket:[1] (deleted)") is None
    assert namespace_inode("") is None


def test_passwd() -> None:
    raw = b"root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nbroken\nweb\xff:x:33:33:::\n+::::::\n"
    assert parse_passwd(raw) == {0: "root", 33: "web\\xff"}
