# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""timeline.jsonl, correlations.jsonl and custody.jsonl as blocks of report.html; each may be absent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import SEVERITIES
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_blocks import Blocks
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_case import rows, short

TIMELINE = "timeline.jsonl"
CORRELATIONS = "correlations.jsonl"
CUSTODY = "custody.jsonl"
MAX_EVENTS = 20_000
MAX_CORRELATIONS = 2_000
MAX_MEMBERS = 200
MAX_CUSTODY = 20_000
_ALWAYS = ("finding", "action", "engine")
_TEXT = 400


def add(case_dir: Path, blocks: Blocks, findings: list[dict[str, Any]]) -> dict[str, Any]:
    """Write the blocks. Returns where they lie, what there is to say of them, and how many indicators are
    shared by hosts (None where nobody has compared them)."""
    notices: list[str] = []
    timeline: dict[str, Any] = {"block": "timeline", "source": TIMELINE}
    if (case_dir / TIMELINE).is_file():
        timeline["total"], events = _timeline(case_dir / TIMELINE)
    else:
        notices.append(
            f"There is no {TIMELINE} in this case yet: the picture shows dated findings and our own actions."
        )
        timeline["source"], events = None, _own_events(case_dir, findings)
    timeline["shown"] = blocks.add("timeline", events)
    shared, correlations = None, None
    if (case_dir / CORRELATIONS).is_file():
        tally = _Tally()
        shown = blocks.add("correlations", _correlations(case_dir / CORRELATIONS, tally))
        correlations = {"block": "correlations", "shown": shown, "total": tally.total}
        shared = tally.hosts
    else:
        notices.append(f"There is no {CORRELATIONS} in this case yet: no graph can be drawn.")
    shown = blocks.add("custody", _custody(case_dir))
    where = {
        "timeline": timeline,
        "correlations": correlations,
        "custody": {"block": "custody", "shown": shown},
    }
    return {"blocks": where, "notices": notices, "shared": shared}


def _matters(row: dict[str, Any]) -> bool:
    return row.get("kind") in _ALWAYS or row.get("severity") in SEVERITIES


def _timeline(path: Path) -> tuple[int, Iterator[dict[str, Any]]]:
    """All events where there is room; else those that matter, and of the rest every so many."""
    total = important = 0
    for row in rows(path):
        total += 1
        important += _matters(row)
    room = max(0, MAX_EVENTS - important)
    step = 1 if total <= MAX_EVENTS else max(2, -(-(total - important) // room)) if room else 0

    def chosen() -> Iterator[dict[str, Any]]:
        kept = others = 0
        for row in rows(path):
            if not _matters(row):
                others += 1
                if not step or others % step:
                    continue
            event = _event(row)
            if event is not None and kept < MAX_EVENTS:
                kept += 1
                yield event

    return total, chosen()


def _event(row: dict[str, Any]) -> dict[str, Any] | None:
    """Milliseconds since the epoch, and what the picture and the list under it show."""
    moment = values.moment(row.get("datetime"))
    if moment is None:
        return None
    container, reference = values.record(row.get("container")), values.record(row.get("ref"))
    severity = row.get("severity")
    return {
        "t": round(moment * 1000),
        "kind": values.text(row.get("kind"), 16),
        "message": values.text(row.get("message"), _TEXT),
        "what": values.text(row.get("timestamp_desc"), 100),
        "host": values.text(row.get("host"), 255),
        "id": values.text(container.get("id"), 64)[:12],
        "name": values.text(container.get("name"), 255),
        "severity": severity if severity in SEVERITIES else None,
        "path": values.text(reference.get("path"), 512),
        "line": values.integer(reference.get("line")),
    }


def _own_events(case_dir: Path, findings: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What the report knows the time of without a timeline."""
    for row in findings:
        reference = row["evidence"][0] if row["evidence"] else {}
        event = _event(
            {
                "datetime": row["time"],
                "kind": "finding",
                "message": row["sentence"],
                "timestamp_desc": row["rule"],
                "host": row["host"],
                "container": row["container"],
                "severity": row["severity"],
                "ref": reference,
            }
        )
        if event is not None and not row["suppressed"]:
            yield event
    for row in rows(case_dir / CUSTODY):
        event = _event(
            {
                "datetime": row.get("time"),
                "kind": "action",
                "message": " ".join(values.text(row.get(key), 300) for key in ("action", "reason")),
                "timestamp_desc": "Action",
                "host": row.get("host"),
                "container": row.get("container"),
            }
        )
        if event is not None:
            yield event


class _Tally:
    """Counted while the correlations pass by."""

    total = 0
    hosts = 0


def _correlations(path: Path, tally: _Tally) -> Iterator[dict[str, Any]]:
    for row in rows(path):
        members = [_member(entry) for entry in values.items(row.get("members"), MAX_MEMBERS)]
        tally.total += 1
        tally.hosts += len({member["host"] for member in members}) > 1
        if tally.total <= MAX_CORRELATIONS:
            yield {
                "kind": values.text(row.get("kind"), 32),
                "value": short(row.get("value"), 500),
                "sentence": values.text(row.get("sentence"), 1000),
                "first": _member(row.get("first")),
                "members": members,
                "more": max(0, len(values.items(row.get("members"), 100_000)) - len(members)),
            }


def _member(entry: Any) -> dict[str, Any]:
    row = values.record(entry)
    named = row.get("container")
    container = values.record(named)
    evidence = values.record(row.get("evidence"))
    return {
        "host": values.text(row.get("host"), 255),
        "id": values.text(container.get("id") if container else named, 64)[:12],
        "name": values.text(container.get("name"), 255),
        "image": values.text(container.get("image"), 255),
        "time": values.text(row.get("time"), 40) or None,
        "path": values.text(evidence.get("path"), 512),
        "line": values.integer(evidence.get("line")),
    }


def _custody(case_dir: Path) -> Iterator[dict[str, Any]]:
    for count, row in enumerate(rows(case_dir / CUSTODY)):
        if count == MAX_CUSTODY:
            return
        container = values.record(row.get("container"))
        after = values.record(row.get("after"))
        yield {
            "seq": values.integer(row.get("seq")),
            "time": values.text(row.get("time"), 40),
            "actor": values.text(row.get("actor"), 255),
            "host": values.text(row.get("host"), 255),
            "id": values.text(container.get("id"), 64)[:12],
            "name": values.text(container.get("name"), 255),
            "action": values.text(row.get("action"), 100),
            "verified": row.get("verified") if isinstance(row.get("verified"), bool) else None,
            "reason": values.text(row.get("reason"), 1000),
            "bag": values.text(after.get("bag"), 512),
            "verb": values.text(after.get("verb"), 32),
        }
