# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes the items out of a host's bundle and into a bag. The bundle may be the attacker's work.

Only names that safe_path takes are used, only regular entries, only as many bytes as the bounds allow by what
is really read, and each item must be what outcomes.jsonl in the bundle says. What is not so becomes a row.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import IO

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError, describe
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_line
from ansible_collections.cordon.docker.plugins.module_utils._evidence.names import safe_path
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import FAILED, Outcome
from ansible_collections.cordon.docker.plugins.plugin_utils._case import files
from ansible_collections.cordon.docker.plugins.plugin_utils._case.bag import BagWriter, PayloadFile

OUTCOMES = "outcomes.jsonl"
HOST_OUTCOMES = "outcomes-as-sent.jsonl"
BUNDLE = "bundle.zip"

_BLOCK_BYTES = 65536
_MAX_ENTRIES = 20_000
_MAX_DIRECTORY_BYTES = _MAX_ENTRIES * 128
_MAX_ROWS = 40_000
_MAX_OUTCOMES_BYTES = 16 << 20
_MAX_STRANGE_ROWS = 100
_RESERVE_BYTES = 256 << 10
_END_BYTES = 22  # the end of a zip's central directory, without a comment
_CONTAINER_PATH = re.compile(r"containers/([0-9a-f]{12})/")
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Limits:
    """Bounds in bytes, uncompressed: of one item, and of all items."""

    item_bytes: int
    total_bytes: int


@dataclass
class Unpacked:
    """What came of it: the outcome of each item, and why the bundle had to be kept beside what it held."""

    outcomes: list[Outcome] = field(default_factory=list)
    incomplete: str | None = None

    def counts(self) -> dict[str, int]:
        """How many outcomes there are of each status."""
        counts: dict[str, int] = {}
        for outcome in self.outcomes:
            counts[outcome.status] = counts.get(outcome.status, 0) + 1
        return counts


class _LocalError(Exception):
    """The controller cannot store more; nothing about the bundle."""


def unpack(path: Path, sha256: str, bag: BagWriter, limits: Limits, now: str) -> Unpacked:
    """Fill the bag from the bundle at `path`, whose hash has been compared, and add outcomes.jsonl.

    Where the bundle cannot be read, or the controller runs out of room, what is whole stays whole and the
    bundle itself is moved into the bag: nothing is lost. Raises OSError where not even that can be done.
    """
    result = Unpacked()
    with _reserve(bag.folder / ".reserve", path.stat().st_size):
        try:
            with _opened(path) as archive:
                _Unpacking(archive, bag, limits, now, result).run()
        except Exception as exc:  # noqa: BLE001 - whatever zipfile makes of a hostile file is no more than a row
            result.incomplete = f"The bundle cannot be read: {describe(exc)}."
            result.outcomes.append(_row(now, result.incomplete))
    if result.incomplete is not None:
        bag.adopt(path, BUNDLE, sha256)
    with bag.new_file(PurePosixPath(OUTCOMES)) as sink:
        for outcome in result.outcomes:
            sink.write(dump_line(outcome.to_json()))
    return result


