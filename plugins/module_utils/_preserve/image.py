# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images as archives that ``docker load`` takes: those that containers were made of, and those that were committed.

Each image once for a host, and each of its layers once for a case: layers are blobs known by their hash.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError, HostError, describe
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_line
from ansible_collections.cordon.docker.plugins.module_utils._triage.subject import Subject

from .imagestore import Layer, StoredImage, layer_bytes, read_image
from .imagetar import split, written
from .item import Blob, Part
from .notes import Notes
from .view import Product, View, item, outcome

CONTAINER_LABEL = "cordon.docker.container"
# An engine that keeps images itself writes the archive to its disk before it sends a byte.
_PATIENCE = 1800.0  # seconds


def history(view: View, subject: Subject) -> Iterator[Product]:
    """How the image was made, by the engine's word, with its configuration."""
    name = str(subject.inspect.get("Image"))

    def read(_notes: Notes) -> Iterable[bytes]:
        found = {"history": view.engine.image_history(name), "image": view.engine.image(name)}
        if found["image"] is None:
            raise HostError(f"The engine has no image {name} any more.")
        return (dump_line(found),)

    yield item("history", subject.ref, "history.json", read)


def filesystem(view: View, subject: Subject) -> Iterator[Product]:
    """The whole file system, image and changes together, as the engine exports it."""

    def read(notes: Notes) -> Iterator[bytes]:
        left = view.choice.item_bytes
        for piece in view.engine.export(subject.ref.id):
            yield piece[:left]
            left -= len(piece)
            if left < 0:
                notes.add(f"the file system is cut at {view.choice.item_bytes} bytes (item_bytes)")
                return

    note = "Volumes, binds and file systems in memory are not inside."
    yield item("filesystem", subject.ref, "filesystem.tar", read, note=note)


def images(view: View) -> Iterator[Product]:
    """The image of each container."""
    ids = sorted({str(subject.inspect.get("Image") or "") for subject in view.subjects} - {""})
    if not ids:
        yield outcome("image", None, "No container was chosen that has an image.", "empty")
    for image_id in ids:
        yield from _image(view, "image", image_id, image_id)


def committed_images(view: View) -> Iterator[Product]:
    """Images that keep a scene: those that were named, or those that container_commit made of the chosen containers."""
    found: dict[str, str] = {}
    for name in view.choice.committed_images:
        document = view.engine.image(name)
        if document is None:
            yield outcome("committed_image", None, f"The engine has no image {name!r}.")
        else:
            found[str(document.get("Id"))] = name
    if not view.choice.committed_images:
        for subject in view.subjects:
            rows = view.engine.images(f"{CONTAINER_LABEL}={subject.ref.id}")
            found.update({str(row.get("Id")): subject.ref.name for row in rows})
        if not found:
            reason = "No image was committed of these containers (cordon.docker.container_commit makes one)."
            yield outcome("committed_image", None, reason, "empty")
    for image_id, name in sorted(found.items()):
        yield from _image(view, "committed_image", image_id, name)


def _image(view: View, kind: str, image_id: str, shown: str) -> Iterator[Product]:
    try:
        document = view.engine.image(image_id)
    except CordonError as exc:
        yield outcome(kind, None, describe(exc), "failed")
        return
    if document is None:
        yield outcome(kind, None, f"The engine has no image {shown} any more.")
        return
    short = image_id.partition(":")[2][:12] or "unnamed"
    path = f"{'images' if kind == 'image' else 'committed'}/{short}.tar"
    tags = [str(tag) for tag in document.get("RepoTags") or []]
    note = f"{', '.join(tags) or image_id}."
    try:
        stored = read_image(view.engine_folder, str(view.info.get("Driver") or ""), image_id)
    except (HostError, OSError) as exc:
        yield item(
            kind,
            None,
            path,
            lambda _notes: _saved(view, image_id, document),
            size=_size(document),
            note=f"{note} Saved by the engine: {describe(exc)}",
        )
        return
    size = sum(layer.size for layer in stored.layers)
    yield item(kind, None, path, lambda notes: _written(stored, tags, notes), size=size, note=note)


def _size(document: dict[str, Any]) -> int | None:
    size = document.get("Size")
    return size if isinstance(size, int) else None


def _saved(view: View, image_id: str, document: dict[str, Any]) -> Iterator[Part]:
    # By its tag where it has one: what is loaded again should be called so.
    tags = document.get("RepoTags") or []
    layers = [str(one) for one in (document.get("RootFS") or {}).get("Layers") or []]
    name = str(tags[0]) if tags else image_id
    return split(view.engine.save(name, timeout=_PATIENCE), layers)


def _written(stored: StoredImage, tags: list[str], notes: Notes) -> Iterator[Part]:
    return written(stored.config, tags, [_blob(layer, notes) for layer in stored.layers])


def _blob(layer: Layer, notes: Notes) -> Blob:
    return Blob(layer.sha256, layer.size, lambda: layer_bytes(layer, notes))
