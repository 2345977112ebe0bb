# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many of the lab's break-ins the rules find, and how many of its innocent neighbours they accuse.

    .venv/bin/python bench/accuracy.py                      # the evidence recorded from the lab
    .venv/bin/python bench/accuracy.py --case evidence/ZOO  # a triage of `lab/lab up --scenes all`

A break-in is found when every rule that its scene expects tells of it with at least medium; a neighbour is accused by
any sign of a break-in of at least medium. Prints Markdown; the exit code is 1 where one was missed or accused.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from measure import row

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evaluate import evaluate
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import CaseEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import Finding, severity_level
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.unpack_case import unpack

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "tests" / "unit" / "fixtures" / "cases" / "zoo.jsonl"
_MEDIUM = severity_level("medium")


@dataclass(frozen=True)
class Verdict:
    """One container of a scene: what the rules said of it, and what they should have."""

    scene: str
    host: str
    breach: bool
    expected: frozenset[str]
    findings: list[Finding] = field(default_factory=list)

    @property
    def told(self) -> set[str]:
        """Rules that told of it with at least medium."""
        return {finding.rule for finding in self.findings if severity_level(finding.severity) >= _MEDIUM}

    @property
    def accused(self) -> set[str]:
        """Of these the signs of a break-in."""
        return {rule for rule in self.told for finding in self.findings if _accuses(finding, rule)}

    @property
    def missed(self) -> set[str]:
        """Rules that should have told of it."""
        return set(self.expected - self.told)


def _accuses(finding: Finding, rule: str) -> bool:
    grave = severity_level(finding.severity) >= _MEDIUM
    return finding.rule == rule and finding.kind == "intrusion" and grave


def judge(case: Path) -> list[Verdict]:
    """A verdict for each container of the case that is a scene."""
    scenes = {
        path.parent.name: tomllib.loads(path.read_text()) for path in ROOT.glob("lab/scenes/*/scene.toml")
    }
    by_container: dict[tuple[str, str], list[Finding]] = {}
    for finding in evaluate(case):
        by_container.setdefault((finding.host, finding.container.id), []).append(finding)
    verdicts = []
    for container in CaseEvidence(case).containers:
        name, host = container.name.name, container.bag.host
        if name in scenes:
            expected = frozenset(scenes[name].get("expect", ()))
            found = by_container.get((host, container.id), [])
            verdicts.append(Verdict(name, host, scenes[name]["kind"] == "breach", expected, found))
    return verdicts


def report(verdicts: Iterable[Verdict]) -> tuple[str, bool]:
    """The tables as Markdown, and whether all is as it should be."""
    rows = list(verdicts)
    breaches = [verdict for verdict in rows if verdict.breach]
    neighbours = [verdict for verdict in rows if not verdict.breach]
    found = [verdict for verdict in breaches if not verdict.missed]
    accused = [verdict for verdict in neighbours if verdict.accused]
    precision = len(found) / max(1, len(found) + len(accused))
    recall = len(found) / max(1, len(breaches))
    lines = [
        row("break-ins", "found", "recall", "neighbours", "accused", "precision"),
        row(*["---"] * 6),
        row(len(breaches), len(found), f"{recall:.1%}", len(neighbours), len(accused), f"{precision:.1%}"),
        "",
        row("scene", "kind", "told of by (at least medium)", "missed"),
        row(*["---"] * 4),
    ]
    for verdict in sorted(rows, key=lambda one: (not one.breach, one.scene, one.host)):
        kind = "break-in" if verdict.breach else "neighbour"
        told = verdict.told if verdict.breach else verdict.accused
        lines.append(row(verdict.scene, kind, ", ".join(sorted(told)), ", ".join(sorted(verdict.missed))))
    return "\n".join(lines), len(found) == len(breaches) and not accused


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--case", type=Path, help="a case of the lab with all scenes (default: the recorded one)"
    )
    parser.add_argument("--json", action="store_true", help="the counts alone, as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        case = options.case or unpack(RECORDED, Path(folder))
        verdicts = judge(case)
    text, all_well = report(verdicts)
    print(json.dumps(counts(verdicts)) if options.json else text)
    return 0 if all_well else 1


def counts(verdicts: list[Verdict]) -> dict[str, int]:
    """The four numbers that the shares are made of."""
    breaches = [verdict for verdict in verdicts if verdict.breach]
    neighbours = [verdict for verdict in verdicts if not verdict.breach]
    return {
        "breaches": len(breaches),
        "found": sum(not verdict.missed for verdict in breaches),
        "neighbours": len(neighbours),
        "accused": sum(bool(verdict.accused) for verdict in neighbours),
    }


if __name__ == "__main__":
    sys.exit(main())
