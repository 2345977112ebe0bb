# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""attack-layer.json: the techniques of a case as a layer of the ATT&CK Navigator, the gravest the darkest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    SEVERITIES,
    severity_level,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.found import Found, read_findings
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.sorting import replaced
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain

LAYER = "attack-layer.json"
_VERSIONS = {"attack": "16", "navigator": "5.1.0", "layer": "4.5"}
_COLORS = ("#d9d9d9", "#fee391", "#fe9929", "#d7301f", "#7f0000")  # by severity
_SENTENCES = 5


def write_navigator(case_dir: Path) -> Path:
    """Write attack-layer.json (0600) into the case, whole or not at all, and return its path. Raises OSError.

    The findings are those of findings.jsonl: write that first. Suppressed ones are left out.
    """
    target = case_dir / LAYER
    with replaced(target) as stream:
        stream.write(json.dumps(layer(case_dir.name, read_findings(case_dir)), indent=1).encode() + b"\n")
    return target


def layer(case: str, findings: Iterable[Found]) -> dict[str, Any]:
    """The layer of some findings, in format 4.5."""
    grouped: dict[str, list[Found]] = {}
    for finding in findings:
        if finding.technique and finding.suppressed is None:
            grouped.setdefault(finding.technique, []).append(finding)
    return {
        "name": f"Case {plain(case, 64)}",
        "description": "Techniques of the findings; the score is the severity of the gravest.",
        "domain": "enterprise-attack",
        "versions": _VERSIONS,
        "sorting": 3,
        "hideDisabled": False,
        "techniques": [_technique(technique, grouped[technique]) for technique in sorted(grouped)],
        "gradient": {"colors": list(_COLORS), "minValue": 0, "maxValue": len(SEVERITIES) - 1},
        "legendItems": [
            {"label": name, "color": color} for name, color in zip(SEVERITIES, _COLORS, strict=True)
        ],
    }


def _technique(technique: str, findings: list[Found]) -> dict[str, Any]:
    level = max(severity_level(finding.severity) for finding in findings)
    where = sorted({f"{plain(f.host, 60)}/{plain(f.container.name, 60)}" for f in findings})
    sentences = list(dict.fromkeys(plain(finding.sentence, 300) for finding in findings))
    return {
        "techniqueID": technique,
        "score": level,
        "color": _COLORS[level],
        "enabled": True,
        "showSubtechniques": "." in technique,
        "comment": "\n".join(sentences[:_SENTENCES]),
        "metadata": [
            {"name": "findings", "value": str(len(findings))},
            {"name": "containers", "value": ", ".join(where[:20])},
        ],
    }
