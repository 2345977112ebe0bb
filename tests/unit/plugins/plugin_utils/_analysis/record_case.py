# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep what the rules read of a real case as a fixture: `record_case.py CASE OUT` from the repository's root.

Take the case from the lab (`make lab`, then playbooks/triage.yml over the group fleet). Of each container that is
a scene, what no rule reads is left out, so that the fixture stays small; nothing else is changed.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

KEPT_ITEMS = (
    *("processes.jsonl", "sockets.jsonl", "changes.jsonl", "layer.jsonl", "volumes.jsonl"),
    *("logs/hits.jsonl", "logs/tail.jsonl"),
)
KEPT_LINES = 60
KEPT_CONFIG = (
    *("Privileged", "CapAdd", "CapDrop", "PidMode", "NetworkMode", "IpcMode", "UTSMode", "UsernsMode"),
    *(
        "SecurityOpt",
        "MaskedPaths",
        "Devices",
        "DeviceCgroupRules",
        "NanoCpus",
        "CpuQuota",
        "CpuPeriod",
        "Binds",
    ),
)


def record(case: Path, out: Path, scenes: set[str]) -> None:
    """Copy the scenes' evidence; `out` is made anew."""
    shutil.rmtree(out, ignore_errors=True)
    for bag in sorted(case.glob("*/*-triage")):
        engine = json.loads((bag / "data" / "host.json").read_text())["engine"]
        for source in sorted((bag / "data" / "containers").iterdir()):
            document = json.loads((source / "inspect.json").read_text())
            if document["Name"].lstrip("/") in scenes:
                target = out / source.relative_to(case)
                target.mkdir(parents=True)
                _copy_items(source, target)
                _write(target / "inspect.json", _trimmed(document))
        kept = out / bag.relative_to(case)
        (kept / "bag-info.txt").write_text(f"Host: {bag.parent.name}\n")
        _write(kept / "data" / "host.json", {"engine": {"version": engine["version"]}})


def _copy_items(source: Path, target: Path) -> None:
    stats = json.loads((source / "stats.json").read_text())
    first = {key: stats["first"].get(key) for key in ("time", "cpuacct.usage", "cpu.stat")}
    _write(target / "stats.json", {"cpu_percent": stats["cpu_percent"], "first": first})
    for item in KEPT_ITEMS:
        if (source / item).is_file():
            lines = (source / item).read_bytes().splitlines(keepends=True)
            (target / item).parent.mkdir(exist_ok=True)
            (target / item).write_bytes(b"".join(lines[-KEPT_LINES:]))


def _trimmed(document: dict[str, Any]) -> dict[str, Any]:
    state = {"Running": document["State"]["Running"], "StartedAt": document["State"]["StartedAt"]}
    config = {key: document["HostConfig"].get(key) for key in KEPT_CONFIG}
    return {
        "Name": document["Name"],
        "Config": {"Image": document["Config"]["Image"]},
        "State": state,
        "HostConfig": config,
        "Mounts": document["Mounts"],
    }


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    names = {folder.parent.name for folder in Path("lab/scenes").glob("*/scene.toml")}
    record(Path(sys.argv[1]), Path(sys.argv[2]), names)
