# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files beside the bags as report.html reads them: bounded, and nothing raises for what a line holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    CONFIDENCES,
    SEVERITIES,
    ContainerName,
    EvidenceRef,
    Finding,
)

MAX_LINE_BYTES = 1 << 20
MAX_FINDINGS = 20_000
MAX_TEXT = 2000  # of one value in the report; the bag has the whole

_KINDS = ("intrusion", "exposure")


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file of lines, in order; nothing where there is no such file."""
    try:
        stream = path.open("rb")
    except OSError:
        return
    with stream:
        while line := stream.readline(MAX_LINE_BYTES):
            parsed = values.parse(line)
            if isinstance(parsed, dict):
                yield parsed


def short(value: Any, limit: int = MAX_TEXT) -> Any:
    """A value fit for the report: texts are cut with an ellipsis, and what is nested too deep is left out."""
    if isinstance(value, str):
        return value if len(value) <= limit else value[:limit] + "…"
    if value is None or isinstance(value, bool):
        return value
    return values.number(value)


@dataclass(frozen=True)
class Found:
    """A line of findings.jsonl. `suppressed` is the reason it does not count, None where it does; `extra` are
    further texts of the line, such as the plain form of what was disguised."""

    finding: Finding
    suppressed: str | None
    extra: dict[str, str]


def findings(case_dir: Path) -> Iterator[Found]:
    """The findings of the case, up to a bound."""
    for count, row in enumerate(rows(case_dir / "findings.jsonl")):
        if count == MAX_FINDINGS:
            return
        found = _finding(row)
        if found is not None:
            yield found


def _finding(row: dict[str, Any]) -> Found | None:
    severity, kind = row.get("severity"), row.get("kind")
    if severity not in SEVERITIES or kind not in _KINDS:
        return None
    confidence = row.get("confidence")
    named = values.record(row.get("container"))
    finding = Finding(
        id=values.text(row.get("id"), 64),
        kind=kind,
        host=values.text(row.get("host"), 255),
        container=ContainerName(
            values.text(named.get("id"), 64)[:12],
            values.text(named.get("name"), 255),
            values.text(named.get("image"), 255),
        ),
        severity=severity,
        confidence=confidence if confidence in CONFIDENCES else "low",
        rule=values.text(row.get("rule"), 200),
        sentence=values.text(row.get("sentence"), MAX_TEXT),
        technique=values.text(row.get("technique"), 64),
        evidence=tuple(_reference(entry) for entry in values.items(row.get("evidence"), 50)),
        next=values.text(row.get("next"), MAX_TEXT),
    )
    return Found(finding, _reason(row.get("suppressed")), _extra(row))


def _reference(entry: Any) -> EvidenceRef:
    row = values.record(entry)
    line = values.integer(row.get("line"))
    return EvidenceRef(values.text(row.get("bag"), 512), values.text(row.get("path"), 1024), line)


def _reason(suppressed: Any) -> str | None:
    if not suppressed:
        return None
    reason = values.record(suppressed).get("reason") if isinstance(suppressed, dict) else suppressed
    return values.text(reason, 500) or "No reason is given."


def _extra(row: dict[str, Any]) -> dict[str, str]:
    """What later releases and other rules add to a finding, where it is text."""
    known = Finding.__dataclass_fields__.keys() | {"suppressed", "container", "evidence"}
    more = {key[:64]: value for key, value in row.items() if key not in known and isinstance(value, str)}
    return {key: value[:MAX_TEXT] for key, value in sorted(more.items())[:8] if value}


@dataclass
class HostState:
    """What became of a host: its last triage, else the last that was asked of it."""

    name: str
    status: str = "asked"
    reason: str = ""
    time: str = ""
    verb: str = ""
    bag: str = ""
    containers: int = 0


def host_states(case_dir: Path) -> dict[str, HostState]:
    """Every host that the case asked, by name. A host that is not reached now keeps the bag it had."""
    states: dict[str, HostState] = {}
    for row in rows(case_dir / "hosts.jsonl"):
        name = values.text(row.get("host"), 255)
        verb, status = values.text(row.get("verb"), 32), values.text(row.get("status"), 32)
        state = states.setdefault(name, HostState(name))
        if state.verb == "triage" and verb != "triage":
            continue
        if status == "asked" and state.status != "asked" and state.verb == verb:
            continue  # a later run has asked and not heard: what is known stays, the run's own end tells
        state.status, state.verb = status, verb
        state.reason = values.text(row.get("reason"), 600)
        state.time = values.text(row.get("time"), 40)
        state.bag = values.text(row.get("bag"), 512) or state.bag
        state.containers = int(values.number(row.get("containers")) or 0) or state.containers
    return states
