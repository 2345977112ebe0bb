# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._engine import views
from ansible_collections.cordon.docker.plugins.module_utils._engine.stats import stats_view

if TYPE_CHECKING:
    from .conftest import Recorded


def row_of(recorded: Recorded, name: str) -> Any:
    return next(row for row in recorded.json("containers") if row["Names"] == [f"/{name}"])


def test_a_running_container(recorded: Recorded) -> None:
    inspect = recorded.json("inspect-run")
    view = views.container_view(inspect, row_of(recorded, "eng-run"))
    assert view["state"] == "running"
    assert view["status"].startswith("Up ")
    assert view["finished"] is None
    assert view["created"] == inspect["Created"]
    assert view["command"][:2] == ["/bin/sh", "-c"]
    assert view["entrypoint"] == ["/bin/sh"]
    assert view["labels"] == {"role": "test"}
    assert view["restart_policy"] == {"name": "on-failure", "maximum_retries": 3}
    assert view["pid"] == inspect["State"]["Pid"]
    assert view["privileged"] is False
    assert view["log_driver"] == "json-file"


def test_ports_are_numbers(recorded: Recorded) -> None:
    found = views.ports(recorded.json("inspect-run"))
    assert {"host_ip": "127.0.0.1", "host_port": 9081, "container_port": 80, "protocol": "tcp"} in found
    assert {"host_ip": "0.0.0.0", "host_port": 9082, "container_port": 53, "protocol": "udp"} in found


def test_ports_that_are_only_exposed() -> None:
    exposed = views.ports({"NetworkSettings": {"Ports": {"6379/tcp": None}}})
    assert exposed == [{"host_ip": None, "host_port": None, "container_port": 6379, "protocol": "tcp"}]


def test_networks(recorded: Recorded) -> None:
    (network,) = views.networks(recorded.json("inspect-run"))
    assert network["name"] == "eng-net"
    assert network["ip_address"].count(".") == 3
    assert network["prefix_length"] == 16
    assert "web" in network["aliases"]
    assert network["mac_address"].count(":") == 5
    (ended,) = views.networks(recorded.json("inspect-exited"))
    assert ended["ip_address"] is None


def test_mounts_have_the_host_s_path(recorded: Recorded) -> None:
    by_destination = {mount["destination"]: mount for mount in views.mounts(recorded.json("inspect-run"))}
    assert by_destination["/data"]["source"] == "/var/lib/docker/volumes/eng-data/_data"
    assert by_destination["/data"]["rw"] is True
    assert by_destination["/h"]["type"] == "bind"
    assert (by_destination["/h"]["source"], by_destination["/h"]["rw"]) == ("/etc/hostname", False)
    assert (by_destination["/scratch"]["type"], by_destination["/scratch"]["rw"]) == ("tmpfs", False)


def test_states(recorded: Recorded) -> None:
    paused = views.container_view(recorded.json("inspect-paused"), row_of(recorded, "eng-paused"))
    assert paused["status"].endswith("(Paused)")
    ended = views.container_view(recorded.json("inspect-exited"), row_of(recorded, "eng-exited"))
    assert (ended["exit_code"], ended["pid"]) == (3, None)
    assert ended["finished"].startswith("20")
    created = views.container_view(recorded.json("inspect-created"))
    assert (created["started"], created["status"], created["pid"]) == (None, "created", None)


def test_the_host_s_network(recorded: Recorded) -> None:
    assert views.container_view(recorded.json("inspect-host"))["network_mode"] == "host"


def test_processes(recorded: Recorded) -> None:
    processes = views.top_view(recorded.json("top-run"))
    assert processes[0]["pid"] == recorded.json("inspect-run")["State"]["Pid"]
    assert {process["ppid"] for process in processes[1:]} >= {processes[0]["pid"]}
    assert any("sleep 9999" in process["command"] for process in processes)
    assert all(process["user"] == "root" for process in processes)
    assert len(views.top_view(recorded.json("top-paused"))) == 1


def test_processes_of_podman_come_in_one_piece() -> None:
    answer = {"Titles": ["UID", "PID", "PPID", "CMD"], "Processes": [["root 7 1 sh -c x y"]]}
    assert views.top_view(answer) == [{"user": "root", "pid": 7, "ppid": 1, "command": "sh -c x y"}]


def test_no_processes() -> None:
    assert views.top_view({"Titles": ["PID"], "Processes": None}) == []


def test_changes(recorded: Recorded) -> None:
    changes = views.changes_view(recorded.json("changes-run"))
    assert changes == sorted(changes, key=lambda change: str(change["path"]))
    kinds = {change["path"]: change["kind"] for change in changes}
    assert kinds["/srv/new/a"] == "A"
    assert kinds["/etc/passwd"] == "D"
    assert kinds["/etc"] == "C"
    assert sum(views.count_kinds(changes).values()) == len(changes)


def test_use(recorded: Recorded) -> None:
    samples = recorded.json("stats-run")
    view = stats_view(samples["first"], samples["second"])
    assert 0 <= view["cpu_percent"] < 50
    assert 0 < view["memory_bytes"] < view["memory_limit_bytes"]
    assert view["pids"] >= 2
    assert view["network"]["rx_bytes"] > 0
    paused = recorded.json("stats-paused")
    assert stats_view(paused["first"], paused["second"])["cpu_percent"] == 0.0


def test_use_of_what_does_not_run(recorded: Recorded) -> None:
    sample = recorded.json("stats-exited")
    assert stats_view(sample, sample)["memory_bytes"] == 0


def test_a_core_kept_busy_is_a_hundred() -> None:
    first = {"cpu_stats": {"cpu_usage": {"total_usage": 10}, "system_cpu_usage": 100, "online_cpus": 4}}
    second = {"cpu_stats": {"cpu_usage": {"total_usage": 110}, "system_cpu_usage": 500, "online_cpus": 4}}
    assert stats_view(first, second)["cpu_percent"] == 100.0


def test_memory_is_without_cache_on_both_cgroup_versions() -> None:
    for name in ("total_inactive_file", "inactive_file"):
        sample = {"memory_stats": {"usage": 1000, "limit": 4000, "stats": {name: 400}}}
        view = stats_view(sample, sample)
        assert (view["memory_bytes"], view["memory_limit_bytes"], view["memory_percent"]) == (600, 4000, 15.0)


@pytest.mark.parametrize("value", [None, [], {}, "x", 3, {"Status": 7}, [None], [[None]]])
def test_nothing_an_engine_says_makes_a_view_raise(value: Any) -> None:
    keys = ("State", "Config", "HostConfig", "NetworkSettings", "Mounts", "Args", "Path")
    views.container_view(dict.fromkeys(keys, value), {"Status": value})
    views.container_view({"NetworkSettings": {"Ports": {"x": value}, "Networks": {"n": value}}})
    views.top_view({"Titles": value, "Processes": value})
    views.changes_view([{"Path": value, "Kind": 1}])
    sample = dict.fromkeys(("cpu_stats", "memory_stats", "networks", "blkio_stats", "pids_stats"), value)
    stats_view(sample, sample)
    stats_view({"cpu_stats": {"cpu_usage": value}}, {"networks": {"eth0": value}})
