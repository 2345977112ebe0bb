# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which container to look at first, over all hosts of a case. Pure over findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    ContainerName,
    Finding,
    Severity,
    confidence_level,
    severity_level,
)

_MEDIUM = severity_level("medium")


@dataclass(frozen=True)
class RankedContainer:
    """A container and why it is where it is. `findings` are its own, the strongest first."""

    host: str
    container: ContainerName
    findings: tuple[Finding, ...]

    @property
    def severity(self) -> Severity:
        """The highest severity of any finding."""
        return max((finding.severity for finding in self.findings), key=severity_level)

    @property
    def intrusion(self) -> Severity | None:
        """The highest severity among signs of a break-in, None where there is none."""
        levels = (finding.severity for finding in self.findings if finding.kind == "intrusion")
        return max(levels, key=severity_level, default=None)

    @property
    def suspicious(self) -> bool:
        """Whether a sign of a break-in is more than faint: at least medium."""
        return self.intrusion is not None and severity_level(self.intrusion) >= _MEDIUM

    @property
    def exposed(self) -> bool:
        """Whether an intruder could get out, to a degree of at least medium, without being suspected in it."""
        return not self.suspicious and any(
            finding.kind == "exposure" and severity_level(finding.severity) >= _MEDIUM
            for finding in self.findings
        )

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences of the findings, the strongest first."""
        return tuple(finding.sentence for finding in self.findings)


def weight(finding: Finding) -> tuple[int, int, int, str, str]:
    """Sort key, strongest first: signs of a break-in before exposures of the same severity."""
    return (
        -severity_level(finding.severity),
        0 if finding.kind == "intrusion" else 1,
        -confidence_level(finding.confidence),
        finding.rule,
        finding.id,
    )


def rank(findings: Iterable[Finding]) -> list[RankedContainer]:
    """Containers with findings, the most urgent first.

    A container with a sign of a break-in of at least medium comes before one that is merely exposed, then the
    higher severity counts, how many different rules agree on it, and the names (so that the order is stable).
    """
    grouped: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        grouped.setdefault((finding.host, finding.container.id), []).append(finding)
    ranked = [
        RankedContainer(host, group[0].container, tuple(sorted(group, key=weight)))
        for (host, _dummy), group in grouped.items()
    ]
    return sorted(ranked, key=_urgency)


def _urgency(entry: RankedContainer) -> tuple[int, int, int, int, str, str, str]:
    intrusion = severity_level(entry.intrusion or "info") if entry.suspicious else 0
    top = severity_level(entry.severity)
    agreeing = {f.rule for f in entry.findings if severity_level(f.severity) == top}
    confidence = max(confidence_level(f.confidence) for f in entry.findings)
    name = entry.container.name
    return (-intrusion, -top, -len(agreeing), -confidence, entry.host, name, entry.container.id)
