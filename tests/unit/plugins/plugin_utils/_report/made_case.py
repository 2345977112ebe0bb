# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A case made up for the report: a web shop whose order service was broken into, and where the intruder went.

Always the same bytes. Its findings are what our own rules say of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_line, utc
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evaluate import evaluate, write_findings
from ansible_collections.cordon.docker.plugins.plugin_utils._case import records
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._report.made_parts import (
    QUIET,
    START,
    Part,
    breach,
    record,
)

BAG = "20260301T123000Z-triage"
EARLIER = "20260301T120500Z-triage"
ACTOR = "ada@bastion"
LOST = "edge3"


@dataclass(frozen=True)
class Size:
    """How large the case is. `log_lines` are those of each container."""

    hosts: int = 7
    containers: int = 6
    log_lines: int = 60
    events: int = 0


def make_case(case_dir: Path, size: Size = Size()) -> Path:
    """Write the whole case below the folder, which is made, and return it."""
    case_dir.mkdir(parents=True)
    hosts = [
        f"{('web', 'app', 'db', 'cache', 'queue')[number % 5]}{number // 5 + 1}"
        for number in range(size.hosts)
    ]
    for number, host in enumerate(hosts):
        _host(case_dir, number, host, size)
    _hosts_file(case_dir, hosts, size)
    findings = evaluate(case_dir)
    write_findings(case_dir, findings)
    if size.hosts:
        _beside(case_dir, hosts, size)
    return case_dir


def _host(case_dir: Path, number: int, host: str, size: Size) -> None:
    data = case_dir / host / BAG / "data"
    data.mkdir(parents=True)
    (case_dir / host / BAG / "bag-info.txt").write_text(f"Host: {host}\n")
    outcomes = [_outcome("events", None, "collected", "events.jsonl", 4000)]
    for place in range(size.containers):
        part = breach(number, place) or QUIET[(number * size.containers + place) % len(QUIET)]
        name = part.name if place < len(QUIET) else f"{part.name}-{place}"
        part = replace(part, name=name).on(number, place, size.log_lines)
        _write(data / "containers" / part.id, part.items)
        outcomes += [
            _outcome(item.split(".")[0].split("/")[-1], part, "collected", item, 900)
            for item in sorted(part.items)
        ]
        outcomes.append(_outcome("volumes", part, "empty", None, 0))
        if place == 1:
            outcomes.append(
                _outcome("top", part, "failed", None, 0, "The engine did not answer in 10 seconds.")
            )
            earlier = case_dir / host / EARLIER / "data" / "containers" / part.id
            _write(earlier, {"inspect.json": part.items["inspect.json"], "stats.json": part.earlier_stats})
            (case_dir / host / EARLIER / "bag-info.txt").write_text(f"Host: {host}\n")
    _lines(data / "outcomes.jsonl", outcomes)
    _lines(data / "events.jsonl", _engine_events(host))
    (data / "host.json").write_text(json.dumps(_about(host)))


def _about(host: str) -> dict[str, Any]:
    engine = {"version": "26.1.5", "driver": "overlay2", "rootless": False}
    return {
        "hostname": host,
        "os": "Debian GNU/Linux 12 (bookworm)",
        "kernel": "Linux 6.1.0-28-amd64",
        "engine": engine,
        "clock_offset_seconds": 0.4,
        "boot_time": "2026-02-11T06:00:00.000000Z",
        "cpus": 8,
        "memory_bytes": 33 << 30,
    }


def _outcome(
    item: str, part: Part | None, status: str, path: str | None, size: int, reason: str | None = None
) -> dict[str, Any]:
    container = {"id": part.id * 5 + "0000", "name": part.name} if part else None
    return {
        "item": item,
        "container": container,
        "status": status,
        "reason": reason,
        "path": path,
        "bytes": size,
        "sha256": "0" * 64 if path else None,
        "started": "2026-03-01T12:30:02.000000Z",
        "seconds": 0.004,
    }


def _engine_events(host: str) -> Iterator[dict[str, Any]]:
    for number in range(6):
        attributes = {"name": f"job-{number}", "image": "acme/backup:2"}
        yield {
            "Type": "container",
            "Action": "start" if number % 2 else "create",
            "time": int(START) + number * 60,
            "Actor": {"ID": hashlib.sha256(f"{host}{number}".encode()).hexdigest(), "Attributes": attributes},
        }


def _hosts_file(case_dir: Path, hosts: list[str], size: Size) -> None:
    rows = []
    for host in hosts:
        row: dict[str, Any] = {
            "run": "20260301T123000Z-1a2b3c",
            "time": "2026-03-01T12:30:01.000000Z",
            "verb": "triage",
            "host": host,
            "status": "collected",
            "reason": None,
            "bag": f"{host}/{BAG}",
            "containers": size.containers,
            "items": {},
            "unknown": [],
            "seconds": 3.2,
        }
        rows += [row]
    if hosts:
        lost = {
            **rows[0],
            "host": LOST,
            "status": "unreachable",
            "bag": None,
            "containers": 0,
            "reason": "ssh: connect to host edge3 port 22: Connection timed out",
        }
        rows.append(lost)
    _lines(case_dir / "hosts.jsonl", rows)


def _write(folder: Path, items: dict[str, Any]) -> None:
    for name, content in items.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            _lines(path, content)
        else:
            path.write_bytes(dump_line(content))


def _lines(path: Path, rows: Any) -> None:
    with path.open("wb") as stream:
        stream.writelines(dump_line(row) for row in rows)


