# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CPU use out of line, and ways out of a container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import severity_level
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.build_case import (
    add_container,
    findings_of,
    grades,
    inspect,
    process,
)


def stats(percent: Any, age: float = 3600, average: float = 90) -> dict[str, Any]:
    """stats.json of a container of that age in seconds that used so much of a core on average."""
    minutes, seconds = divmod(int(age), 60)
    at = f"2026-03-01T{10 + minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}.123456Z"
    used = int(age * average * 1e7)
    return {"cpu_percent": percent, "cpus_online": 2, "first": {"time": at, "cpuacct.usage": used}}


@pytest.mark.parametrize(
    ("numbers", "config", "severity"),
    [
        (stats(5), {}, None),
        (stats(99), {}, "medium"),
        (stats(99, age=300), {}, "low"),
        (stats(99, age=30), {}, None),
        (stats(99, average=3), {}, None),
        (stats(29, average=29), {"NanoCpus": 300_000_000}, "medium"),
        (stats(29, average=29), {"CpuQuota": 30_000, "CpuPeriod": 100_000}, "medium"),
        (stats(29), {}, None),
        (stats(None), {}, None),
        (stats("99"), {}, None),
        ({}, {}, None),
    ],
)
def test_a_busy_container_alone_is_at_most_medium(
    tmp_path: Path, numbers: Any, config: dict[str, Any], severity: str | None
) -> None:
    items = {"stats.json": numbers, "inspect.json": inspect(host_config=config)}
    assert grades(findings_of(tmp_path, items)) == ({"busy-cpu": severity} if severity else {})


def test_a_fleet_that_is_busy_accuses_nobody(tmp_path: Path) -> None:
    for number in range(5):
        add_container(tmp_path, {"stats.json": stats(90)}, container=f"00000000000{number}")
    assert findings_of(tmp_path, {"stats.json": stats(99)}) == []


def test_busy_with_a_program_not_from_the_image_is_high(tmp_path: Path) -> None:
    rows = [process(100, 1, "/tmp/x", state="deleted")]
    found = findings_of(tmp_path, {"stats.json": stats(99, age=20), "processes.jsonl": rows})
    assert grades(found) == {"busy-cpu": "high", "deleted-executable": "high"}


def test_a_miner_on_a_crowded_host_is_told_by_what_it_used_before(tmp_path: Path) -> None:
    rows = [process(100, 1, "/tmp/x", state="deleted")]
    document = inspect(host_config={"NanoCpus": 300_000_000})
    items = {"stats.json": stats(10, average=26), "processes.jsonl": rows, "inspect.json": document}
    found = findings_of(tmp_path, items)
    assert grades(found) == {"busy-cpu": "high", "deleted-executable": "high"}
    assert any("uses 10 % of a core of the 30 % it may use, 26 % on average" in f.sentence for f in found)


