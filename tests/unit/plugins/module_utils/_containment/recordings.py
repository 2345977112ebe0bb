# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers of three real engines as they were seen: inspect documents, links of both sides, networks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._containment import cables
from ansible_collections.cordon.docker.plugins.module_utils._containment.seen import (
    HostFacts,
    Namespace,
    Sight,
    engine_bridges,
)
from ansible_collections.cordon.docker.plugins.module_utils._host.links import parse_links

RECORDED = Path(__file__).with_name("recorded")
ENGINES = ("20.10", "26", "28")
# The recorded hosts mount cgroup version 2 beside version 1.
HOST = HostFacts(cgroup_version=1, cgroups="unified")


def load(engine: str) -> dict[str, Any]:
    recording: dict[str, Any] = json.loads((RECORDED / f"docker-{engine}.json").read_text(encoding="utf-8"))
    return recording


def sight(recording: dict[str, Any], name: str, **changes: Any) -> Sight:
    """The container as ``sight`` would have seen it when it was recorded."""
    seen = recording["containers"][name]
    inspect = seen["inspect"]
    values: dict[str, Any] = {
        "id": inspect["Id"],
        "name": inspect["Name"].lstrip("/"),
        "inspect": inspect,
        "host": HOST,
        "namespace": _namespace(recording, seen),
        "cgroup": _cgroup(seen),
        "sharers": _sharers(recording, inspect["Id"]),
    }
    return Sight(**dict(values, **changes))


def _namespace(recording: dict[str, Any], seen: dict[str, Any]) -> Namespace | None:
    if "inode" not in seen:
        return None
    return cables.namespace(
        seen["inode"],
        recording["own"],
        parse_links(seen["links"]),
        parse_links(recording["host_links"]),
        seen["netnsid"],
        engine_bridges(recording["networks"]),
    )


def _cgroup(seen: dict[str, Any]) -> tuple[str, int] | None:
    for line in seen.get("cgroup", "").splitlines():
        if line.startswith("0::/"):
            path = line[len("0::/") :]
            return path, path.count("/") + 1
    return None


def _sharers(recording: dict[str, Any], container: str) -> tuple[str, ...]:
    mode = f"container:{container}"
    everything = recording["containers"].items()
    return tuple(n for n, seen in everything if seen["inspect"]["HostConfig"]["NetworkMode"] == mode)