def custody(case_dir: Path, events: list[dict[str, Any]]) -> None:
    """A custody log that holds, its times a second apart."""
    last = b""
    with (case_dir / "custody.jsonl").open("wb") as log:
        for number, event in enumerate(events, 1):
            empty = {
                "host": None,
                "container": None,
                "before": None,
                "after": None,
                "verified": None,
                "reason": None,
            }
            last = dump_line(
                {
                    "seq": number,
                    "time": utc(START + 9000 + number),
                    "actor": ACTOR,
                    **empty,
                    **event,
                    "previous": hashlib.sha256(last).hexdigest() if last else "0" * 64,
                }
            )
            log.write(last)


def _beside(case_dir: Path, hosts: list[str], size: Size) -> None:
    first = breach(0, 1)
    events: list[dict[str, Any]] = [
        {"action": "case opened"},
        {"action": "run started", "after": {"verb": "triage"}},
    ]
    events += [
        {"action": "evidence sealed", "host": host, "after": {"bag": f"{host}/{BAG}"}, "verified": True}
        for host in hosts
    ]
    if first is not None:
        part = first.on(0, 1, size.log_lines)
        made = record(part)
        records.keep(case_dir, hosts[0], made)
        named = {"id": made.container, "name": part.name}
        events += [
            {
                "action": change.step.kind,
                "host": hosts[0],
                "container": named,
                "verified": True,
                "reason": change.step.sentence(),
            }
            for change in made.changes
        ]
    custody(case_dir, [*events, {"action": "run closed", "verified": True}])
    _lines(case_dir / "timeline.jsonl", _timeline(case_dir, hosts, size))
    _lines(case_dir / "correlations.jsonl", _correlations(hosts))


def _timeline(case_dir: Path, hosts: list[str], size: Size) -> Iterator[dict[str, Any]]:
    """As `timeline.jsonl` is: findings, process starts, files, log lines, engine events, our own actions."""
    for number, host in enumerate(hosts):
        for place in range(size.containers):
            part = (breach(number, place) or QUIET[(number * size.containers + place) % len(QUIET)]).on(
                number, place, 0
            )
            named = {"id": part.id, "name": part.name}
            yield _event(
                utc(START + number * 7 + place), "engine", f"{part.name} started", "Start Time", host, named
            )
            for row in part.items["processes.jsonl"]:
                words = " ".join(row["cmdline"])
                yield _event(row["started"], "process", words, "Process Start", host, named)
            for row in part.items["layer.jsonl"]:
                yield _event(row["ctime"], "file", row["path"], "Metadata Change Time", host, named)
            for row in part.items.get("logs/hits.jsonl", []):
                yield _event(row["time"], "log", row["line"], "Log Time", host, named, "medium")
    for line in (case_dir / "findings.jsonl").read_text().splitlines():
        finding = json.loads(line)
        reference = finding["evidence"][0]
        seen = _time(case_dir, reference)
        if seen:
            words, rule = finding["sentence"], finding["rule"]
            yield _event(
                seen,
                "finding",
                words,
                rule,
                finding["host"],
                finding["container"],
                finding["severity"],
                reference,
            )
    for number in range(size.events):
        yield _event(
            utc(START + number), "log", f"request {number}", "Log Time", hosts[number % len(hosts)], None
        )
    for number in range(4):
        yield _event(utc(START + 9001 + number), "action", "isolate", "Action", hosts[0], None)


def _time(case_dir: Path, reference: dict[str, Any]) -> str | None:
    """When the row happened that a finding points at."""
    lines = (case_dir / reference["bag"] / reference["path"]).read_text().splitlines()
    row = json.loads(lines[(reference["line"] or 1) - 1])
    found: str | None = row.get("started") or row.get("ctime") or row.get("time")
    return found


def _event(
    at: str,
    kind: str,
    message: str,
    what: str,
    host: str,
    container: Any,
    severity: str | None = None,
    ref: Any = None,
) -> dict[str, Any]:
    return {
        "datetime": at,
        "timestamp_desc": what,
        "message": message,
        "data_type": f"cordon:{kind}",
        "host": host,
        "container": container,
        "kind": kind,
        "severity": severity,
        "ref": ref,
    }


def _correlations(hosts: list[str]) -> Iterator[dict[str, Any]]:
    """As `correlations.jsonl` is: what the broken-in containers have in common."""
    found: list[dict[str, Any]] = []
    for number, host in enumerate(hosts):
        for place in range(8):
            part = breach(number, place)
            if part is not None:
                made = part.on(number, place, 0)
                found.append(
                    {
                        "host": host,
                        "container": {"id": made.id, "name": made.name, "image": made.image},
                        "time": utc(START + 5400 + number * 240 + place * 100),
                        "evidence": {
                            "bag": f"{host}/{BAG}",
                            "path": f"data/containers/{made.id}/processes.jsonl",
                            "line": 1,
                        },
                    }
                )
    broken = [one for one in found if one["container"]["name"] != "ci-runner"]
    miners = [one for one in found if one["container"]["name"] == "orders"]
    sets = (
        ("remote", "203.0.113.66", broken[:5]),
        ("file-hash", "9f" * 32, miners[:4]),
        ("command-line", "/tmp/.x/kdevtmpfsi -o pool.example:3333", miners[:6]),
    )
    for kind, value, members in sets:
        if len(members) > 1:
            where = {member["host"] for member in members}
            yield {
                "kind": kind,
                "value": value,
                "sentence": f"{value} is in {len(members)} containers on {len(where)} hosts.",
                "first": {key: members[0][key] for key in ("host", "container", "time")},
                "members": members,
            }


__all__ = ["BAG", "LOST", "Size", "custody", "make_case"]
