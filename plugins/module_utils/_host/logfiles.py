# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log files an engine keeps: their end at once, and searched at constant memory at the speed of the disk.

The API takes 27 s for half a gigabyte that is read here in a second.
"""

from __future__ import annotations

import os
import re
import stat
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Iterator, Mapping, NamedTuple, Sequence

from .logformats import (
    Record,
    json_line,
    json_record,
    local_line,
    local_record,
    nanoseconds,
    stream_record,
)
from .logpatterns import Pattern, Prefilter
from .logreaders import LogFile, Reader, opened

__all__ = [
    "LogLine",
    "LogSource",
    "Pattern",
    "ScanReport",
    "log_paths",
    "readable",
    "search",
    "search_frames",
    "search_records",
    "tail",
]
_RECORDS = {"json-file": json_record, "local": local_record}
_TEXTS = {"json-file": json_line, "local": local_line}


class LogLine(NamedTuple):
    """``number`` counts from 1, over the files from the oldest; None where the scan began within them."""

    time: str | None
    stream: str
    line: str
    number: int | None
    pattern: str | None


@dataclass(frozen=True)
class LogSource:
    """The files of one container, oldest first."""

    driver: str
    paths: tuple[str, ...]


@dataclass
class ScanReport:
    """What was looked through; filled while the scan goes on. ``truncated`` says why it ended early."""

    lines: int = 0
    bytes: int = 0
    matches: int = 0
    files: list[str] = field(default_factory=list)
    truncated: str | None = None


@dataclass(frozen=True)
class Window:
    """Which records count: seconds of the epoch, both inclusive; None is no bound."""

    since: float | None = None
    until: float | None = None

    def holds(self, record: Record) -> bool:
        if self.since is None and self.until is None:
            return True
        when = nanoseconds(record.time or "")
        if when is None:
            # A damaged record has no time; better shown than lost.
            return True
        return not self.before(when) and not self.after(when)

    def before(self, when: int) -> bool:
        return self.since is not None and when < self.since * 1e9

    def after(self, when: int) -> bool:
        return self.until is not None and when > self.until * 1e9


def log_paths(log_path: str) -> tuple[str, ...]:
    """A log file with its rotated siblings (``.1``, ``.2.gz``, …), the oldest first; those that are there."""
    folder, name = os.path.split(log_path)
    rotated = re.compile(re.escape(name) + r"\.(\d{1,6})(\.gz)?\Z")
    found: dict[int, str] = {}
    try:
        entries = sorted(os.listdir(folder))  # noqa: PTH208 - paths stay strings: they are shown as they are
    except OSError:
        return ()
    for entry in entries:
        match = rotated.match(entry)
        if match:
            # While one is being compressed it is there twice; the plain one, sorted first, is whole.
            found.setdefault(int(match.group(1)), entry)
        elif entry == name:
            found[0] = entry
    return tuple(os.path.join(folder, found[number]) for number in sorted(found, reverse=True))  # noqa: PTH118


def readable(inspect: Mapping[str, Any]) -> LogSource | None:
    """The files of a container's log where they lie on this host and this user may read them; else None.

    inspect names the file for json-file only (moby daemon/container/container.go); local keeps its own in the
    same folder.
    """
    container = str(inspect.get("Id") or "")
    host = inspect.get("HostConfig")
    settings = host.get("LogConfig") if isinstance(host, dict) else None
    driver = str(settings.get("Type")) if isinstance(settings, dict) else ""
    path = str(inspect.get("LogPath") or "")
    if driver == "local" and not path:
        folder = os.path.dirname(str(inspect.get("ResolvConfPath") or ""))  # noqa: PTH120
        path = os.path.join(folder, "local-logs", "container.log")  # noqa: PTH118
    # The engine may be the intruder's: only a file in the container's own folder is its log.
    if driver not in _RECORDS or not container or f"/{container}/" not in path or "/../" in path:
        return None
    paths = log_paths(path)
    return LogSource(driver, paths) if paths and all(map(_may_read, paths)) else None


def _may_read(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode) and os.access(path, os.R_OK)
    except OSError:
        return False


def tail(
    source: LogSource,
    lines: int,
    max_bytes: int = 1 << 20,
    since: float | None = None,
    until: float | None = None,
    report: ScanReport | None = None,
) -> list[LogLine]:
    """The last lines, oldest first, read from the end: at most ``lines``, of ``max_bytes`` at most."""
    window, left = Window(since, until), max_bytes
    found: list[Record] = []
    parse = _RECORDS[source.driver]
    report = report if report is not None else ScanReport()
    with ExitStack() as stack:
        files = [stack.enter_context(opened(path, source.driver)) for path in source.paths]
        for file in reversed(files):
            if len(found) >= lines or left <= 0:
                break
            end, keep = file.size, None
            if until is not None:
                end = file.reader.offset_after(file, until, parse)
                keep = _kept(window, parse)
            report.files.insert(0, file.path)
            entries, used = file.reader.last(file, lines - len(found), left, end, keep)
            left, report.bytes = left - used, report.bytes + used
            records = [record for record in map(parse, entries) if window.holds(record)]
            found = records + found
            if len(records) < len(entries) and since is not None:
                break
    report.lines = len(found)
    if len(found) < lines and left <= 0:
        report.truncated = f"Only the last {max_bytes} bytes were looked at."
    return [LogLine(record.time, record.stream, record.line, None, None) for record in found]


def _kept(window: Window, parse: Callable[[bytes], Record]) -> Callable[[bytes], bool]:
    return lambda entry: window.holds(parse(entry))


def search(
    source: LogSource,
    patterns: Sequence[Pattern],
    *,
    newest_bytes: int | None = None,
    since: float | None = None,
    until: float | None = None,
    max_matches: int | None = None,
    deadline: float | None = None,
    report: ScanReport | None = None,
) -> Iterator[LogLine]:
    """The lines that match a pattern, oldest first, each once with the first pattern it matches.

    ``newest_bytes`` bounds how much of the end is looked through, ``deadline`` (of time.monotonic) how long.
    A line of more than 16 KiB is several to the engine, and searched as such.
    """
    report = report if report is not None else ScanReport()
    scan = _Scan(source, patterns, Window(since, until), report)
    with ExitStack() as stack:
        files = [stack.enter_context(opened(path, source.driver)) for path in source.paths]
        starts = _starts(files, newest_bytes, since, _RECORDS[source.driver])
        scan.numbered = all(start == 0 for _file, start in starts) and len(starts) == len(files)
        if newest_bytes is not None and sum(file.size for file in files) > newest_bytes:
            report.truncated = f"Only the newest {newest_bytes} bytes were looked through."
        for file, start in starts:
            report.files.append(file.path)
            for chunk in file.reader.chunks(file, start):
                if deadline is not None and time.monotonic() > deadline:
                    report.truncated = f"The time was up after {report.bytes} bytes."
                    return
                for line in scan.hits(chunk, file.reader):
                    if max_matches is not None and report.matches >= max_matches:
                        report.truncated = f"There are more than {max_matches} matches."
                        return
                    report.matches += 1
                    yield line
                if scan.past:
                    return


class _Scan:
    """Goes through chunks of whole entries, counting."""

    def __init__(
        self, source: LogSource, patterns: Sequence[Pattern], window: Window, report: ScanReport
    ) -> None:
        self._parse = _RECORDS[source.driver]
        self._text = _TEXTS[source.driver]
        self._patterns = patterns
        self._prefilter = Prefilter(patterns)
        self._window = window
        self._report = report
        self.numbered = True
        self.past = False

    def _first(self, text: str, suspects: frozenset[int]) -> Pattern | None:
        for index in sorted(suspects) if len(suspects) > 1 else suspects:
            if self._patterns[index].matches(text):
                return self._patterns[index]
        return None

    def hits(self, chunk: bytes, reader: Reader) -> Iterator[LogLine]:
        before, counted, passed = self._report.lines, 0, 0
        for start, end, suspects in reader.candidates(chunk, self._prefilter):
            text = self._text(chunk[start:end])
            pattern = self._first(text, suspects)
            if pattern is None:
                continue
            record = self._parse(chunk[start:end])
            if not self._window.holds(record):
                continue
            counted, passed = counted + reader.count(chunk, passed, start), start
            self._report.lines = before + counted + 1
            number = self._report.lines if self.numbered else None
            yield LogLine(record.time, record.stream, record.line, number, pattern.text)
        self._report.lines = before + counted + reader.count(chunk, passed, len(chunk))
        self._report.bytes += len(chunk)
        if self._window.until is not None:
            last = nanoseconds(self._parse(reader.last_entry(chunk)).time or "")
            self.past = last is not None and self._window.after(last)


def _starts(
    files: Sequence[LogFile], newest_bytes: int | None, since: float | None, parse: Any
) -> list[tuple[LogFile, int]]:
    """Where to begin in each file, and which files need no look at all."""
    starts: list[tuple[LogFile, int]] = []
    left = newest_bytes
    for file in reversed(files):
        if left is not None and left <= 0:
            break
        start = 0 if left is None else max(0, file.size - left)
        if since is not None:
            start = max(start, file.reader.offset_before(file, since, parse))
        starts.append((file, start))
        if since is not None and file.reader.begins_before(file, since, parse):
            break
        left = None if left is None else left - file.size
    return starts[::-1]


def search_records(
    records: Iterable[Record], patterns: Sequence[Pattern], report: ScanReport, max_matches: int | None = None
) -> Iterator[LogLine]:
    """As ``search``, over records that were had otherwise."""
    for record in records:
        report.lines += 1
        pattern = next((each for each in patterns if each.matches(record.line)), None)
        if pattern is None:
            continue
        if max_matches is not None and report.matches >= max_matches:
            report.truncated = f"There are more than {max_matches} matches."
            return
        report.matches += 1
        yield LogLine(record.time, record.stream, record.line, report.lines, pattern.text)


def search_frames(
    frames: Iterable[tuple[str, bytes]],
    patterns: Sequence[Pattern],
    *,
    max_matches: int | None = None,
    deadline: float | None = None,
    report: ScanReport | None = None,
) -> Iterator[LogLine]:
    """As ``search``, over the engine's own stream, which carries times."""
    report = report if report is not None else ScanReport()

    def records() -> Iterator[Record]:
        for stream, data in frames:
            report.bytes += len(data)
            if deadline is not None and time.monotonic() > deadline:
                report.truncated = f"The time was up after {report.bytes} bytes."
                return
            yield stream_record(data, stream)

    return search_records(records(), patterns, report, max_matches)
