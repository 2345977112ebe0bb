# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sigma rules over case.sqlite: findings, and what became of each rule.

Rules are the responder's and trusted to be what they are; the evidence is not. A rule has bounded time whatever the
evidence makes of it, and the database is open for reading only.
"""

from __future__ import annotations

import re
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import (
    database,
    schema,
    sigma_compile,
    wording,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    ContainerName,
    EvidenceRef,
    Finding,
    finding_id,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.sigma_compile import (
    Query,
    SigmaRule,
    Unusable,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import MAX_REFS

Status = Literal["used", "blind", "no log source", "failed"]
STATUSES: tuple[Status, ...] = ("used", "blind", "no log source", "failed")

SECONDS_A_RULE = 5.0
SECONDS_IN_ALL = 120.0
MAX_ROWS = 10_000  # that one rule may match
_MAX_REGEX_TEXT = 8192
_STEPS = 20_000  # of SQLite's machine between two looks at the clock

# What a row of a table is called, the module that shows it, and the column that is quoted.
_SHOWN = {
    "process_creation": ("process", "container_top_info", "CommandLine"),
    "file_event": ("file", "container_diff_info", "TargetFilename"),
    "network_connection": ("connection", "container_top_info", "Image"),
    "webserver": ("request", "container_logs_info", "cs-uri"),
    "log": ("line of the log", "container_logs_info", "message"),
    "container": ("setting", "container_info", "command"),
    "event": ("event", "container_info", "command"),
}


@dataclass(frozen=True)
class RuleUse:
    """What became of a rule: one line of sigma.jsonl."""

    file: str
    title: str
    status: Status
    reason: str = ""
    rows: int = 0
    containers: int = 0
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "title": self.title,
            "status": self.status,
            "reason": self.reason,
            "rows": self.rows,
            "containers": self.containers,
            "seconds": round(self.seconds, 4),
        }


@dataclass
class Outcome:
    """All that running rules came to."""

    findings: list[Finding] = field(default_factory=list)
    rules: list[RuleUse] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many rules there were by what became of them, and how many found something."""
        statuses: dict[str, int] = {
            status: sum(rule.status == status for rule in self.rules) for status in STATUSES
        }
        return {**statuses, "matched": sum(rule.rows > 0 for rule in self.rules)}

    @property
    def told(self) -> str:
        """The same in a sentence."""
        counts = self.counts
        usable = len(self.rules) - counts["no log source"]
        return (
            f"Sigma: {counts['used'] + counts['blind']} of {usable} rules with a log source in this case were run, "
            f"{counts['matched']} matched; {counts['blind']} ask for fields that it lacks, {counts['failed']} failed, "
            f"{counts['no log source']} have no log source here."
        )


@dataclass(frozen=True)
class _Hit:
    source: int | None
    line: int | None
    container: int | None
    shown: str


@dataclass(frozen=True)
class _Place:
    host: str
    bag: str
    container: ContainerName


def run(case_database: Path, paths: Sequence[Path], only_host: str | None = None) -> Outcome:
    """The findings of the rules in files or below folders. Rules of `paths` that two folders share run twice.

    Raises CordonError where pySigma or a path is missing, sqlite3.Error where the database cannot be read.
    """
    compiler = sigma_compile.Compiler()
    outcome = Outcome()
    with closing(database.opened(case_database)) as connection:
        runner = _Runner(connection, only_host)
        for path in paths:
            home = path if path.is_dir() else path.parent
            for file, document in sigma_compile.documents(path):
                named = str(file.relative_to(home))
                outcome.rules.append(_use(runner, compiler, named, file, document, outcome.findings))
    return outcome


def _use(
    runner: _Runner,
    compiler: sigma_compile.Compiler,
    named: str,
    file: Path,
    document: dict[str, Any] | Unusable,
    findings: list[Finding],
) -> RuleUse:
    if isinstance(document, Unusable):
        return RuleUse(named, "", "failed", document.reason)
    rule = sigma_compile.described(document, file)
    query = compiler.compiled(document)
    if isinstance(query, Unusable):
        return RuleUse(named, rule.title, "failed" if query.failed else "no log source", query.reason)
    begin = time.monotonic()
    try:
        hits = runner.hits(query)
    except (sqlite3.Error, _OutOfTimeError) as exc:
        took = time.monotonic() - begin
        reason = runner.why_stopped(took) or f"SQLite cannot run it: {exc}"
        return RuleUse(named, rule.title, "failed", reason, seconds=took)
    took = time.monotonic() - begin
    made = [_finding(runner, rule, query, place, group) for place, group in runner.by_container(hits)]
    findings.extend(made)
    missing = ", ".join(query.missing[:10])
    reason = f"A case does not have: {missing}." if missing else ""
    return RuleUse(named, rule.title, "blind" if query.blind else "used", reason, len(hits), len(made), took)


