# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    CONFIDENCES,
    SEVERITIES,
    confidence_level,
    severity_level,
)

Finding = dict[str, Any]


def findings(
    value: str | Iterable[Finding],
    severity: str = "info",
    *,
    confidence: str = "low",
    kind: str | None = None,
    host: str | list[str] | None = None,
    container: str | list[str] | None = None,
    rule: str | list[str] | None = None,
    technique: str | None = None,
    suppressed: bool = False,
    limit: int | None = None,
) -> list[Finding]:
    """Those of some findings that are at least so grave and match, the most urgent first."""
    if severity not in SEVERITIES:
        raise AnsibleFilterError(f"severity cannot be {severity!r}: it is one of {', '.join(SEVERITIES)}.")
    if confidence not in CONFIDENCES:
        raise AnsibleFilterError(
            f"confidence cannot be {confidence!r}: it is one of {', '.join(CONFIDENCES)}."
        )
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
        raise AnsibleFilterError(f"limit cannot be {limit!r}: it is a number from 0 on.")
    kept = [
        finding
        for finding in _read(value)
        if severity_level(finding["severity"]) >= severity_level(severity)
        and confidence_level(finding.get("confidence", "low")) >= confidence_level(confidence)
        and (suppressed or not finding.get("suppressed"))
        and kind in (None, finding.get("kind"))
        and _is_one(finding.get("host"), host)
        and _is_one(_name(finding), container)
        and _is_one(finding.get("rule"), rule)
        and _of_technique(finding.get("technique"), technique)
    ]
    return sorted(kept, key=_weight)[:limit]


def _read(value: str | Iterable[Finding]) -> list[Finding]:
    """Findings as a list, or as the text of findings.jsonl."""
    if isinstance(value, str):
        try:
            rows: list[Any] = [json.loads(line) for line in value.splitlines() if line.strip()]
        except (ValueError, RecursionError) as exc:
            raise AnsibleFilterError(f"findings wants the lines of findings.jsonl: {exc}.") from exc
    else:
        rows = (
            list(value) if isinstance(value, Iterable) and not isinstance(value, (dict, bytes)) else [value]
        )
    for row in rows:
        if not isinstance(row, dict) or row.get("severity") not in SEVERITIES:
            raise AnsibleFilterError(
                "findings wants a list of findings, or the text of findings.jsonl; what it was given has a member"
                f" without a severity: {str(row)[:100]!r}."
            )
        if row.get("confidence", "low") not in CONFIDENCES:
            raise AnsibleFilterError(f"A finding has the confidence {str(row['confidence'])[:100]!r}.")
    return rows


def _name(finding: Finding) -> Any:
    container = finding.get("container")
    return container.get("name") if isinstance(container, dict) else None


def _is_one(value: Any, wanted: str | list[str] | None) -> bool:
    return wanted is None or value in ([wanted] if isinstance(wanted, str) else list(wanted))


def _of_technique(value: Any, wanted: str | None) -> bool:
    """T1059 takes its sub-techniques along."""
    return wanted is None or value == wanted or str(value).startswith(f"{wanted}.")


def _weight(finding: Finding) -> tuple[int, bool, int, str, str, str]:
    return (
        -severity_level(finding["severity"]),
        finding.get("kind") != "intrusion",
        -confidence_level(finding.get("confidence", "low")),
        str(finding.get("host")),
        str(_name(finding)),
        str(finding.get("id")),
    )


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"findings": findings}
