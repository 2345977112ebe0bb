# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the analysis says about a case: findings and what they point at. Values only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["info", "low", "medium", "high", "critical"]
Confidence = Literal["low", "medium", "high"]
Kind = Literal["intrusion", "exposure"]

SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")
CONFIDENCES: tuple[Confidence, ...] = ("low", "medium", "high")

_LEVEL: dict[str, int] = {name: level for level, name in enumerate(SEVERITIES)}
_TRUST: dict[str, int] = {name: level for level, name in enumerate(CONFIDENCES)}


def severity_level(severity: str) -> int:
    """0 for info up to 4 for critical; raises KeyError for anything else."""
    return _LEVEL[severity]


def confidence_level(confidence: str) -> int:
    """0 for low up to 2 for high; raises KeyError for anything else."""
    return _TRUST[confidence]


@dataclass(frozen=True)
class ContainerName:
    """The container a finding is about. `id` has 12 hex digits; `name` and `image` are the host's words."""

    id: str
    name: str
    image: str

    def to_json(self) -> dict[str, str]:
        return {"id": self.id, "name": self.name, "image": self.image}


@dataclass(frozen=True)
class EvidenceRef:
    """Where the evidence lies: `<case>/<bag>/<path>`, `line` counting from 1, None for the whole file."""

    bag: str
    path: str
    line: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {"bag": self.bag, "path": self.path, "line": self.line}


@dataclass(frozen=True)
class Suppressed:
    """Why a finding is allowed, and by which entry of which file."""

    reason: str
    by: str

    def to_json(self) -> dict[str, str]:
        return {"reason": self.reason, "by": self.by}


@dataclass(frozen=True)
class Finding:
    """One line of findings.jsonl. `host` is the name in the inventory."""

    id: str
    kind: Kind
    host: str
    container: ContainerName
    severity: Severity
    confidence: Confidence
    rule: str
    sentence: str
    technique: str
    evidence: tuple[EvidenceRef, ...]
    next: str
    suppressed: Suppressed | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "host": self.host,
            "container": self.container.to_json(),
            "severity": self.severity,
            "confidence": self.confidence,
            "rule": self.rule,
            "sentence": self.sentence,
            "technique": self.technique,
            "evidence": [reference.to_json() for reference in self.evidence],
            "next": self.next,
            **({"suppressed": self.suppressed.to_json()} if self.suppressed else {}),
        }


def finding_id(rule: str, host: str, container_id: str, key: str) -> str:
    """The same sign in the same container has the same id each time; `key` tells signs of one rule apart."""
    digest = hashlib.sha256()
    for part in (rule, host, container_id, key):
        raw = part.encode("utf-8", "backslashreplace")
        digest.update(b"%d:" % len(raw) + raw)
    return digest.hexdigest()[:16]
