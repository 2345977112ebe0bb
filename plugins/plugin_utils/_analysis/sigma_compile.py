# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sigma rules: read from files, and turned into conditions in SQL by pySigma. The one place that imports it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import schema
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import Confidence, Severity
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.sigma_sources import Table, table_for

OWN_RULES = Path(__file__).parent / "sigma_rules"
MAX_FILE_BYTES = 1 << 20
MAX_FILES = 50_000

_LEVELS: dict[str, Severity] = {
    "informational": "info",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "critical": "critical",
}
_STATUSES: dict[str, Confidence] = {"stable": "high", "test": "medium"}
_TECHNIQUE = re.compile(r"attack\.(t[0-9]{4}(?:\.[0-9]{3})?)", re.IGNORECASE)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Query:
    """A rule as SQL: rows of `table` for which one of `conditions` holds. `missing` are fields it asks for that a
    case does not have; `blind` that without them it can never match."""

    table: Table
    conditions: tuple[str, ...]
    missing: tuple[str, ...]
    blind: bool


@dataclass(frozen=True)
class SigmaRule:
    """What a finding says of its rule."""

    name: str
    title: str
    severity: Severity
    confidence: Confidence
    technique: str
    exposure: bool


@dataclass(frozen=True)
class Unusable:
    """Why a rule is not used. `failed` tells a rule with a fault from one that has no log source here."""

    reason: str
    failed: bool


def is_available() -> bool:
    """Whether pySigma and its backend for SQLite are installed on the controller."""
    try:
        return find_spec("sigma.backends.sqlite") is not None
    except ModuleNotFoundError:
        return False


def documents(path: Path) -> Iterator[tuple[Path, dict[str, Any] | Unusable]]:
    """The rules of a file, or of all below a folder, in a stable order; what is no rule at all is passed over.

    Raises CordonError where there is nothing at the path.
    """
    if path.is_file():
        files = [path]
    elif path.is_dir():
        found = (file for file in path.rglob("*.y*ml") if not _is_hidden(file.relative_to(path)))
        files = sorted(file for file in found if file.suffix in (".yml", ".yaml") and file.is_file())
    else:
        raise CordonError(
            f"There are no Sigma rules at {path}: name a rule, or a folder such as a checkout of SigmaHQ."
        )
    for file in files[:MAX_FILES]:
        yield from ((file, document) for document in _read(file))


def _is_hidden(relative: Path) -> bool:
    return any(part.startswith(".") for part in relative.parts)


def _read(file: Path) -> Iterator[dict[str, Any] | Unusable]:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            yield Unusable(f"The file is larger than {MAX_FILE_BYTES >> 20} MiB.", True)
            return
        loaded = list(yaml.load_all(raw, Loader=_LOADER))
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as exc:
        yield Unusable(f"It cannot be read: {_first_line(exc)}", True)
        return
    for document in loaded:
        if isinstance(document, dict) and ("detection" in document or "correlation" in document):
            yield document


class Compiler:
    """Turns rules into SQL. Raises CordonError where pySigma is not installed."""

    def __init__(self) -> None:
        self._backends: dict[str, Any] = {}
        try:
            import sigma.backends.sqlite  # noqa: F401 - so that its lack is told here
            from sigma.rule import SigmaRule as Parsed
        except ImportError as exc:
            raise CordonError(
                "Sigma rules need pySigma on the controller: pip install pysigma pysigma-backend-sqlite"
            ) from exc
        self._parse = Parsed.from_dict

    def compiled(self, document: dict[str, Any]) -> Query | Unusable:
        """The rule as SQL, or why it cannot be used."""
        if "correlation" in document:
            return Unusable("It correlates other rules, which is not done here.", True)
        logsource = document.get("logsource")
        table = table_for(logsource if isinstance(logsource, dict) else {})
        if isinstance(table, str):
            return Unusable(table, False)
        backend = self._backends.setdefault(table.name, _backend(table))
        backend.missing.clear()
        try:
            rule = self._parse(document)
            conditions = tuple(str(condition) for condition in backend.convert_rule(rule))
            parsed = [condition.parsed for condition in rule.detection.parsed_condition]
        except Exception as exc:  # noqa: BLE001 - whatever a rule has in it, the others are used
            return Unusable(f"pySigma cannot convert it: {_first_line(exc)}", True)
        columns = frozenset(table.columns)
        blind = all(_never(condition, columns) for condition in parsed)
        return Query(table, conditions, tuple(sorted(backend.missing)), blind)


def described(document: dict[str, Any], file: Path) -> SigmaRule:
    """What a finding says of the rule."""
    tags = document.get("tags")
    found = [
        match
        for tag in (tags if isinstance(tags, list) else ())
        for match in [_TECHNIQUE.fullmatch(str(tag))]
    ]
    techniques = [match.group(1).upper() for match in found if match]
    return SigmaRule(
        name=f"sigma-{re.sub(r'[^A-Za-z0-9_.-]+', '-', file.stem)[:100]}",
        title=str(document.get("title") or file.stem)[:200],
        severity=_LEVELS.get(str(document.get("level")).lower(), "low"),
        confidence=_STATUSES.get(str(document.get("status")).lower(), "low"),
        technique=techniques[0] if techniques else "",
        exposure=document.get("cordon_kind") == "exposure",
    )


def _first_line(exc: BaseException) -> str:
    text = str(exc).strip() or type(exc).__name__
    return text.splitlines()[0][:300]


def _backend(table: Table) -> Any:
    """pySigma's backend for SQLite, that knows the columns of the table and nothing else: a field that we do not
    have is NULL, so that no name out of a rule gets into the SQL."""
    from sigma.backends.sqlite.sqlite import sqliteBackend

    columns = table.columns

    class Backend(sqliteBackend):
        missing: set[str]

        def escape_and_quote_field(self, field: str) -> str:
            known = columns.get(field.lower())
            if known is None:
                self.missing.add(field)
                return "NULL"
            return schema.quoted(known)

        def finalize_query_default(self, rule: Any, query: Any, index: int, state: Any) -> Any:
            del rule, index, state
            return query

    made: Any = Backend(fulltext_field=table.text)  # type: ignore[no-untyped-call]
    made.missing = set()
    return made


def _never(condition: Any, columns: frozenset[str]) -> bool:
    """Whether the condition asks for a field that is not there, so that nothing can match it."""
    kind = type(condition).__name__
    if kind == "ConditionAND":
        return any(_never(arg, columns) for arg in condition.args)
    if kind == "ConditionOR":
        return all(_never(arg, columns) for arg in condition.args)
    if kind == "ConditionFieldEqualsValueExpression":
        absent = type(condition.value).__name__ in ("SigmaNull", "SigmaExists")
        return condition.field is not None and condition.field.lower() not in columns and not absent
    return False
