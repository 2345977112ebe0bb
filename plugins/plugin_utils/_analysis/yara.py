# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YARA rules over what a case holds of files: preserved executables and memory, members of archives, and the heads
of server-side code that triage brings. Nothing is unpacked to the disk, and time and size are bounded a file.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import wording
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    SEVERITIES,
    EvidenceRef,
    Finding,
    Severity,
    finding_id,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import MAX_REFS
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.yara_targets import Target, targets

WINDOW_BYTES = 32 << 20  # scanned at once; the next begins a little before this one ends
OVERLAP_BYTES = 64 << 10
MAX_FILE_BYTES = 1 << 30
SECONDS_A_WINDOW = 10
SECONDS_IN_ALL = 600.0
MAX_RULE_FILE_BYTES = 32 << 20
_ENDINGS = (".yar", ".yara", ".rule")
_TECHNIQUE = re.compile(r"\bT[0-9]{4}(?:\.[0-9]{3})?\b")
_HIGH_SCORE, _MEDIUM_SCORE = 75, 50


@dataclass
class Outcome:
    """`rows` are lines of yara.jsonl: rule files that could not be used, files that were not looked at whole."""

    findings: list[Finding] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    rule_files: int = 0
    looked_at: int = 0
    matched: int = 0

    @property
    def counts(self) -> dict[str, int]:
        return {
            "rule_files": self.rule_files,
            "files": self.looked_at,
            "matched": self.matched,
            "left_out": len(self.rows),
        }

    @property
    def told(self) -> str:
        return (
            f"YARA: {self.rule_files} files of rules over {self.looked_at} files of evidence, "
            f"{self.matched} matched, {len(self.rows)} left out in part or whole."
        )


@dataclass
class _Matched:
    """Where a rule matched in one container."""

    container: ContainerEvidence
    meta: dict[str, Any]
    places: list[Target] = field(default_factory=list)


def run(case_dir: Path, paths: Sequence[Path]) -> Outcome:
    """Compile the rules of files and folders, and look at everything. The same rule in two files counts twice.

    Raises CordonError where yara-x or a path is missing, or no rule can be used.
    """
    outcome = Outcome()
    scanner = _compiled(paths, outcome)
    found: dict[tuple[str, str, str], _Matched] = {}
    end = time.monotonic() + SECONDS_IN_ALL
    for target in targets(case_dir, outcome.rows):
        if time.monotonic() > end:
            outcome.rows.append(
                {"file": target.told, "reason": f"The {SECONDS_IN_ALL:.0f} s for all were over."}
            )
            break
        outcome.looked_at += 1
        rules = _scan(scanner, target, outcome)
        outcome.matched += bool(rules)
        for (namespace, name), meta in rules.items():
            key = (f"{namespace}/{name}", target.container.bag.host, target.container.id)
            found.setdefault(key, _Matched(target.container, meta)).places.append(target)
    outcome.findings = [_finding(key[0], matched) for key, matched in found.items()]
    return outcome


def _compiled(paths: Sequence[Path], outcome: Outcome) -> Any:
    try:
        import yara_x
    except ImportError as exc:
        raise CordonError("YARA rules need yara-x on the controller: pip install yara-x") from exc
    compiler = yara_x.Compiler()
    for file in _rule_files(paths):
        try:
            compiler.new_namespace(str(file))
            compiler.add_source(_source(file), origin=str(file))
            outcome.rule_files += 1
        except (yara_x.CompileError, OSError, ValueError) as exc:
            told = (str(exc).strip() or type(exc).__name__).splitlines()
            outcome.rows.append({"file": str(file), "reason": f"It cannot be used as rules: {told[0][:300]}"})
    if not outcome.rule_files:
        named = ", ".join(str(path) for path in paths)
        why = f" The first: {outcome.rows[0]['reason']}" if outcome.rows else ""
        raise CordonError(f"There are no YARA rules that can be used at {named}.{why}")
    scanner = yara_x.Scanner(compiler.build())
    scanner.set_timeout(SECONDS_A_WINDOW)
    scanner.max_matches_per_pattern(100)
    return scanner


