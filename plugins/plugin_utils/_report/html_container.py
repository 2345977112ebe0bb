# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One container's evidence as the rows of its block in report.html: what its card shows, bounded.

Each row says in `k` what it is. Rows that a finding points at are always among them, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_case import short
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_facts import facts, figures

MAX_ROWS = 1500  # of each item, besides those that a finding points at
_MAX_HEAD = 4000
_WORDS = 64  # of a command line

Marked = dict[str, set[int]]

_PROCESS = ("pid", "ppid", "container_pid", "started", "user", "comm", "cwd")
_SOCKET = (
    "protocol",
    "state",
    "local_address",
    "local_port",
    "remote_address",
    "remote_port",
    "pid",
    "process",
    "uid",
)
_FILE = (
    "path",
    "kind",
    "type",
    "mode",
    "uid",
    "bytes",
    "mtime",
    "ctime",
    "sha256",
    "executable",
    "code",
    "target",
    "volume",
    "in_diff",
    "content_changed",
)
_LOG = ("time", "stream", "line", "number", "pattern")
_ITEMS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "processes.jsonl": ("process", _PROCESS),
    "sockets.jsonl": ("socket", _SOCKET),
    "layer.jsonl": ("file", _FILE),
    "volumes.jsonl": ("file", _FILE),
    "logs/hits.jsonl": ("hit", _LOG),
    "logs/tail.jsonl": ("log", _LOG),
}
# When what a row tells of happened: a file's own times are the intruder's to set, but for the last change.
_TIMES: Mapping[str, tuple[str, ...]] = {
    "process": ("started",),
    "file": ("ctime", "mtime"),
    "hit": ("time",),
    "log": ("time",),
}


@dataclass
class Digest:
    """What the overview needs of a container. `times` has the moment of each row that a finding points at."""

    counts: dict[str, int] = field(default_factory=dict)
    times: dict[tuple[str, int], str] = field(default_factory=dict)


def container_rows(
    container: ContainerEvidence, older: Iterable[ContainerEvidence], marked: Marked, digest: Digest
) -> Iterator[dict[str, Any]]:
    """The rows of the block; `older` is the same container in earlier bags, the newest first, and `marked` the
    lines of each item that a finding points at."""
    yield {"k": "facts", **facts(container.inspect)}
    runs = [container, *older]
    for run in reversed(runs):
        found = figures(run.stats)
        if found:
            yield {"k": "figures", "bag": run.bag.name, **found}
    for item, (kind, fields) in _ITEMS.items():
        yield from _rows(container, item, kind, fields, marked.get(item, set()), digest)
    yield from _deleted(container, marked.get("changes.jsonl", set()), digest)


def _rows(
    container: ContainerEvidence,
    item: str,
    kind: str,
    fields: tuple[str, ...],
    marked: set[int],
    digest: Digest,
) -> Iterator[dict[str, Any]]:
    shown = total = 0
    for line, row in container.stream(item):
        if kind == "file" and row.get("type") == "dir" and line not in marked:
            continue
        total += 1
        if line in marked:
            digest.times.update(_time(item, line, kind, row))
        elif shown >= MAX_ROWS:
            continue
        shown += 1
        yield {"k": kind, "i": item, "n": line, **_kept(row, fields), **_more(kind, row)}
    if total:
        digest.counts[kind] = digest.counts.get(kind, 0) + total
        yield {"k": "count", "i": item, "of": kind, "shown": shown, "total": total}


def _kept(row: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    """The fields that hold something: what is missing is left out, it need not travel."""
    kept = {name: short(row.get(name)) for name in fields}
    return {name: value for name, value in kept.items() if value is not None}


def _more(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """What is not a plain value in its row."""
    if kind == "process":
        exe = values.record(row.get("exe"))
        return {
            "cmd": [short(word, 1000) for word in values.texts(row.get("cmdline"), _WORDS)],
            "exe": short(exe.get("path")),
            "exe_state": short(exe.get("state"), 16),
            "exe_sha256": short(exe.get("sha256"), 64),
            "outside": row.get("in_cgroup") is False,
        }
    head = values.text(row.get("head"), _MAX_HEAD)
    return {"head": head} if kind == "file" and head else {}


def _time(item: str, line: int, kind: str, row: dict[str, Any]) -> dict[tuple[str, int], str]:
    for name in _TIMES.get(kind, ()):
        if values.moment(row.get(name)) is not None:
            return {(item, line): values.text(row.get(name), 40)}
    return {}


def _deleted(container: ContainerEvidence, marked: set[int], digest: Digest) -> Iterator[dict[str, Any]]:
    """What was taken away stands in changes.jsonl alone; where there is no layer.jsonl, so does the rest."""
    item, layer = "changes.jsonl", (container.folder / "layer.jsonl").is_file()
    shown = total = 0
    for line, row in container.stream(item, (b'"D"',) if layer and not marked else ()):
        if layer and row.get("kind") != "D" and line not in marked:
            continue
        total += 1
        if shown < MAX_ROWS or line in marked:
            shown += 1
            yield {"k": "file", "i": item, "n": line, **_kept(row, ("path", "kind"))}
    if total:
        digest.counts["file"] = digest.counts.get("file", 0) + total
        yield {"k": "count", "i": item, "of": "file", "shown": shown, "total": total}