@pytest.mark.parametrize(
    ("config", "mounts", "expected"),
    [
        ({}, [], {}),
        (
            {"Privileged": True, "CapAdd": ["SYS_ADMIN"], "SecurityOpt": ["label=disable"]},
            [],
            {"privileged": "high"},
        ),
        ({"CapAdd": ["SYS_ADMIN"]}, [], {"capability": "high"}),
        ({"CapAdd": ["CAP_SYS_MODULE"]}, [], {"capability": "high"}),
        ({"CapAdd": ["ALL"]}, [], {"capability": "high"}),
        ({"CapAdd": ["NET_ADMIN"]}, [], {"capability": "medium"}),
        ({"CapAdd": ["SYS_PTRACE"]}, [], {"capability": "medium"}),
        (
            {"CapAdd": ["SYS_PTRACE"], "PidMode": "host"},
            [],
            {"capability": "high", "host-namespace": "medium"},
        ),
        ({"CapAdd": ["NET_BIND_SERVICE", "CHOWN"]}, [], {}),
        ({"NetworkMode": "host"}, [], {"host-namespace": "medium"}),
        ({"NetworkMode": "bridge", "PidMode": "container:x"}, [], {}),
        ({"SecurityOpt": ["seccomp=unconfined"]}, [], {"unconfined": "medium"}),
        ({"SecurityOpt": ["apparmor:unconfined"]}, [], {"unconfined": "medium"}),
        ({"MaskedPaths": [], "ReadonlyPaths": []}, [], {"unconfined": "medium"}),
        ({"Devices": [{"PathOnHost": "/dev/sda1"}]}, [], {"device": "high"}),
        ({"Devices": [{"PathOnHost": "/dev/fuse"}]}, [], {"device": "low"}),
        ({"DeviceCgroupRules": ["b 8:* rwm"]}, [], {"device": "high"}),
        ({"DeviceCgroupRules": ["c 10:229 rwm"]}, [], {}),
        ({}, [("bind", "/var/run/docker.sock", False)], {"engine-socket": "high"}),
        ({}, [("bind", "/run/containerd/containerd.sock", True)], {"engine-socket": "high"}),
        ({}, [("bind", "/", True)], {"host-path": "high"}),
        ({}, [("bind", "/", False)], {"host-path": "high"}),
        ({}, [("bind", "/etc/", True)], {"host-path": "high"}),
        ({}, [("bind", "/etc", False)], {"host-path": "medium"}),
        ({}, [("bind", "/root/.ssh", True)], {"host-path": "high"}),
        ({}, [("bind", "/proc", False)], {"host-path": "medium"}),
        ({}, [("bind", "/proc/sys/kernel", True)], {"host-path": "high"}),
        ({}, [("bind", "/sys/fs/cgroup", True)], {"host-path": "high"}),
        ({}, [("bind", "/var/lib/docker", True)], {"host-path": "high"}),
        ({}, [("bind", "/var/lib/docker/volumes/x/_data", True)], {}),
        ({}, [("volume", "/var/lib/docker/volumes/x/_data", True)], {}),
        ({}, [("bind", "/etc/localtime", False), ("bind", "/srv/app", True), ("bind", "/opt/x", True)], {}),
    ],
)
def test_ways_out(
    tmp_path: Path, config: dict[str, Any], mounts: list[tuple[str, str, bool]], expected: dict[str, str]
) -> None:
    written = [{"Type": kind, "Source": source, "RW": rw} for kind, source, rw in mounts]
    found = findings_of(tmp_path, {"inspect.json": inspect(host_config=config, mounts=written)})
    assert grades(found) == expected
    assert {(f.kind, f.technique) for f in found} <= {("exposure", "T1611")}
    assert all("which allows" in f.sentence for f in found)


def test_a_way_out_with_an_intruder_inside_is_critical(tmp_path: Path) -> None:
    document = inspect(host_config={"Privileged": True, "UTSMode": "host"})
    rows = [process(100, 1, "/tmp/x", state="memfd")]
    found = grades(findings_of(tmp_path, {"inspect.json": document, "processes.jsonl": rows}))
    assert found == {"privileged": "critical", "host-namespace": "low", "memfd-executable": "high"}


def test_capabilities_that_were_not_given(tmp_path: Path) -> None:
    rows = [process(100, 1, "/usr/bin/bash", capabilities="0000003fffffffff")]
    found = findings_of(tmp_path, {"processes.jsonl": rows})
    assert {f.rule for f in found} == {"unexpected-capability"}
    assert "which it was not given and which allows" in found[0].sentence


def test_no_exposure_alone_is_critical(tmp_path: Path) -> None:
    config = {"Privileged": True, "PidMode": "host", "NetworkMode": "host"}
    mounts = [{"Type": "bind", "Source": path} for path in ("/", "/etc", "/var/run/docker.sock")]
    found = findings_of(tmp_path, {"inspect.json": inspect(host_config=config, mounts=mounts)})
    assert max(severity_level(f.severity) for f in found) == severity_level("high")
