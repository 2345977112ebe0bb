# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What container_logs_info does: the files of the log driver if they lie here, else the engine's stream."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Iterable, Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.module_utils._host.logfiles import (
    LogLine,
    LogSource,
    Pattern,
    ScanReport,
    readable,
    search,
    search_frames,
    search_records,
    tail,
)
from ansible_collections.cordon.docker.plugins.module_utils._host.logformats import Record, stream_record

from .answer import Answer, Entry, answer
from .client import Engine
from .info import Parameters, Spec, chosen, info_argument_spec
from .moments import parse_moment
from .selection import Selected
from .views import mapping

# How much of a file is looked at for its last lines: each character may be written as six.
_FILE_BYTES_PER_CHARACTER = 8


def logs_argument_spec() -> Spec:
    return dict(
        info_argument_spec(),
        since={"type": "str"},
        until={"type": "str"},
        tail={"type": "int"},
        keyword={"type": "list", "elements": "str", "aliases": ["keywords"], "no_log": False},
        regex={"type": "list", "elements": "str", "aliases": ["regexes"]},
        ignore_case={"type": "bool", "default": False},
        max_matches={"type": "int", "default": 1000},
        max_bytes={"type": "int", "default": 1 << 20},
    )


@dataclass(frozen=True)
class Request:
    """What is wanted of each log. Without patterns, its last lines."""

    patterns: list[Pattern]
    since: float | None
    until: float | None
    tail: int | None
    max_matches: int
    max_bytes: int

    @classmethod
    def from_params(cls, parameters: Parameters, now: float) -> Request:
        """Raises InvalidOption."""
        for name in ("tail", "max_matches", "max_bytes"):
            if parameters[name] is not None and parameters[name] < 0:
                raise InvalidOption(f"{name} cannot be {parameters[name]}: it is 0 or more.")
        ignore_case = parameters["ignore_case"]
        patterns = [Pattern.keyword(text, ignore_case) for text in parameters["keyword"] or ()]
        patterns += [Pattern.regex(text, ignore_case) for text in parameters["regex"] or ()]
        last = parameters["tail"]
        return cls(
            patterns=patterns,
            since=parse_moment("since", parameters["since"], now),
            until=parse_moment("until", parameters["until"], now),
            tail=1000 if last is None and not patterns else last,
            max_matches=parameters["max_matches"],
            max_bytes=parameters["max_bytes"],
        )


def container_logs_info(parameters: Parameters) -> Answer:
    request = Request.from_params(parameters, time.time())
    engine, choices = chosen(parameters)

    def values(container: Selected) -> Entry:
        return read_log(engine, container, request)

    return answer(choices, values, parameters["parallel"])


def read_log(engine: Engine, container: Selected, request: Request) -> Entry:
    """Raises EngineError where the engine cannot read the log, HostError where its files cannot be."""
    driver = mapping(mapping(container.inspect.get("HostConfig")).get("LogConfig")).get("Type")
    report = ScanReport()
    source = readable(container.inspect) if engine.options.socket_path else None
    kind: str | None = "files" if source is not None else "engine"
    found: Iterable[LogLine]
    if driver == "none":
        kind, found, report.truncated = None, (), "The log driver none keeps nothing."
    elif source is None and container.state == "created":
        # It never wrote anything, and asking for its log makes engines create the file.
        kind, found = None, ()
    elif source is not None:
        found = _of_files(source, request, report)
    else:
        found = _of_engine(engine, container, request, report)
    lines = _bounded(found, request.max_bytes, report, newest=not request.patterns)
    return {
        "driver": driver,
        "source": kind,
        "files": report.files,
        "lines_scanned": report.lines,
        "bytes_scanned": report.bytes,
        "matches": [line._asdict() for line in lines] if request.patterns else [],
        "lines": [] if request.patterns else [_line(line) for line in lines],
        "truncated": report.truncated is not None,
        "truncated_reason": report.truncated,
    }


def _of_files(source: LogSource, request: Request, report: ScanReport) -> Iterable[LogLine]:
    if request.tail is None:
        return search(
            source,
            request.patterns,
            since=request.since,
            until=request.until,
            max_matches=request.max_matches,
            report=report,
        )
    bound = max(request.max_bytes * _FILE_BYTES_PER_CHARACTER, 1 << 22)
    lines = tail(source, request.tail, bound, since=request.since, until=request.until, report=report)
    return _matching(map(_record, lines), request, report) if request.patterns else lines


def _of_engine(
    engine: Engine, container: Selected, request: Request, report: ScanReport
) -> Iterable[LogLine]:
    frames = engine.logs(
        container.id,
        since=request.since,
        until=request.until,
        tail=request.tail,
        tty=bool(mapping(container.inspect.get("Config")).get("Tty")),
    )
    if request.patterns:
        return search_frames(frames, request.patterns, max_matches=request.max_matches, report=report)
    return _all_frames(frames, report)


def _all_frames(frames: Iterable[Any], report: ScanReport) -> Iterator[LogLine]:
    for stream, data in frames:
        report.lines += 1
        report.bytes += len(data)
        record = stream_record(data, stream)
        yield LogLine(record.time, record.stream, record.line, None, None)


def _matching(records: Iterable[Record], request: Request, report: ScanReport) -> Iterator[LogLine]:
    report.lines = 0
    for line in search_records(records, request.patterns, report, request.max_matches):
        yield line._replace(number=None)


def _record(line: LogLine) -> Record:
    return Record(line.time, line.stream, line.line)


def _bounded(lines: Iterable[LogLine], most: int, report: ScanReport, newest: bool) -> list[LogLine]:
    """At most so many bytes of text: the newest lines of a tail, the first matches of a search."""
    kept: deque[LogLine] = deque()
    size = 0
    for line in lines:
        kept.append(line)
        size += len(line.line.encode())
        if size <= most:
            continue
        report.truncated = f"Only {most} bytes of lines are returned (max_bytes)."
        if not newest:
            kept.pop()
            break
        while kept and size > most:
            size -= len(kept.popleft().line.encode())
    return list(kept)


def _line(line: LogLine) -> dict[str, Any]:
    return {"time": line.time, "stream": line.stream, "line": line.line}
