# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From two samples of an engine's statistics to the values that ``docker stats`` shows. Pure."""

from __future__ import annotations

from typing import Any

from .views import Document, items, mapping, number

ZERO: Document = {
    "cpu_percent": 0.0,
    "cpus_online": 0,
    "memory_bytes": 0,
    "memory_limit_bytes": 0,
    "memory_percent": 0.0,
    "network": {"rx_bytes": 0, "tx_bytes": 0},
    "block": {"read_bytes": 0, "write_bytes": 0},
    "pids": 0,
}


def stats_view(first: Document, second: Document) -> Document:
    """Sizes are bytes; ``cpu_percent`` is 100 for one core kept busy between the two samples."""
    used, limit = memory(second)
    return {
        "cpu_percent": cpu_percent(first, second),
        "cpus_online": cpus(second),
        "memory_bytes": used,
        "memory_limit_bytes": limit,
        "memory_percent": round(used / limit * 100, 2) if limit else 0.0,
        "network": network(second),
        "block": block(second),
        "pids": count(mapping(second.get("pids_stats")).get("current")),
    }


def cpu_percent(first: Document, second: Document) -> float:
    before, after = mapping(first.get("cpu_stats")), mapping(second.get("cpu_stats"))
    spent = _total(after) - _total(before)
    passed = count(after.get("system_cpu_usage")) - count(before.get("system_cpu_usage"))
    if spent <= 0 or passed <= 0:
        return 0.0
    return round(spent / passed * cpus(second) * 100, 2)


def cpus(sample: Document) -> int:
    stats = mapping(sample.get("cpu_stats"))
    return count(stats.get("online_cpus")) or len(items(mapping(stats.get("cpu_usage")).get("percpu_usage")))


def memory(sample: Document) -> tuple[int, int]:
    """Bytes in use without the page cache that can be dropped, as the CLI counts them, and the limit.

    cgroup v1 counts it as total_inactive_file, v2 as inactive_file (docker/cli, stats_helpers.go).
    """
    stats = mapping(sample.get("memory_stats"))
    details = mapping(stats.get("stats"))
    used = count(stats.get("usage"))
    dropped = count(details.get("total_inactive_file", details.get("inactive_file")))
    return used - dropped if dropped < used else used, count(stats.get("limit"))


def network(sample: Document) -> dict[str, int]:
    """Of all interfaces together; nothing for a container in the host's network."""
    interfaces = [mapping(each) for each in mapping(sample.get("networks")).values()]
    return {name: sum(count(each.get(name)) for each in interfaces) for name in ("rx_bytes", "tx_bytes")}


def block(sample: Document) -> dict[str, int]:
    totals = {"read": 0, "write": 0}
    for entry in items(mapping(sample.get("blkio_stats")).get("io_service_bytes_recursive")):
        operation = str(mapping(entry).get("op", "")).lower()
        if operation in totals:
            totals[operation] += count(mapping(entry).get("value"))
    return {"read_bytes": totals["read"], "write_bytes": totals["write"]}


def _total(cpu: Document) -> int:
    return count(mapping(cpu.get("cpu_usage")).get("total_usage"))


def count(value: Any) -> int:
    return number(value) or 0
