# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""case.sqlite: the newest evidence of a case as tables, for Sigma's rules and for the responder's own questions.

Rebuilt whole each time, from the bags alone; the same bags give the same tables. Rows stream through, so memory
does not grow with the logs. Evidence goes in as parameters only, and what a database or a terminal would stumble
over (NUL, lone surrogates) is written as an escape.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import database_rows as rows_of
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import schema, values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import (
    CaseEvidence,
    ContainerEvidence,
)

NAME = "case.sqlite"
MAX_LINES = 1_000_000  # of one item
_BATCH = 1000
_EVENTS = "events.jsonl"


def build(case_dir: Path) -> Path:
    """Write case.sqlite (0600) into the case, whole or not at all, and return its path.

    Raises OSError where the case cannot be listed or written to, sqlite3.Error where the disk is full.
    """
    target, partial = case_dir / NAME, case_dir / f".{NAME}.partial"
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    try:
        with closing(sqlite3.connect(partial)) as database:
            _fill(database, case_dir)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def opened(path: Path) -> sqlite3.Connection:
    """A connection that can read and change nothing. Raises sqlite3.Error where it is no database."""
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    database.execute("PRAGMA query_only = ON")
    return database


def _fill(database: sqlite3.Connection, case_dir: Path) -> None:
    # It is made anew when it is lost: no journal, no waiting for the disk.
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -32768", "temp_store = FILE"):
        database.execute(f"PRAGMA {pragma}")
    database.executescript(schema.statements())
    writer = Writer(database)
    for container in CaseEvidence(case_dir).containers:
        _add_container(writer, container)
        container.forget()
    _add_events(writer, CaseEvidence(case_dir))
    writer.flush()
    database.commit()


def _add_events(writer: Writer, case: CaseEvidence) -> None:
    """What each host's engine remembered at the last run."""
    told: set[str] = set()
    for bag in case.bags():
        if bag.host_dir in told:
            continue
        told.add(bag.host_dir)
        host = ContainerEvidence(case, bag, bag.path / "data")  # the host's items are read like a container's
        source = writer.source(None, bag.host, bag.name, f"data/{_EVENTS}")
        for row in islice(rows_of.events(host.stream(_EVENTS)), MAX_LINES):
            writer.add("event", source, row)


class Writer:
    """Collects rows a table and writes them in batches."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._waiting: dict[str, list[tuple[Any, ...]]] = {name: [] for name in schema.TABLES}
        self._statements = {name: schema.insertion(name) for name in schema.TABLES}
        self._sources = self._containers = 0

    def container(self, container: ContainerEvidence) -> int:
        self._containers += 1
        row = (self._containers, *map(clean, rows_of.container(container)))
        self._database.execute(f"INSERT INTO container VALUES ({', '.join('?' * len(row))})", row)
        return self._containers

    def source(self, container: int | None, host: str, bag: str, path: str) -> int:
        self._sources += 1
        row = (self._sources, container, clean(host), clean(bag), clean(path))
        self._database.execute("INSERT INTO source VALUES (?, ?, ?, ?, ?)", row)
        return self._sources

    def add(self, table: str, source: int, row: tuple[Any, ...]) -> None:
        """`row` begins with the line."""
        waiting = self._waiting[table]
        waiting.append((source, *map(clean, row)))
        if len(waiting) >= _BATCH:
            self._write(table)

    def flush(self) -> None:
        for table in self._waiting:
            self._write(table)

    def _write(self, table: str) -> None:
        self._database.executemany(self._statements[table], self._waiting[table])
        self._waiting[table].clear()


def clean(value: Any) -> Any:
    """A value as SQLite can hold it: numbers of up to 64 bits, text without NUL and lone surrogates."""
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    return value if value is None or isinstance(value, float) else str(value)


def _add_container(writer: Writer, container: ContainerEvidence) -> None:
    number = writer.container(container)
    programs = rows_of.Programs.of(container)

    def put(item: str, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        ref = container.ref(item)
        source = writer.source(number, container.bag.host, ref.bag, ref.path)
        for row in islice(rows, MAX_LINES):
            writer.add(table, source, row)

    put("processes.jsonl", "process_creation", rows_of.processes(container, programs))
    for item in ("layer.jsonl", "volumes.jsonl"):
        put(item, "file_event", rows_of.files(container.stream(item)))
    if not (container.folder / "layer.jsonl").is_file():
        put("changes.jsonl", "file_event", rows_of.changes(container.stream("changes.jsonl")))
    put("sockets.jsonl", "network_connection", rows_of.connections(container, programs))
    put("sockets.jsonl", "listening", rows_of.listeners(container, programs))
    _add_logs(writer, number, container, programs)


def _add_logs(writer: Writer, number: int, container: ContainerEvidence, programs: rows_of.Programs) -> None:
    seen = rows_of.Seen()
    for item in ("logs/tail.jsonl", "logs/hits.jsonl"):
        ref = container.ref(item)
        source = writer.source(number, container.bag.host, ref.bag, ref.path)
        for table, row in islice(_new_lines(container, item, programs, seen), MAX_LINES):
            writer.add(table, source, row)


def _new_lines(
    container: ContainerEvidence, item: str, programs: rows_of.Programs, seen: rows_of.Seen
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for line, row in container.stream(item):
        time, written = values.text(row.get("time"), 64), values.text(row.get("line"), rows_of.MAX_LINE)
        if seen.is_new(time, written):
            stream = values.text(row.get("stream"), 16)
            yield from rows_of.log_line(line, time, stream, written, programs)
