# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host says for itself, by docker inspect, ip and nft alone: runs on the host, prints one JSON object.

None of our collection is in here. Arguments are names of containers; those that are gone are left out.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def decoded(*command: str) -> list[dict[str, Any]]:
    found = json.loads(output(*command) or "[]")
    return [item for item in found if item]


def rules(*before: str) -> list[str]:
    """The rules of nft, without counters; iptables' are among them, or are asked for by themselves."""
    lines = output(*before, "nft", "-s", "list", "ruleset").splitlines()
    if not before:
        lines += output("iptables-save").splitlines()
    kept = (re.sub(r"\[\d+:\d+\]", "", line).strip() for line in lines if not line.startswith("#"))
    return [line for line in kept if line]


def links(*before: str) -> list[dict[str, Any]]:
    names = ("ifindex", "ifname", "flags", "link_index", "master", "address")
    return [
        {
            **{name: link.get(name) for name in names},
            "addresses": sorted(
                f"{one['local']}/{one['prefixlen']}"
                for one in link.get("addr_info", ())
                if one.get("scope") != "link"
            ),
        }
        for link in decoded(*before, "ip", "-j", "address")
    ]


def processes(ids: dict[str, str]) -> dict[str, list[int]]:
    """All processes of each container, by their cgroups."""
    found: dict[str, list[int]] = {name: [] for name in ids}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            cgroup = (path / "cgroup").read_text()
            zombie = (path / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        for name, container in ids.items():
            if container in cgroup and not zombie:
                found[name].append(int(path.name))
    return found


def inside(pid: int) -> dict[str, Any]:
    """The container's network namespace, seen with the host's tools."""
    enter = ("nsenter", "-t", str(pid), "-n")
    return {"links": links(*enter), "rules": rules(*enter)} if pid else {}


def main(names: list[str]) -> None:
    documents = {one["Name"].lstrip("/"): one for one in decoded("docker", "inspect", *names)}
    found = {
        "inspect": documents,
        "inside": {name: inside(one["State"]["Pid"]) for name, one in documents.items()},
        "processes": processes({name: one["Id"] for name, one in documents.items()}),
        "links": links(),
        "rules": rules(),
        "records": len([*Path("/run/cordon").rglob("*.json")]),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