def _finding(runner: _Runner, rule: SigmaRule, query: Query, number: int, hits: list[_Hit]) -> Finding:
    place = runner.places[number]
    what, module, _column = _SHOWN[query.table.name]
    matched = f"a {what}" if len(hits) == 1 else f"{len(hits)} {_many(what)}"
    if what == "event" and len(hits) == 1:
        matched = "an event"
    shown = wording.plain(hits[0].shown, 120)
    return Finding(
        id=finding_id(rule.name, place.host, place.container.id, ""),
        kind="exposure" if rule.exposure else "intrusion",
        host=place.host,
        container=place.container,
        severity=rule.severity,
        confidence=rule.confidence,
        rule=rule.name,
        sentence=f"{wording.plain(rule.title, 120)}: {matched}" + (f", such as `{shown}`." if shown else "."),
        technique=rule.technique,
        evidence=tuple(dict.fromkeys(runner.ref(hit, place) for hit in hits))[:MAX_REFS],
        next=wording.info_command(module, place.host, place.container.name, place.container.id),
    )


def _many(what: str) -> str:
    return {"process": "processes", "line of the log": "lines of the log"}.get(what, f"{what}s")


class _OutOfTimeError(Exception):
    """A rule used up its time inside a regular expression."""


class _Runner:
    """Runs one query after the other, each within its time."""

    def __init__(self, connection: sqlite3.Connection, only_host: str | None) -> None:
        self._connection = connection
        self._only_host = only_host
        self._deadline = 0.0
        self._end = time.monotonic() + SECONDS_IN_ALL
        connection.create_function("REGEXP", 2, _matches, deterministic=True)
        self.places: dict[int, _Place] = {}
        self._containers: dict[int, int | None] = {}
        self._paths: dict[int, tuple[str, str]] = {}
        self._load()
        connection.set_progress_handler(self._is_over, _STEPS)

    def _load(self) -> None:
        rows = self._connection.execute("SELECT number, host, bag, id, name, image FROM container")
        for number, host, bag, key, name, image in rows:
            self.places[number] = _Place(host, bag, ContainerName(key, name, image))
        for number, holder, bag, path in self._connection.execute(
            "SELECT number, container, bag, path FROM source"
        ):
            self._containers[number] = holder
            self._paths[number] = (bag, path)

    def hits(self, query: Query) -> list[_Hit]:
        """Rows that the rule matches. Raises sqlite3.Error, also where its time is over."""
        condition = " OR ".join(f"({condition})" for condition in query.conditions)
        narrowed = f"({query.table.only}) AND ({condition})" if query.table.only else condition
        shown = schema.quoted(_SHOWN[query.table.name][2])
        rows = "number, NULL, NULL" if query.table.name == "container" else "NULL, source, line"
        statement = (
            f"SELECT {rows}, {shown} FROM {schema.quoted(query.table.name)} WHERE {narrowed} LIMIT {MAX_ROWS}"
        )
        self._deadline = min(time.monotonic() + SECONDS_A_RULE, self._end)
        if self._is_over():
            raise _OutOfTimeError
        with _bounded(SECONDS_A_RULE):
            found = self._connection.execute(statement).fetchall()
        return [
            _Hit(source, line, holder if source is None else self._containers.get(source), str(text or ""))
            for holder, source, line, text in found
        ]

    def why_stopped(self, took: float) -> str:
        """Why a query was ended early, empty where it was not."""
        if time.monotonic() >= self._end:
            return f"The time for all rules, {SECONDS_IN_ALL:.0f} s, was used up."
        return f"It took longer than {SECONDS_A_RULE:.0f} s." if took >= SECONDS_A_RULE * 0.95 else ""

    def by_container(self, hits: Sequence[_Hit]) -> Iterator[tuple[int, list[_Hit]]]:
        """Hits by the container they are in, each line once."""
        grouped: dict[int, dict[tuple[int | None, int | None], _Hit]] = {}
        for hit in hits:
            if hit.container is not None and self._is_wanted(hit.container):
                grouped.setdefault(hit.container, {}).setdefault((hit.source, hit.line), hit)
        for number, found in grouped.items():
            yield number, list(found.values())

    def _is_wanted(self, container: int) -> bool:
        return self._only_host is None or self.places[container].bag.partition("/")[0] == self._only_host

    def ref(self, hit: _Hit, place: _Place) -> EvidenceRef:
        if hit.source is None:
            return EvidenceRef(place.bag, f"data/containers/{place.container.id}/inspect.json", None)
        bag, path = self._paths[hit.source]
        return EvidenceRef(bag, path, hit.line)

    def _is_over(self) -> bool:
        return time.monotonic() >= self._deadline


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _matches(pattern: str, text: Any) -> bool:
    return text is not None and _compiled(pattern).search(str(text)[:_MAX_REGEX_TEXT]) is not None


@contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """End what is under way after that much time on the CPU, also inside a regular expression, where SQLite does
    not look at the clock. Only the main thread can; the clock of `timeout` of a task is another one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: Any) -> None:
        raise _OutOfTimeError

    before: Callable[..., Any] | int | None = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        with suppress(TypeError):
            signal.signal(signal.SIGVTALRM, before)
