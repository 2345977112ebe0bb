# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep what the rules read of a real case as a fixture: `record_case.py CASE OUT` from the repository's root.

Take the case from the lab (`make lab`, or `lab/lab up --scenes all`, then playbooks/triage.yml over the group fleet).
Of each container that is a scene, what no rule reads is left out, so that the fixture stays small; nothing else is
changed. Where OUT ends in .jsonl, the files are kept in one, a line each, for unpack_case.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

ROWS = {
    "processes.jsonl": (
        *(
            "pid",
            "container_pid",
            "ppid",
            "started",
            "comm",
            "cmdline",
            "cwd",
            "exe",
            "stdio",
            "capabilities",
        ),
        *("seccomp", "in_cgroup", "preload", "on_host_files"),
    ),
    "sockets.jsonl": (
        *(
            "protocol",
            "state",
            "local_address",
            "local_port",
            "remote_address",
            "remote_port",
            "inode",
            "pid",
        ),
    ),
    "changes.jsonl": ("path", "kind"),
    "layer.jsonl": (
        *("path", "type", "ctime", "executable", "in_diff", "kind", "content_changed", "code", "head"),
    ),
    "volumes.jsonl": ("path", "type", "ctime", "executable", "code", "head", "volume", "destination"),
    "logs/hits.jsonl": ("time", "line"),
    "logs/tail.jsonl": ("time", "line"),
}
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
# Rows of a layer that rules read wherever they stand in it; of the others the last are kept.
TELLING = (b'"head":"', b'"head": "', b'"executable":true', b'"executable": true', b"/dpkg/status")


def record(case: Path, out: Path, scenes: set[str]) -> None:
    """Copy the scenes' evidence; `out` is made anew."""
    if out.suffix == ".jsonl":
        with tempfile.TemporaryDirectory() as folder:
            record(case, Path(folder) / "case", scenes)
            pack(Path(folder) / "case", out)
        return
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


def pack(case: Path, out: Path) -> None:
    """All files of a recorded case in one."""
    files = sorted(path for path in case.rglob("*") if path.is_file())
    rows = [{"path": str(path.relative_to(case)), "text": path.read_text()} for path in files]
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _copy_items(source: Path, target: Path) -> None:
    stats = json.loads((source / "stats.json").read_text())
    first = {key: stats["first"].get(key) for key in ("time", "cpuacct.usage", "cpu.stat")}
    _write(target / "stats.json", {"cpu_percent": stats["cpu_percent"], "first": first})
    if (source / "image.json").is_file():
        config = json.loads((source / "image.json").read_text()).get("Config") or {}
        _write(target / "image.json", {"Config": {key: config.get(key) for key in ("Entrypoint", "Cmd")}})
    for item, fields in ROWS.items():
        if (source / item).is_file():
            rows = [json.loads(line) for line in _kept((source / item).read_bytes().splitlines())]
            (target / item).parent.mkdir(exist_ok=True)
            trimmed = [{key: row[key] for key in fields if key in row} for row in rows]
            text = "".join(
                json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in trimmed
            )
            (target / item).write_text(text)


def _kept(lines: list[bytes]) -> list[bytes]:
    """The lines that rules may read, and the last ones, in their order."""
    first = len(lines) - KEPT_LINES
    return [
        line for number, line in enumerate(lines) if number >= first or any(mark in line for mark in TELLING)
    ]


def _trimmed(document: dict[str, Any]) -> dict[str, Any]:
    state = {"Running": document["State"]["Running"], "StartedAt": document["State"]["StartedAt"]}
    config = {key: document["HostConfig"].get(key) for key in KEPT_CONFIG}
    return {
        "Name": document["Name"],
        "Path": document["Path"],
        "Args": document["Args"],
        "Config": {key: document["Config"].get(key) for key in ("Image", "Labels")},
        "State": state,
        "HostConfig": config,
        "Mounts": document["Mounts"],
    }


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, sort_keys=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    names = {folder.parent.name for folder in Path("lab/scenes").glob("*/scene.toml")}
    record(Path(sys.argv[1]), Path(sys.argv[2]), names)