class _Unpacking:
    """One bundle on its way into one bag."""

    def __init__(
        self, archive: zipfile.ZipFile, bag: BagWriter, limits: Limits, now: str, result: Unpacked
    ) -> None:
        self._archive = archive
        self._bag = bag
        self._limits = limits
        self._now = now
        self._result = result
        self._left = limits.total_bytes

    def run(self) -> None:
        entries, strange = self._entries()
        as_sent = self._outcomes_as_sent(entries)
        rows = self._result.outcomes
        for number, line in enumerate(as_sent.splitlines(), 1):
            if number > _MAX_ROWS:
                raise EvidenceError(f"its {OUTCOMES} has more than {_MAX_ROWS} rows")
            rows.append(self._one(line, number, entries))
        strange += [f"The bundle holds {name!r}, which was not announced." for name in entries]
        rows += [_row(self._now, reason) for reason in strange[:_MAX_STRANGE_ROWS]]
        if len(strange) > _MAX_STRANGE_ROWS:
            more = len(strange) - _MAX_STRANGE_ROWS
            rows.append(_row(self._now, f"The bundle holds {more} more entries that are of no use."))
        if b"".join(dump_line(outcome.to_json()) for outcome in rows) != as_sent:
            self._keep_as_sent(as_sent)

    def _entries(self) -> tuple[dict[str, zipfile.ZipInfo], list[str]]:
        """The usable entries by name, and a sentence for each that is not."""
        entries: dict[str, zipfile.ZipInfo] = {}
        strange: list[str] = []
        for entry in self._archive.infolist():
            problem = _problem(entry) or ("is there twice" if entry.filename in entries else None)
            if problem is None:
                entries[entry.filename] = entry
            else:
                strange.append(f"The bundle holds {entry.orig_filename[:200]!r}, which {problem}.")
        return entries, strange

    def _outcomes_as_sent(self, entries: dict[str, zipfile.ZipInfo]) -> bytes:
        entry = entries.pop(OUTCOMES, None)
        if entry is None:
            raise EvidenceError(f"it holds no {OUTCOMES}")
        with self._archive.open(entry) as source:
            content = source.read(_MAX_OUTCOMES_BYTES + 1)
        if len(content) > _MAX_OUTCOMES_BYTES:
            raise EvidenceError(f"its {OUTCOMES} is longer than {_MAX_OUTCOMES_BYTES} bytes")
        return content

    def _one(self, line: bytes, number: int, entries: dict[str, zipfile.ZipInfo]) -> Outcome:
        try:
            outcome = Outcome.from_json(json.loads(line))
        except (ValueError, RecursionError, EvidenceError) as exc:
            return _row(self._now, f"Row {number} of the host's {OUTCOMES} is unusable: {describe(exc)}")
        if outcome.path is None:
            return outcome
        entry = entries.pop(outcome.path, None)
        if entry is None:
            return _failed(outcome, "The bundle does not hold it.")
        problem = _misplaced(outcome) or self._take(outcome, entry)
        return outcome if problem is None else _failed(outcome, problem)

    def _take(self, outcome: Outcome, entry: zipfile.ZipInfo) -> str | None:
        """Store one item; why it was not, where it was not."""
        if self._result.incomplete is not None:
            return self._result.incomplete
        bound = min(self._limits.item_bytes, self._left)
        if outcome.bytes > bound:
            return f"It is larger than the {bound} bytes that are taken."
        try:
            with self._archive.open(entry) as source, self._new_file(entry.filename) as sink:
                return self._copy(source, sink, outcome)
        except _LocalError as exc:
            self._result.incomplete = str(exc)
            return self._result.incomplete
        except Exception as exc:  # noqa: BLE001 - as above: a damaged or hostile entry is a row
            return f"It cannot be read: {describe(exc)}."

    def _copy(self, source: IO[bytes], sink: PayloadFile, expected: Outcome) -> str | None:
        while block := source.read(_BLOCK_BYTES):
            self._left -= len(block)
            if sink.bytes + len(block) > expected.bytes:
                sink.discard()
                return f"It is longer than the {expected.bytes} bytes that were announced."
            try:
                sink.write(block)
            except OSError as exc:
                raise _LocalError(_not_stored(exc)) from exc
        if (sink.bytes, sink.sha256) != (expected.bytes, expected.sha256):
            sink.discard()
            return (
                f"{sink.bytes} bytes with the SHA-256 {sink.sha256} arrived, which is not what was announced."
            )
        return None

    def _keep_as_sent(self, content: bytes) -> None:
        """What the host said stays readable beside what became of it."""
        if self._result.incomplete is None:
            try:
                with self._new_file(HOST_OUTCOMES) as sink:
                    sink.write(content)
            except (_LocalError, EvidenceError, OSError) as exc:
                self._result.incomplete = _not_stored(exc)

    def _new_file(self, name: str) -> PayloadFile:
        try:
            return self._bag.new_file(safe_path(name))
        except (FileExistsError, NotADirectoryError) as exc:
            raise EvidenceError("its name is in the way of another item's") from exc
        except OSError as exc:
            raise _LocalError(_not_stored(exc)) from exc


def _opened(path: Path) -> zipfile.ZipFile:
    """The archive, once its directory is known to be of a readable size. Raises what zipfile raises."""
    with path.open("rb") as stream:
        stream.seek(-_END_BYTES, os.SEEK_END)
        end = struct.unpack("<4s4H2LH", stream.read(_END_BYTES))
        signature, entries, size, comment = end[0], end[4], end[5], end[7]
        if signature != b"PK\x05\x06" or comment != 0:
            raise EvidenceError("it does not end as a bundle ends")
        if entries > _MAX_ENTRIES or size > _MAX_DIRECTORY_BYTES:
            raise EvidenceError(f"it has more than {_MAX_ENTRIES} entries")
        stream.seek(-min(path.stat().st_size, _END_BYTES + 20), os.SEEK_END)
        if stream.read(4) == b"PK\x06\x07":
            raise EvidenceError("it is in the form for archives of more than 4 GiB")
    return zipfile.ZipFile(path)


def _problem(entry: zipfile.ZipInfo) -> str | None:
    """Why an entry cannot be used, to follow the word "which"."""
    if entry.orig_filename != entry.filename:
        return "has a name that is not what it seems"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "is no regular file"
    if entry.compress_type not in _COMPRESSIONS or entry.flag_bits & 0x1:
        return "is packed in a way that bundles do not use"
    try:
        safe_path(entry.filename)
    except EvidenceError:
        return "is no safe name"
    if entry.filename in (BUNDLE, HOST_OUTCOMES):
        return "has a name that is kept for the controller"
    return None


def _misplaced(outcome: Outcome) -> str | None:
    """Whether an item lies in the folder of another container than its own."""
    found = _CONTAINER_PATH.match(outcome.path or "")
    placed = found.group(1) if found else None
    owner = outcome.container.id[:12] if outcome.container else None
    if (outcome.path or "").startswith("containers/") and placed != owner:
        return "Its path is that of another container."
    return None


def _failed(outcome: Outcome, reason: str) -> Outcome:
    return replace(outcome, status=FAILED, reason=reason, path=None, bytes=0, sha256=None)


def _row(now: str, reason: str) -> Outcome:
    """What the controller has to say about a bundle, as an outcome of its own."""
    return Outcome("bundle", None, FAILED, reason[:4000], None, 0, None, now, 0.0)


def _not_stored(exc: BaseException) -> str:
    if isinstance(exc, _LocalError):
        return str(exc)
    if isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return "No room is left for it on the controller; it is in the bundle, which was kept."
    return f"The controller cannot store it ({describe(exc)}); it is in the bundle, which was kept."


@contextmanager
def _reserve(path: Path, bundle_bytes: int) -> Iterator[None]:
    """Room kept while unpacking for what has to be written afterwards, whatever the bundle holds."""
    descriptor = files.create(path)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, _RESERVE_BYTES + bundle_bytes // 4)
        yield
    finally:
        os.close(descriptor)
        path.unlink()
