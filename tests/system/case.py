# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A case on the controller, read the way a stranger would: plain files, bagit, sha256."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bagit

SEVERITIES = ("info", "low", "medium", "high", "critical")
BESIDE_THE_HOSTS = (
    "custody.jsonl",
    "hosts.jsonl",
    "findings.jsonl",
    "containments.jsonl",
    "compromised.yml",
)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@dataclass(frozen=True)
class Bag:
    """One bag of a host."""

    path: Path

    @property
    def outcomes(self) -> list[dict[str, Any]]:
        return lines(self.path / "data" / "outcomes.jsonl")

    def document(self, container_id: str, name: str) -> Any:
        return json.loads((self.path / "data" / "containers" / container_id[:12] / name).read_text())

    def rows(self, container_id: str, name: str) -> list[dict[str, Any]]:
        return lines(self.path / "data" / "containers" / container_id[:12] / name)

    def check(self) -> None:
        """As bagit.py --validate does; raises bagit.BagError."""
        bagit.Bag(str(self.path)).validate()


@dataclass(frozen=True)
class Case:
    """The folder of a case."""

    path: Path

    def bags(self, host: str) -> list[Bag]:
        return [Bag(path) for path in sorted((self.path / host).iterdir())]

    def bag(self, host: str) -> Bag:
        (bag,) = self.bags(host)
        return bag

    @property
    def hosts(self) -> dict[str, dict[str, Any]]:
        """The last row of each host."""
        return {row["host"]: row for row in lines(self.path / "hosts.jsonl")}

    @property
    def custody(self) -> list[dict[str, Any]]:
        return lines(self.path / "custody.jsonl")

    @property
    def all_findings(self) -> list[dict[str, Any]]:
        return lines(self.path / "findings.jsonl")

    def findings(self, host: str, container: str, kind: str | None = None) -> list[dict[str, Any]]:
        return [
            finding
            for finding in lines(self.path / "findings.jsonl")
            if (finding["host"], finding["container"]["name"]) == (host, container)
            and kind in (None, finding["kind"])
        ]

    def check_chain(self) -> None:
        """Each line of the custody log has the hash of the one before."""
        previous = "0" * 64
        for number, line in enumerate(
            (self.path / "custody.jsonl").read_bytes().splitlines(keepends=True), 1
        ):
            row = json.loads(line)
            assert (row["seq"], row["previous"]) == (number, previous)
            previous = hashlib.sha256(line).hexdigest()


def at_least(severity: str, findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    least = SEVERITIES.index(severity)
    return [finding for finding in findings if SEVERITIES.index(finding["severity"]) >= least]
