# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images where the engine keeps them itself (moby image/fs.go, layer/filestore.go), read without the engine.

``docker save`` writes the whole image to the engine's disk before it sends a byte. The layers are there already: as
files, with a record (tar-split) of how they were an archive, from which the same bytes come again.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError, describe
from ansible_collections.cordon.docker.plugins.module_utils._host.beneath import (
    folder,
    open_regular,
    parts_of,
)
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import read_all

from .content import joined, read_pieces, zeros
from .notes import Notes

_HEX = re.compile(r"[0-9a-f]{64}\Z")
_CACHE = re.compile(r"[0-9a-z]{1,128}(-init)?\Z")
_CONFIG_BYTES = 4 << 20
_LINE_BYTES = 4 << 20
_FILE, _SEGMENT = 1, 2


@dataclass(frozen=True)
class Layer:
    """One layer: the hash of its archive, that archive's size, its files, and the record of the archive."""

    sha256: str
    size: int
    files: str
    record: str


@dataclass(frozen=True)
class StoredImage:
    """An image's configuration, whose hash is its ID, and its layers from the bottom to the top."""

    sha256: str
    config: bytes
    layers: tuple[Layer, ...]


def read_image(root: str, driver: str, image_id: str) -> StoredImage:
    """``root`` is the engine's folder. Raises HostError where the image is not kept like this, OSError where it may
    not be read."""
    sha256 = image_id[len("sha256:") :] if image_id.startswith("sha256:") else image_id
    if not _HEX.match(sha256) or not re.match(r"[a-z0-9-]+\Z", driver):
        raise HostError(f"{image_id[:100]!r} is no ID of an image.")
    home = f"{root}/image/{driver}"
    try:
        config = read_all(f"{home}/imagedb/content/sha256/{sha256}", None, _CONFIG_BYTES)
    except FileNotFoundError as exc:
        raise HostError(f"The engine does not keep its images in {home}.") from exc
    if hashlib.sha256(config).hexdigest() != sha256:
        raise HostError(f"The configuration of image {sha256[:12]} on disk is not what its name says.")
    return StoredImage(sha256, config, tuple(_layers(root, driver, _diff_ids(config))))


def _diff_ids(config: bytes) -> list[str]:
    try:
        found = json.loads(config)["rootfs"]["diff_ids"] or []
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise HostError("The configuration of the image names no layers.") from exc
    ids = [str(one).partition(":")[2] for one in found]
    if not all(_HEX.match(one) for one in ids):
        raise HostError("The configuration of the image names layers that are none.")
    return ids


def _layers(root: str, driver: str, diff_ids: list[str]) -> Iterator[Layer]:
    chain = ""
    for diff_id in diff_ids:
        # The name of a layer on top of others (OCI image specification, config.md, "Layer ChainID").
        chain = diff_id if not chain else _hash(f"sha256:{chain} sha256:{diff_id}")
        record = f"{root}/image/{driver}/layerdb/sha256/{chain}"
        cache = read_all(f"{record}/cache-id", None, 256).decode("ascii", "replace").strip()
        if not _CACHE.match(cache):
            raise HostError(f"The layer {chain[:12]} names a folder that is none.")
        split = f"{record}/tar-split.json.gz"
        size = sum(length for length, _line in _entries(split))
        yield Layer(diff_id, size, f"{root}/{driver}/{cache}/diff", split)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _entries(record: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The entries of a record, each with how many bytes of the archive it stands for. Raises HostError, OSError."""
    with gzip.open(record, "rb") as lines:
        while True:
            line = lines.readline(_LINE_BYTES)
            if not line:
                return
            try:
                entry = json.loads(line)
                kind = entry["type"]
                length = (
                    int(entry.get("size") or 0) if kind == _FILE else len(base64.b64decode(entry["payload"]))
                )
            except (ValueError, KeyError, TypeError, RecursionError) as exc:
                raise HostError(f"{record} is damaged.") from exc
            if kind not in (_FILE, _SEGMENT) or length < 0:
                raise HostError(f"{record} is of a kind that is not known.")
            yield length, entry


def layer_bytes(layer: Layer, notes: Notes) -> Iterator[bytes]:
    """A layer's archive, of exactly its size; what is missing on disk is zeros, and told. Raises OSError."""
    root = os.open(layer.files, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield from joined(_archive(root, layer, notes))
    finally:
        os.close(root)


def _archive(root: int, layer: Layer, notes: Notes) -> Iterator[bytes]:
    for length, entry in _entries(layer.record):
        if entry["type"] == _SEGMENT:
            yield base64.b64decode(entry["payload"])
        elif length:
            yield from _file(root, _name(entry), length, layer, notes)


def _name(entry: dict[str, Any]) -> str:
    raw = entry.get("name_raw")
    return os.fsdecode(base64.b64decode(raw)) if raw else str(entry.get("name", ""))


def _file(root: int, name: str, length: int, layer: Layer, notes: Notes) -> Iterator[bytes]:
    shown = f"{name} of layer {layer.sha256[:12]}"
    try:
        with _opened(root, name) as handle:
            yield from read_pieces(handle, [(0, length)], shown, notes)
    except (OSError, ValueError) as exc:
        # Only opening fails so: what happens while reading is told by the reading itself.
        notes.add(f"{shown} is not as it was, zeros stand in its place: {describe(exc)}")
        yield from zeros(length)


@contextmanager
def _opened(root: int, name: str) -> Iterator[int]:
    parts = parts_of(name)
    with folder(root, parts[:-1]) as parent:
        if parent is None:
            raise FileNotFoundError(name)
        handle = open_regular(parent, parts[-1])
        try:
            yield handle
        finally:
            os.close(handle)