def _rule_files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.suffix in _ENDINGS and file.is_file())
        elif path.is_file():
            yield path
        else:
            raise CordonError(
                f"There are no YARA rules at {path}: name a file of rules, or a folder of them."
            )


def _source(file: Path) -> str:
    with file.open("rb") as stream:
        raw = stream.read(MAX_RULE_FILE_BYTES + 1)
    if len(raw) > MAX_RULE_FILE_BYTES:
        raise ValueError(f"it is larger than {MAX_RULE_FILE_BYTES >> 20} MiB")
    return raw.decode("utf-8", "replace")


def _scan(scanner: Any, target: Target, outcome: Outcome) -> dict[tuple[str, str], dict[str, Any]]:
    """Rules that match in a file, with their metadata; what could not be looked at goes to the rows."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    try:
        with target.open() as stream:
            for window in _windows(stream):
                for rule in scanner.scan(window).matching_rules:
                    found[rule.namespace, rule.identifier] = dict(rule.metadata)
            if stream.read(1):
                reason = f"Only its first {MAX_FILE_BYTES >> 20} MiB were looked at."
                outcome.rows.append({"file": target.told, "reason": reason})
    except Exception as exc:  # noqa: BLE001 - yara-x raises types of its own; one file must not end the rest
        told = f"Not looked at to its end: {type(exc).__name__}: {str(exc)[:200]}"
        outcome.rows.append({"file": target.told, "reason": told})
    return found


def _windows(stream: IO[bytes]) -> Iterator[bytes]:
    """Pieces that overlap, up to the bound."""
    left, kept = MAX_FILE_BYTES, b""
    while left > 0:
        block = stream.read(min(WINDOW_BYTES, left))
        if not block:
            return
        left -= len(block)
        yield kept + block
        kept = block[-OVERLAP_BYTES:]


def _finding(key: str, matched: _Matched) -> Finding:
    name = key.rpartition("/")[2]
    container, first = matched.container, matched.places[0]
    more = len(matched.places) - 1
    others = f" and {more} more" if more else ""
    about = wording.plain(str(matched.meta.get("description") or ""), 160).rstrip(".")
    rule = f"yara-{re.sub(r'[^A-Za-z0-9_]+', '-', name)[:100]}"
    module = "container_top_info" if first.is_process else "container_diff_info"
    return Finding(
        id=finding_id(rule, container.bag.host, container.id, key),
        kind="intrusion",
        host=container.bag.host,
        container=container.name,
        severity=_severity(matched.meta),
        confidence="medium",
        rule=rule,
        sentence=f"YARA rule {name} matches {wording.plain(first.shown, 160)}{others}"
        + (f": {about}." if about else "."),
        technique=_technique(matched.meta),
        evidence=tuple(_refs(matched.places)),
        next=wording.info_command(module, container.bag.host, container.name.name, container.id),
    )


def _refs(places: Sequence[Target]) -> list[EvidenceRef]:
    return list(dict.fromkeys(place.ref for place in places))[:MAX_REFS]


def _severity(meta: dict[str, Any]) -> Severity:
    """As the rule says it: by `severity`, or by the `score` of 0 to 100 that many collections have."""
    told = str(meta.get("severity") or "").lower()
    for severity in SEVERITIES:
        if told == severity:
            return severity
    score = meta.get("score")
    if isinstance(score, int) and not isinstance(score, bool):
        return "high" if score >= _HIGH_SCORE else "medium" if score >= _MEDIUM_SCORE else "low"
    return "high"


def _technique(meta: dict[str, Any]) -> str:
    found = _TECHNIQUE.search(" ".join(str(value) for value in meta.values() if isinstance(value, str)))
    return found.group() if found else ""
