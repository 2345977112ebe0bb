# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""findings.jsonl read again: what was found, for the products that are made of it, and which evidence it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import MAX_LINE_BYTES
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    CONFIDENCES,
    SEVERITIES,
    ContainerName,
    EvidenceRef,
    severity_level,
)

FINDINGS = "findings.jsonl"
_MEDIUM = severity_level("medium")
_TECHNIQUE = re.compile(r"T[0-9]{4}(\.[0-9]{3})?")
_MAX_REFS = 1000


@dataclass(frozen=True)
class Found:
    """One line of findings.jsonl. `suppressed` is the reason why it shall not alarm, None where it does."""

    line: int
    id: str
    kind: str
    host: str
    container: ContainerName
    severity: str
    confidence: str
    rule: str
    sentence: str
    technique: str
    evidence: tuple[EvidenceRef, ...]
    next: str
    suppressed: str | None

    @property
    def accuses(self) -> bool:
        """Whether it is a sign of a break-in that is more than faint, and nobody has said that it is known."""
        grave = severity_level(self.severity) >= _MEDIUM
        return self.kind == "intrusion" and grave and self.suppressed is None


def read_findings(case_dir: Path) -> Iterator[Found]:
    """The findings of a case in the order of the file; none where there is no file. Broken lines are passed over."""
    for number, row in read_rows(case_dir / FINDINGS):
        found = parse_finding(number, row)
        if found is not None:
            yield found


def parse_finding(line: int, row: dict[str, Any]) -> Found | None:
    """A row as a finding; None where it has no host, no container or no severity that is one."""
    container = values.record(row.get("container"))
    host, id12 = values.text(row.get("host"), 255), values.text(container.get("id"), 64)
    severity = values.text(row.get("severity"), 16)
    if not host or not id12 or severity not in SEVERITIES:
        return None
    confidence = values.text(row.get("confidence"), 16)
    technique = values.text(row.get("technique"), 16)
    refs = (_ref(values.record(member)) for member in values.items(row.get("evidence"), _MAX_REFS))
    name = values.text(container.get("name"), 255)
    return Found(
        line=line,
        id=values.text(row.get("id"), 64),
        kind=values.text(row.get("kind"), 32),
        host=host,
        container=ContainerName(id12, name or id12, values.text(container.get("image"), 255)),
        severity=severity,
        confidence=confidence if confidence in CONFIDENCES else "low",
        rule=values.text(row.get("rule"), 128),
        sentence=values.text(row.get("sentence")),
        technique=technique if _TECHNIQUE.fullmatch(technique) else "",
        evidence=tuple(ref for ref in refs if ref is not None),
        next=values.text(row.get("next")),
        suppressed=_reason(row.get("suppressed")),
    )


def _reason(value: Any) -> str | None:
    if not value:
        return None
    return (
        values.text(values.record(value).get("reason"), 500) or values.text(value, 500) or "no reason given"
    )


def _ref(row: dict[str, Any]) -> EvidenceRef | None:
    """A reference that stays inside the case."""
    bag, path = values.text(row.get("bag"), 512), values.text(row.get("path"), 512)
    parts = f"{bag}/{path}".split("/")
    if len(parts) < 3 or any(part in ("", ".", "..") for part in parts) or "\0" in bag + path:
        return None
    line = values.integer(row.get("line"))
    return EvidenceRef(bag, path, line if line is not None and line > 0 else None)


def severities(found: Iterable[Found]) -> dict[EvidenceRef, str]:
    """The highest severity that each line of evidence is named with; suppressed findings give none."""
    graded: dict[EvidenceRef, str] = {}
    for finding in found:
        for ref in finding.evidence if finding.suppressed is None else ():
            known = graded.get(ref)
            if known is None or severity_level(finding.severity) > severity_level(known):
                graded[ref] = finding.severity
    return graded


def read_rows(path: Path, wanted: frozenset[int] | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbered JSON objects of a file, of the wanted lines only where those are named. Raises nothing.

    A line that is too long is passed over without being held in memory.
    """
    last = max(wanted, default=0) if wanted is not None else None
    number, begun = 1, False
    try:
        with path.open("rb") as stream:
            while raw := stream.readline(MAX_LINE_BYTES):
                whole = raw.endswith(b"\n")
                skipped = begun or (not whole and len(raw) == MAX_LINE_BYTES)
                if not skipped and (wanted is None or number in wanted):
                    parsed = values.parse(raw)
                    if isinstance(parsed, dict):
                        yield number, parsed
                begun = not whole
                number += whole
                if last is not None and number > last:
                    return
    except OSError:
        return
