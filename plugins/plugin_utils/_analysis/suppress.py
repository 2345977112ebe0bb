# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""suppress.yml: findings that somebody looked at and allows, of a case or of a whole site.

A finding that is suppressed stays in findings.jsonl with the reason; it is counted, and it accuses nobody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import Finding, Suppressed

NAME = "suppress.yml"
MAX_BYTES = 1 << 20
MAX_ENTRIES = 10_000

# What an entry can name, and where a finding has it; patterns with * and ?. `match` beside is a regular expression.
_TOLD: dict[str, Callable[[Finding], str]] = {
    "id": lambda finding: finding.id,
    "rule": lambda finding: finding.rule,
    "host": lambda finding: finding.host,
    "container": lambda finding: finding.container.name,
    "image": lambda finding: finding.container.image,
    "kind": lambda finding: finding.kind,
    "technique": lambda finding: finding.technique,
}
_KEYS = (*_TOLD, "match", "reason", "until")
_SHORTEST_MATCH = 4


@dataclass(frozen=True)
class Entry:
    """One entry: all of its patterns have to fit. `until` is the last day on which it counts, in UTC."""

    patterns: tuple[tuple[str, str], ...]
    match: re.Pattern[str] | None
    reason: str
    until: date | None
    where: str

    def fits(self, finding: Finding) -> bool:
        if not all(fnmatchcase(_TOLD[key](finding), pattern) for key, pattern in self.patterns):
            return False
        return self.match is None or self.match.search(finding.sentence) is not None


@dataclass(frozen=True)
class Applied:
    """Findings, those that are suppressed at the end and marked; how many each entry took; entries past their day."""

    findings: list[Finding]
    counts: dict[str, int]
    expired: tuple[str, ...]

    @property
    def told(self) -> list[str]:
        """What the table says, a sentence a line; nothing where nothing is suppressed."""
        by_file: dict[str, int] = {}
        for where, count in self.counts.items():
            file = where.rpartition(", entry ")[0]
            by_file[file] = by_file.get(file, 0) + count
        lines = [
            f"{count} finding{'s' if count != 1 else ''} suppressed by {file}"
            for file, count in by_file.items()
        ]
        return lines + [f"{where} is past its day, and suppresses nothing" for where in self.expired]


def files_of(case_dir: Path, more: Sequence[Path] = ()) -> list[Path]:
    """The files that count for a case: its own, that of the folder of all cases, and those that were named."""
    usual = [path for path in (case_dir / NAME, case_dir.parent / NAME) if path.is_file()]
    return list(dict.fromkeys([*usual, *more]))


def load(case_dir: Path, more: Sequence[Path] = ()) -> list[Entry]:
    """All entries that count for a case. Raises InvalidOption, naming file and entry and what to write instead."""
    entries: list[Entry] = []
    for path in files_of(case_dir, more):
        entries += _read(path)
    return entries


def apply(findings: Iterable[Finding], entries: Sequence[Entry], today: date | None = None) -> Applied:
    """Mark what an entry fits; the first that does counts. What is marked stands behind the rest."""
    day = today or datetime.now(UTC).date()
    valid = [entry for entry in entries if entry.until is None or entry.until >= day]
    counts: dict[str, int] = {}
    kept: list[Finding] = []
    marked: list[Finding] = []
    for finding in findings:
        entry = next((entry for entry in valid if entry.fits(finding)), None)
        if entry is None:
            kept.append(finding)
            continue
        counts[entry.where] = counts.get(entry.where, 0) + 1
        marked.append(replace(finding, suppressed=Suppressed(entry.reason, entry.where)))
    return Applied(kept + marked, counts, tuple(entry.where for entry in entries if entry not in valid))


def _read(path: Path) -> list[Entry]:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        loaded = yaml.safe_load(raw) if len(raw) <= MAX_BYTES else None
    except OSError as exc:
        raise InvalidOption(
            f"{path} cannot be read ({exc.strerror}): name another, or leave it out."
        ) from exc
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        first = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
        raise InvalidOption(
            f"{path} is no YAML ({first}): see docs/findings.md for what it looks like."
        ) from exc
    entries = loaded.get("suppress") if isinstance(loaded, dict) and len(loaded) == 1 else None
    if not isinstance(entries, list) or len(entries) > MAX_ENTRIES:
        raise InvalidOption(
            f"{path} has to be a mapping with one key, suppress, and below it a list of entries such as"
            " {rule: host-path, image: 'quay.io/prometheus/*', reason: It reads the host's figures}."
        )
    return [_entry(path, number, entry) for number, entry in enumerate(entries, 1)]


def _entry(path: Path, number: int, entry: Any) -> Entry:
    where = f"{path.name}, entry {number}"
    if not isinstance(entry, dict):
        raise InvalidOption(
            f"{path}, entry {number} is {_kind(entry)}; write a mapping, such as rule: host-path."
        )
    unknown = sorted(str(key) for key in entry if key not in _KEYS)
    if unknown:
        raise InvalidOption(
            f"{path}, entry {number} has {', '.join(unknown)}, which is not known: use {', '.join(_KEYS)}."
        )
    for key, value in entry.items():
        if key != "until" and (not isinstance(value, str) or not value.strip()):
            raise InvalidOption(f"{path}, entry {number}: {key} is {_kind(value)}; write text, in quotes.")
    if "reason" not in entry:
        raise InvalidOption(
            f"{path}, entry {number} has no reason: say why this may be, for who reads it later."
        )
    patterns = tuple((key, entry[key]) for key in _TOLD if key in entry)
    matching = _pattern(path, number, entry.get("match"))
    if matching is None and all(not pattern.strip("*?") for _key, pattern in patterns):
        raise InvalidOption(
            f"{path}, entry {number} would suppress everything: name a rule, a container, an image, a host or an id."
        )
    return Entry(patterns, matching, entry["reason"].strip(), _day(path, number, entry.get("until")), where)


def _pattern(path: Path, number: int, text: str | None) -> re.Pattern[str] | None:
    if text is None:
        return None
    try:
        found = re.compile(text)
    except re.error as exc:
        raise InvalidOption(f"{path}, entry {number}: match is no regular expression ({exc}).") from exc
    if len(text) < _SHORTEST_MATCH or found.search(""):
        raise InvalidOption(
            f"{path}, entry {number}: match would fit everything; write more of the sentence."
        )
    return found


def _day(path: Path, number: int, value: Any) -> date | None:
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise InvalidOption(
            f"{path}, entry {number}: until is {value!r}; write a day such as 2027-01-31."
        ) from None


def _kind(value: Any) -> str:
    return "empty" if value in (None, "") else f"of type {type(value).__name__}"
