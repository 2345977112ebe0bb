# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What findings of one container say together that none says alone. The combinations are data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    Finding,
    Severity,
    severity_level,
)

_HIGH = severity_level("high")
_SHELLS = frozenset(
    {"reverse-shell", "relayed-shell", "bind-shell", "shell-under-service", "shell-connection"}
)


@dataclass(frozen=True)
class Combination:
    """A finding of one of `rules` becomes `severity`, with a sentence added, where a finding of one of
    `beside` (of any intrusion rule, where that is None) is at least of severity high."""

    rules: frozenset[str]
    beside: frozenset[str] | None
    severity: Severity
    addition: str


COMBINATIONS = (
    Combination(
        frozenset({"jndi-lookup"}),
        _SHELLS,
        "high",
        "A shell runs in the same container: the lookup has likely worked.",
    ),
    Combination(
        frozenset({"request-command", "request-download", "request-reverse-shell"}),
        frozenset({"web-shell"}) | _SHELLS,
        "medium",
        "With the other signs of this container they were more than attempts.",
    ),
    Combination(
        frozenset({"privileged", "capability", "engine-socket", "host-path", "device", "host-namespace"}),
        None,
        "critical",
        "There are signs of a break-in here, so the host has to be looked at as well.",
    ),
)


def correlate(findings: Sequence[Finding]) -> list[Finding]:
    """The findings of one container, in the same order, raised where they stand together."""
    strong = {
        finding.rule
        for finding in findings
        if finding.kind == "intrusion" and severity_level(finding.severity) >= _HIGH
    }
    return [_raised(finding, strong) for finding in findings]


def _raised(finding: Finding, strong: set[str]) -> Finding:
    for combination in COMBINATIONS:
        if finding.rule not in combination.rules:
            continue
        together = strong - {finding.rule} if combination.beside is None else strong & combination.beside
        exposed_little = finding.kind == "exposure" and severity_level(finding.severity) < _HIGH
        if not together or exposed_little:
            continue
        if severity_level(finding.severity) >= severity_level(combination.severity):
            continue
        sentence = f"{finding.sentence} {combination.addition}"
        return replace(finding, severity=combination.severity, sentence=sentence)
    return finding
