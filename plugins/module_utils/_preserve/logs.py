# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container's log: the files the engine keeps, rotated ones too, as they are; through the API where it keeps none."""

from __future__ import annotations

import os
import stat
from typing import Any, Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_lines
from ansible_collections.cordon.docker.plugins.module_utils._host.logfiles import log_paths, readable
from ansible_collections.cordon.docker.plugins.module_utils._host.logformats import stream_record
from ansible_collections.cordon.docker.plugins.module_utils._triage.subject import Subject

from .content import read_pieces
from .notes import Notes
from .view import Product, View, item, outcome

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def logs(view: View, subject: Subject) -> Iterator[Product]:
    """An item for each file; one for all lines where the engine has to be asked."""
    driver = str(((subject.inspect.get("HostConfig") or {}).get("LogConfig") or {}).get("Type") or "")
    if driver == "none":
        reason = "The container's log driver is none: nothing of what it writes is kept."
        yield outcome("logs", subject.ref, reason)
        return
    source = readable(dict(subject.inspect))
    if source is None:
        yield item(
            "logs",
            subject.ref,
            "logs/engine.jsonl",
            lambda notes: dump_lines(_rows(view, subject, notes)),
            note=f"Asked of the engine: its driver {driver or '(unknown)'} keeps no file that may be read here.",
        )
        return
    for path in source.paths:
        yield _file(view, subject, path)


def _file(view: View, subject: Subject, path: str) -> Product:
    seen = os.lstat(path)

    def read(notes: Notes) -> Iterator[bytes]:
        handle = _open_again(path, seen)
        try:
            size = os.fstat(handle).st_size
            kept = min(size, view.choice.item_bytes)
            if kept < size:
                notes.add(f"{path} has {size} bytes; the last {kept} are kept (item_bytes)")
            # A log is appended to: its size at the moment of opening is where the item ends, and nothing is lost.
            yield from read_pieces(handle, [(size - kept, kept)], path, notes)
        finally:
            os.close(handle)

    name = os.path.basename(path)  # noqa: PTH119
    note = f"The engine's {path}, up to its size when it was opened."
    return item("logs", subject.ref, f"logs/{name}", read, size=seen.st_size, note=note)


def _open_again(path: str, seen: os.stat_result) -> int:
    """The file that was listed, also where it has been rotated since. Raises HostError where it is gone."""
    name, dot, last = path.rpartition(".")
    stem = name if dot and last.isdigit() else path
    for candidate in (path, *reversed(log_paths(stem))):
        try:
            handle = os.open(candidate, _FILE)
        except OSError:
            continue
        status = os.fstat(handle)
        if (status.st_dev, status.st_ino) == (seen.st_dev, seen.st_ino) and stat.S_ISREG(status.st_mode):
            return handle
        os.close(handle)
    raise HostError(f"{path} was rotated away while other items were read.")


def _rows(view: View, subject: Subject, notes: Notes) -> Iterator[dict[str, Any]]:
    size = 0
    for stream, data in view.engine.logs(subject.ref.id):
        size += len(data)
        if size > view.choice.item_bytes:
            notes.add(f"the log is cut at {view.choice.item_bytes} bytes (item_bytes)")
            return
        record = stream_record(data, stream)
        yield {"time": record.time, "stream": record.stream, "line": record.line}
