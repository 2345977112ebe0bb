# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a container's log and the lines in it that look like an attack, as evidence.

The files that the engine keeps are read where they are on this host (a 524 MB log took the engine 27 s, and the
file 0.8 s); elsewhere, and for other drivers, the engine is asked.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Sequence

from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.module_utils._evidence.bundle import Deadline
from ansible_collections.cordon.docker.plugins.module_utils._evidence.content import Content, Missing, rows
from ansible_collections.cordon.docker.plugins.module_utils._host import logfiles

from .options import TriageOptions
from .subject import Subject

_MOST_HITS = 5000


def compile_patterns(patterns: Sequence[str]) -> list[logfiles.Pattern]:
    """Raises InvalidOption, which names the expression."""
    try:
        return [logfiles.Pattern.regex(pattern, ignore_case=True) for pattern in patterns]
    except InvalidOption as exc:
        raise InvalidOption(f"log_patterns cannot be used: {exc}") from exc


class Logs:
    """Reads logs for one run; patterns are compiled once."""

    def __init__(self, engine: Engine, options: TriageOptions, deadline: Deadline) -> None:
        self._engine = engine
        self._options = options
        self._deadline = deadline
        self._patterns = compile_patterns(options.log_patterns)

    def tail(self, subject: Subject) -> Content:
        none = _no_log(subject)
        if none is not None:
            return none
        lines, most = self._options.log_lines, self._options.log_bytes
        source = logfiles.readable(dict(subject.inspect))
        notes: list[str] = []
        if source is not None:
            found: Iterable[logfiles.LogLine] = logfiles.tail(source, lines, most)
        else:
            found = self._engine_lines(subject, lines)
        return rows(_bounded(found, most, notes), notes)

    def hits(self, subject: Subject) -> Content:
        none = _no_log(subject)
        if none is not None:
            return none
        if not self._patterns:
            return rows((), [])
        report = logfiles.ScanReport()
        source = logfiles.readable(dict(subject.inspect))
        options = self._options
        if source is not None:
            found = logfiles.search(
                source,
                self._patterns,
                newest_bytes=options.log_search_bytes,
                since=options.since,
                max_matches=_MOST_HITS,
                deadline=self._deadline.at,
                report=report,
            )
        else:
            frames = self._engine.logs(subject.ref.id, since=options.since, tail=options.log_lines)
            found = logfiles.search_frames(
                frames, self._patterns, max_matches=_MOST_HITS, deadline=self._deadline.at, report=report
            )
        notes: list[str] = []
        return rows(_hit_rows(found, report, notes), notes)

    def _engine_lines(self, subject: Subject, lines: int) -> Iterator[logfiles.LogLine]:
        everything = [logfiles.Pattern.regex("", ignore_case=False)]
        frames = self._engine.logs(subject.ref.id, tail=lines)
        return logfiles.search_frames(frames, everything, deadline=self._deadline.at)


def _no_log(subject: Subject) -> Missing | None:
    config = (subject.inspect.get("HostConfig") or {}).get("LogConfig") or {}
    if config.get("Type") == "none":
        return Missing("The container's log driver is none: nothing of what it writes is kept.")
    return None


def _bounded(lines: Iterable[logfiles.LogLine], most: int, notes: list[str]) -> Iterator[dict[str, Any]]:
    size = 0
    for line in lines:
        size += len(line.line)
        if size > most:
            notes.append(f"the log's end is cut at log_bytes ({most})")
            return
        yield {"time": line.time, "stream": line.stream, "line": line.line}


def _hit_rows(
    lines: Iterable[logfiles.LogLine], report: logfiles.ScanReport, notes: list[str]
) -> Iterator[dict[str, Any]]:
    for line in lines:
        yield {
            "time": line.time,
            "stream": line.stream,
            "line": line.line,
            "number": line.number,
            "pattern": line.pattern,
        }
    if report.truncated:
        notes.append(report.truncated)
