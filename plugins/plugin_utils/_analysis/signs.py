# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How rules say what they found: a sign, turned into a finding once the container is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import wording
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    Confidence,
    EvidenceRef,
    Finding,
    Kind,
    Severity,
    finding_id,
)

MAX_REFS = 20  # evidence lines of one finding; the sentence tells how many there are


@dataclass(frozen=True)
class Sign:
    """What a rule reports. `key` tells signs of one rule in one container apart and holds no PID, so that
    the same sign seen again is the same finding. `module` and `options` make the next command."""

    rule: str
    key: str
    severity: Severity
    confidence: Confidence
    sentence: str
    technique: str
    evidence: Sequence[EvidenceRef]
    module: str
    options: str = ""
    kind: Kind = "intrusion"


def to_finding(sign: Sign, container: ContainerEvidence) -> Finding:
    """The finding of a sign in a container."""
    host, name = container.bag.host, container.name
    return Finding(
        id=finding_id(sign.rule, host, container.id, sign.key),
        kind=sign.kind,
        host=host,
        container=name,
        severity=sign.severity,
        confidence=sign.confidence,
        rule=sign.rule,
        sentence=sign.sentence,
        technique=sign.technique,
        evidence=tuple(sign.evidence[:MAX_REFS]),
        next=wording.info_command(sign.module, host, name.name, container.id, sign.options),
    )
