# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one door to the analysis: a case in, findings out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.correlate import correlate
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import (
    CaseEvidence,
    ContainerEvidence,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import Finding, severity_level
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.ranking import rank
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.rules import ALL, Rule
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import MAX_REFS, Sign, to_finding

_MAX_SIGNS = 300  # of one rule in one container


def evaluate(case_dir: Path, only: str | None = None) -> list[Finding]:
    """All findings of the case, or of the host whose folder is `only`, sorted by rank.

    Hostile or broken evidence yields fewer findings, no error.

    Raises OSError only when the case directory itself cannot be listed.
    """
    found: list[Finding] = []
    for container in CaseEvidence(case_dir, only).containers:
        found += evaluate_container(container)
        container.forget()
    return [finding for entry in rank(found) for finding in entry.findings]


def evaluate_container(container: ContainerEvidence) -> list[Finding]:
    """The findings of one container, each sign once."""
    found: dict[str, Finding] = {}
    for rule in ALL:
        for sign in _signs(rule, container):
            finding = to_finding(sign, container)
            known = found.get(finding.id)
            found[finding.id] = finding if known is None else _merged(known, finding)
    for item, count in sorted(container.problems.items()):
        finding = to_finding(_unreadable(container, item, count), container)
        found[finding.id] = finding
    return correlate(list(found.values()))


def _signs(rule: Rule, container: ContainerEvidence) -> list[Sign]:
    """What a rule finds. One that fails is a finding itself, so that the others still count."""
    signs: list[Sign] = []
    try:
        signs.extend(islice(rule(container), _MAX_SIGNS))
    except Exception as exc:  # noqa: BLE001 - hostile evidence must not keep the rest from being told
        signs.append(_failed(container, rule, exc))
    return signs


def _merged(one: Finding, other: Finding) -> Finding:
    """The graver of two findings of one sign, with the evidence of both."""
    graver = max((one, other), key=lambda finding: severity_level(finding.severity))
    return replace(graver, evidence=tuple(dict.fromkeys(one.evidence + other.evidence))[:MAX_REFS])


def _unreadable(container: ContainerEvidence, item: str, count: int) -> Sign:
    rows = "One row" if count == 1 else f"{count} rows"
    return Sign(
        rule="unreadable-evidence",
        key=item,
        severity="info",
        confidence="high",
        sentence=f"{rows} of {item} could not be read, so something may have been missed.",
        technique="",
        evidence=[container.ref(item)],
        module="container_info",
        kind="exposure",
    )


def _failed(container: ContainerEvidence, rule: Rule, exc: Exception) -> Sign:
    name = getattr(rule, "__name__", "rule")
    return Sign(
        rule="unreadable-evidence",
        key=name,
        severity="low",
        confidence="high",
        sentence=f"The rule {name} failed here ({type(exc).__name__}), so something may have been missed.",
        technique="",
        evidence=[container.ref("inspect.json")],
        module="container_info",
        kind="exposure",
    )


def write_findings(case_dir: Path, findings: Iterable[Finding]) -> Path:
    """Write findings.jsonl (0600) into the case, whole or not at all, and return its path."""
    target = case_dir / "findings.jsonl"
    partial = case_dir / ".findings.jsonl.partial"
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as stream:
        for finding in findings:
            stream.write(json.dumps(finding.to_json(), ensure_ascii=False, sort_keys=True) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(target)
    return target
