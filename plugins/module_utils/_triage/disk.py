# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the disk tells of a container: its upper layer, what it changed, and its volumes, as evidence."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Collection, Iterator, Sequence

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.content import Content, Missing, rows
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import text
from ansible_collections.cordon.docker.plugins.module_utils._host.files import (
    APP_ROOTS,
    HashBudget,
    file_row,
    in_web_root,
    read_content,
)
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import Mount, Overlay
from ansible_collections.cordon.docker.plugins.module_utils._host.overlay import Entry, Layers, open_layers
from ansible_collections.cordon.docker.plugins.module_utils._host.volumes import changed_files, volumes_of

from .options import parse_time
from .subject import Subject

# How many files of the largest size may be hashed for one item before the rest go without.
_LAYER_FILES = 64
_VOLUME_FILES = 8


def layer(overlay: Overlay, hash_bytes: int, user_attributes: bool, seen: Collection[int] | None) -> Content:
    """layer.jsonl; ``seen`` are the hashes of the paths in the engine's diff, where it was asked."""
    notes: list[str] = []
    opened = _opened(overlay, notes, user_attributes)
    if isinstance(opened, Missing):
        return opened
    stack, layers = opened
    budget = HashBudget(hash_bytes, hash_bytes * _LAYER_FILES)
    return rows(_layer_rows(stack, layers, budget, seen), notes)


def _layer_rows(
    stack: ExitStack, layers: Layers, budget: HashBudget, seen: Collection[int] | None
) -> Iterator[dict[str, Any]]:
    with stack:
        for entry in layers.walk():
            if not entry.hidden:
                yield layer_row(entry, budget, seen)


def layer_row(entry: Entry, budget: HashBudget, seen: Collection[int] | None) -> dict[str, Any]:
    served = in_web_root(entry.path, APP_ROOTS)
    row = file_row(entry.parent, entry.name, entry.path, entry.status, budget, served)
    row["opaque"] = entry.opaque
    row["kind"] = entry.kind
    if seen is not None:
        row["in_diff"] = path_key(entry.path) in seen
    elif entry.kind is not None:
        row["in_diff"] = entry.in_diff
    row["content_changed"] = None
    if entry.lower_parent is not None and row["sha256"] is not None:
        # The engine's diff sees no difference: whether there is one is in the content.
        lower = read_content(entry.lower_parent, entry.name, entry.status.st_size, budget)
        row["content_changed"] = None if lower.sha256 is None else lower.sha256 != row["sha256"]
    return row


def path_key(path: str) -> int:
    """A path in eight bytes: a layer can hold 100,000, and no more than whether it is there is asked."""
    return hash(text(path.encode("utf-8", "surrogateescape")))


def changes(overlay: Overlay, user_attributes: bool) -> Content:
    """changes.jsonl by the kernel: what the engine's diff would say, without its walk over the whole image."""
    notes: list[str] = []
    opened = _opened(overlay, notes, user_attributes)
    if isinstance(opened, Missing):
        return opened
    stack, layers = opened
    return rows(_change_rows(stack, layers), notes)


def _change_rows(stack: ExitStack, layers: Layers) -> Iterator[dict[str, Any]]:
    with stack:
        for entry in layers.walk():
            if entry.kind is not None and entry.in_diff:
                yield {"path": entry.path, "kind": entry.kind, "source": "kernel"}


def _opened(overlay: Overlay, notes: list[str], user_attributes: bool) -> tuple[ExitStack, Layers] | Missing:
    stack = ExitStack()
    try:
        return stack, stack.enter_context(open_layers(overlay, notes, user_attributes))
    except HostError as exc:
        return Missing(str(exc))


def volumes(
    subject: Subject, hash_bytes: int, host_mounts: Sequence[Mount], left_out: Sequence[str]
) -> Content:
    """volumes.jsonl; ``left_out`` are the host's folders that no walk enters."""
    mounts: list[dict[str, Any]] = list(subject.inspect.get("Mounts") or [])
    found = volumes_of(mounts)
    if not found:
        return rows((), [])
    if not subject.is_here:
        return Missing("The engine runs on another host: its volumes are there.")
    started = subject.started
    if not started or started.startswith("0001-"):
        return Missing("The container was never started: nothing can have changed since.")
    after = int(parse_time("StartedAt", started) * 1e9)
    budget = HashBudget(hash_bytes, hash_bytes * _VOLUME_FILES)
    notes: list[str] = []

    def walk() -> Iterator[dict[str, Any]]:
        for volume in found:
            yield from changed_files(volume, after, budget, host_mounts, left_out, notes)

    return rows(walk(), notes)
