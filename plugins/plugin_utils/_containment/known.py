# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the case knows of the containers of one host: of which it has evidence, and what speaks against them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import suppress, values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evaluate import evaluate
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import (
    CaseEvidence,
    ContainerEvidence,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import severity_level
from ansible_collections.cordon.docker.plugins.plugin_utils._case.names import host_folder

_FINDINGS = "findings.jsonl"
_ID = re.compile(r"[0-9a-f]{64}")
_SHORT = 12


@dataclass(frozen=True)
class Known:
    """Evidence of the containers of a host, by their full ID; `names` are those they had, the newest first."""

    case_dir: Path
    host: str
    names: dict[str, str]
    newest: float

    @classmethod
    def of(cls, case_dir: Path, host: str) -> Known:
        """What the case has now. Raises OSError where the case cannot be read."""
        case = CaseEvidence(case_dir, host_folder(host))
        names = {_id(container): container.name.name for container in case.containers}
        ages = (bag.path.stat().st_mtime for bag in case.bags())
        return cls(case_dir, host, names, max(ages, default=0.0))

    @property
    def any(self) -> bool:
        return self.newest > 0

    def match(self, asked: Iterable[str]) -> tuple[dict[str, str], list[str]]:
        """The IDs of those that are named, each with how it was asked for, and the names that are not here."""
        found: dict[str, str] = {}
        rest: list[str] = []
        for name in asked:
            container = self._find(name.lstrip("/"))
            if container is None:
                rest.append(name)
            else:
                found.setdefault(container, name)
        return found, rest

    def has(self, container: str) -> bool:
        return container in self.names or container[:_SHORT] in self.names

    def suspected(self, threshold: str) -> list[str]:
        """IDs of containers with a sign of a break-in at or above the threshold. An exposure is none."""
        least = severity_level(threshold)
        found = {
            short
            for short, kind, severity in self._findings()
            if kind == "intrusion" and severity_level(severity) >= least
        }
        return [container for container in self.names if container[:_SHORT] in found]

    def _find(self, name: str) -> str | None:
        for container, known in self.names.items():
            if name == known or (len(name) >= _SHORT and container.startswith(name)):
                return container
        return None

    def _findings(self) -> Iterable[tuple[str, str, str]]:
        """Short ID, kind and severity: as the responder saw them, or anew where there is evidence since."""
        written = self.case_dir / _FINDINGS
        try:
            if written.stat().st_mtime >= self.newest:
                return self._written(written.read_bytes())
        except OSError:
            pass
        found = evaluate(self.case_dir, host_folder(self.host))
        anew = suppress.apply(found, suppress.load(self.case_dir)).findings
        return [(f.container.id, f.kind, f.severity) for f in anew if f.suppressed is None]

    def _written(self, lines: bytes) -> list[tuple[str, str, str]]:
        mine = json.dumps(self.host, ensure_ascii=False).encode("utf-8", "backslashreplace")
        rows = (values.record(values.parse(line)) for line in lines.splitlines() if mine in line)
        return [
            (values.text(values.record(row.get("container")).get("id")), row["kind"], row["severity"])
            for row in rows
            if row.get("host") == self.host and {"kind", "severity"} <= set(row) and "suppressed" not in row
        ]


def _id(container: ContainerEvidence) -> str:
    """The full ID where the evidence has one that fits its folder, else the folder's twelve digits."""
    told = values.text(container.inspect.get("Id"), 64)
    return told if _ID.fullmatch(told) and told.startswith(container.id) else container.id
