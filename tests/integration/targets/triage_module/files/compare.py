# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare a bag with what the oracle said; each difference is a line, and the exit code tells."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

problems: list[str] = []


def same(what: str, found: Any, expected: Any) -> None:
    if found != expected:
        problems.append(f"{what}: collected {found!r}, expected {expected!r}")


def rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def check(name: str, folder: Path, oracle: dict[str, Any], outcomes: dict[str, dict[str, Any]]) -> None:
    inspect = json.loads((folder / "inspect.json").read_bytes())
    same(f"{name} state", inspect["State"]["Status"], oracle["inspect"]["State"]["Status"])
    same(f"{name} mounts", inspect["Mounts"], oracle["inspect"]["Mounts"])
    same(
        f"{name} networks",
        inspect["NetworkSettings"]["Networks"],
        oracle["inspect"]["NetworkSettings"]["Networks"],
    )
    changes = sorted([row["kind"], row["path"]] for row in rows(folder / "changes.jsonl"))
    same(f"{name} changes", changes, oracle["changes"])
    if oracle["inspect"]["HostConfig"]["LogConfig"]["Type"] == "json-file":
        same(f"{name} log", [row["line"] for row in rows(folder / "logs/tail.jsonl")], oracle["logs"])
    if "processes" not in oracle:
        for item in ("processes", "sockets", "links", "top", "stats"):
            same(f"{name} {item}", outcomes[item]["status"], "missing")
        return
    found = [[str(row["pid"]), str(row["ppid"]), row["comm"]] for row in rows(folder / "processes.jsonl")]
    same(f"{name} processes", sorted(found), oracle["processes"])
    top = json.loads((folder / "top.json").read_bytes())
    same(
        f"{name} top",
        sorted(row[1] for row in top["Processes"]),
        sorted(row[0] for row in oracle["processes"]),
    )
    same(f"{name} stats", json.loads((folder / "stats.json").read_bytes())["pids"], len(oracle["processes"]))
    if "listeners" in oracle:
        ports = {row["local_port"] for row in rows(folder / "sockets.jsonl") if row["state"] == "LISTEN"}
        same(f"{name} listeners", sorted(ports), oracle["listeners"])
        links = json.loads((folder / "links.json").read_bytes())["links"]
        peers = [link["host_peer"]["name"] for link in links if link["host_peer"]]
        same(f"{name} peer", peers, [oracle["peer"]] if oracle["peer"] else [])


def check_specials(folders: dict[str, Path], outcomes: list[dict[str, Any]]) -> None:
    layer = {row["path"]: row for row in rows(folders["tm-changed"] / "layer.jsonl")}
    passwd = layer.get("/etc/passwd", {})
    same(
        "an edit that diff cannot see", (passwd.get("in_diff"), passwd.get("content_changed")), (False, True)
    )
    (shell,) = rows(folders["tm-changed"] / "volumes.jsonl")
    same("a shell in a volume", (shell["path"], shell["code"]), ("/var/www/html/shell.php", "php"))
    modes = {name: json.loads((folders[name] / "links.json").read_bytes())["mode"].partition(":")[0]
             for name in ("tm-hostnet", "tm-shared", "tm-none", "tm-owner")}  # fmt: skip
    same(
        "modes", modes, {"tm-hostnet": "host", "tm-shared": "container", "tm-none": "none", "tm-owner": "own"}
    )
    unknown = [row["reason"] for row in outcomes if row["container"] is None and row["status"] == "missing"]
    same("the name that is not there", any("tm-nosuch" in reason for reason in unknown), True)
    same("failures", [row for row in outcomes if row["status"] == "failed"], [])


def main() -> None:
    data = Path(sys.argv[1]) / "data"
    oracle = json.loads(os.environ["ORACLE"])
    outcomes = rows(data / "outcomes.jsonl")
    folders = {name: data / "containers" / each["inspect"]["Id"][:12] for name, each in oracle.items()}
    for name, each in oracle.items():
        own = {row["item"]: row for row in outcomes if row["container"] and row["container"]["name"] == name}
        check(name, folders[name], each, own)
    check_specials(folders, outcomes)
    sys.stdout.write("".join(f"{problem}\n" for problem in problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
