# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a container changed: its upper layer as it lies on disk, a list of it with hashes, and where the engine's own
diff says something else."""

from __future__ import annotations

import os
from typing import Any, Iterator

from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_line, dump_lines
from ansible_collections.cordon.docker.plugins.module_utils._host.files import HashBudget, read_content
from ansible_collections.cordon.docker.plugins.module_utils._host.overlay import (
    ADDED,
    CHANGED,
    DELETED,
    Entry,
    open_layers,
)
from ansible_collections.cordon.docker.plugins.module_utils._triage.disk import layer_row, path_key
from ansible_collections.cordon.docker.plugins.module_utils._triage.subject import Subject

from .archive import Bounds, archive
from .notes import Notes
from .view import Product, View, about, attributes_prefix, item

_MOST_ROWS = 1000
_MOST_CLAIMS = 200_000
_CLAIMED = {0: CHANGED, 1: ADDED, 2: DELETED}
DISAGREEMENTS = ("only_engine", "only_disk", "hidden_edits", "other_kind")


def layer(view: View, subject: Subject) -> Iterator[Product]:
    """The upper layer as an archive."""
    upper = view.overlay(subject).upper
    prefix = attributes_prefix(subject)

    def read(notes: Notes) -> Iterator[bytes]:
        root = _open_upper(upper)
        try:
            yield from archive(root, Bounds(view.choice.item_bytes, "item_bytes"), notes, prefix)
        finally:
            os.close(root)

    size = about(lambda: _open_upper(upper), view.choice.item_bytes)
    yield item("layer", subject.ref, "layer.tar", read, size, _moving(subject))


def layer_list(view: View, subject: Subject) -> Iterator[Product]:
    """A row for each file of the upper layer, as triage writes them, with the hash of all that fit ``hash_bytes``."""
    overlay = view.overlay(subject)
    user = attributes_prefix(subject) == "user"

    def read(notes: Notes) -> Iterator[bytes]:
        said: list[str] = []
        budget = HashBudget(view.choice.hash_bytes, view.choice.item_bytes)
        with open_layers(overlay, said, user) as layers:
            yield from dump_lines(
                layer_row(entry, budget, None) for entry in layers.walk() if not entry.hidden
            )
        for note in said:
            notes.add(note)

    yield item("layer_list", subject.ref, "layer.jsonl", read, note=_moving(subject))


def layer_diff(view: View, subject: Subject) -> Iterator[Product]:
    """Where the disk and the engine's diff disagree, as one JSON document."""
    overlay = view.overlay(subject)
    user = attributes_prefix(subject) == "user"

    def read(notes: Notes) -> Iterator[bytes]:
        budget = HashBudget(view.choice.hash_bytes, view.choice.item_bytes)
        said: list[str] = []
        with open_layers(overlay, said, user) as layers:
            yield dump_line(
                compare(layers.walk(), _Claims.of(view.engine, subject.ref.id, notes), budget, notes)
            )
        for note in said:
            notes.add(note)

    yield item("layer_diff", subject.ref, "layer-diff.json", read, note=_moving(subject))


class _Claims:
    """What the engine's diff lists, in eight bytes a path: a layer can hold 100,000."""

    def __init__(self, ask: Any) -> None:
        self._ask = ask
        self.kinds: dict[int, str] = {}
        self.count = 0
        self.cut = False

    @classmethod
    def of(cls, engine: Engine, container: str, notes: Notes) -> _Claims:
        claims = cls(lambda: engine.iter_changes(container))
        for path, kind in claims.rows():
            if len(claims.kinds) >= _MOST_CLAIMS:
                claims.cut = True
                notes.add(f"the engine's diff lists more than {_MOST_CLAIMS} paths; the first are compared")
                break
            claims.kinds[path_key(path)] = kind
            claims.count += 1
        return claims

    def rows(self) -> Iterator[tuple[str, str]]:
        for row in self._ask():
            yield str(row.get("Path")), _CLAIMED.get(row.get("Kind", 0), str(row.get("Kind")))


def compare(entries: Iterator[Entry], claims: _Claims, budget: HashBudget, notes: Notes) -> dict[str, Any]:
    """Rows by the kind of disagreement, at most 1,000 of each, and how many there are.

    ``hidden_edits`` are files whose content differs from the image's though size, mode, owner and time of change do
    not: somebody set the time back. ``only_disk`` is what the engine's diff should list and does not.
    """
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in DISAGREEMENTS}
    counts = dict.fromkeys(DISAGREEMENTS, 0)

    def say(where: str, path: str, **more: Any) -> None:
        counts[where] += 1
        if len(rows[where]) < _MOST_ROWS:
            rows[where].append({"path": path, **more})

    seen, remaining = 0, dict(claims.kinds)
    for entry in entries:
        seen += 1
        claimed = remaining.pop(path_key(entry.path), None)
        if entry.lower_parent is not None:
            _compare_content(entry, budget, notes, say, claimed is not None)
        elif claimed is None and entry.kind is not None and entry.in_diff and not claims.cut:
            say("only_disk", entry.path, kind=entry.kind)
        elif claimed is not None and entry.kind is not None and claimed != entry.kind:
            say("other_kind", entry.path, disk=entry.kind, engine=claimed)
    if remaining:
        for path, kind in claims.rows():
            if path_key(path) in remaining:
                say("only_engine", path, kind=kind)
    return {"disk_entries": seen, "engine_entries": claims.count, "counts": counts, **rows}


def _compare_content(entry: Entry, budget: HashBudget, notes: Notes, say: Any, claimed: bool) -> None:
    """A file that looks like the image's own: is it?"""
    size = entry.status.st_size
    upper = read_content(entry.parent, entry.name, size, budget)
    lower = read_content(entry.lower_parent or 0, entry.name, size, budget)
    if upper.sha256 is None or lower.sha256 is None:
        notes.add(f"{entry.path} could not be compared with the image: {upper.reason or lower.reason}")
    elif upper.sha256 != lower.sha256:
        say(
            "hidden_edits",
            entry.path,
            sha256=upper.sha256,
            image_sha256=lower.sha256,
            bytes=size,
            in_engine_diff=claimed,
        )


def _open_upper(upper: str) -> int:
    try:
        return os.open(upper, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError as exc:
        raise HostError(f"The layer {upper} is not on this host.") from exc
    except PermissionError as exc:
        raise HostError(f"The layer {upper} may not be read by this user; use become.") from exc


def _moving(subject: Subject) -> str | None:
    """What the reader has to know of a container that goes on writing."""
    if subject.state != "running":
        return None
    return "The container was running: files may belong to different moments."


__all__ = ["DISAGREEMENTS", "compare", "layer", "layer_diff", "layer_list"]
