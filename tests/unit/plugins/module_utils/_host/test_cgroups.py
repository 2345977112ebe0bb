# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._host.cgroups import (
    Hierarchies,
    figures,
    parse_file,
    parse_io,
    parse_net_dev,
    sample,
)
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import Mount

GIB = 1 << 30


def test_version_2(tmp_path: Path) -> None:
    folder = tmp_path / "docker/abc"
    folder.mkdir(parents=True)
    for name, content in {
        "cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
        "memory.current": "104857600\n",
        "memory.max": "max\n",
        "memory.stat": "anon 1\ninactive_file 4857600\n",
        "io.stat": "8:0 rbytes=4096 wbytes=8192 rios=1\n253:0 rbytes=1 wbytes=2\n",
        "pids.current": "7\n",
    }.items():
        (folder / name).write_text(content)
    hierarchies = Hierarchies.of([Mount("0:3", "/", str(tmp_path), "cgroup2", "cgroup2", b"rw")])
    first = sample(hierarchies, b"0::/docker/abc\n", 1, "/nowhere")
    (folder / "cpu.stat").write_text("usage_usec 3000000\n")
    second = {**sample(hierarchies, b"0::/docker/abc\n", 1, "/nowhere"), "monotonic": first["monotonic"] + 1}
    values = figures(first, second, 2 * GIB, own_network=True)
    assert values["cpu_percent"] == 50.0
    assert (values["memory_bytes"], values["memory_limit_bytes"]) == (100_000_000, 2 * GIB)
    assert values["block"] == {"read_bytes": 4097, "write_bytes": 8194}
    assert (values["pids"], values["network"]) == (7, None)


def test_version_1(tmp_path: Path) -> None:
    files = {
        "cpuacct/cpuacct.usage": "5000000000\n",
        "memory/memory.usage_in_bytes": "300\n",
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/memory.stat": "cache 1\ntotal_inactive_file 100\n",
        "blkio/blkio.throttle.io_service_bytes": "8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30\n",
        "pids/pids.current": "3\n",
    }
    for name, content in files.items():
        path = tmp_path / Path(name).parent / "lab/abc" / Path(name).name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    mounts = [
        Mount("0:3", "/", f"{tmp_path}/{name}", "cgroup", "cgroup", f"rw,{name}".encode())
        for name in ("cpuacct", "memory", "blkio", "pids")
    ]
    one = sample(
        Hierarchies.of(mounts),
        b"4:cpuacct:/lab/abc\n3:memory:/lab/abc\n2:blkio:/lab/abc\n1:pids:/lab/abc\n",
        1,
        "/no",
    )
    values = figures(one, {**one, "monotonic": one["monotonic"] + 1}, GIB, own_network=False)
    assert (values["memory_bytes"], values["memory_limit_bytes"]) == (200, GIB)
    assert values["block"] == {"read_bytes": 10, "write_bytes": 20}
    assert (values["pids"], values["cpu_percent"]) == (3, 0.0)


@pytest.mark.parametrize(
    ("root", "path", "folder"),
    [
        ("/", "/docker/x", "/cg/docker/x"),
        ("/docker", "/docker/x", "/cg/x"),
        ("/dock", "/docker/x", "/cg/docker/x"),
        ("/", "/../../etc", None),
    ],
)
def test_where_a_cgroup_is(root: str, path: str, folder: str | None) -> None:
    hierarchies = Hierarchies.of([Mount("0:3", root, "/cg", "cgroup2", "cgroup2", b"rw")])
    assert hierarchies.folder("", path) == folder
    assert hierarchies.folder("memory", path) is None


def test_what_is_not_there_is_null(tmp_path: Path) -> None:
    one = sample(Hierarchies.of([]), b"0::/x\n", 1, str(tmp_path))
    assert set(one) == {"time", "monotonic"}
    values = figures(one, one, 0, own_network=True)
    assert (
        values["cpu_percent"]
        is values["memory_bytes"]
        is values["memory_limit_bytes"]
        is values["pids"]
        is None
    )


def test_network_counters(recording: dict[str, Any]) -> None:
    for container in recording["containers"].values():
        raw = recording["processes"][str(container["pid"])]["files"]["net/dev"].encode("latin-1")
        assert set(parse_net_dev(raw)) == {"lo", "eth0"}
        assert parse_net_dev(raw)["eth0"]["rx_bytes"] > 0


@given(st.text())
def test_anything_parses(text: str) -> None:
    parse_io(text)
    parse_net_dev(text.encode("utf-8", "replace"))
    parse_file("memory.stat", text.encode("utf-8", "replace"))
