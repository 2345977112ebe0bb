# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives of images in which layers are known by their hash. Pure.

Written here: an OCI layout that also carries the manifest.json of older engines, as ``docker save`` writes since 25.
Read here: what engines send, of both layouts; the bytes stay as they are, only cut where a layer begins and ends.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Iterable, Iterator, Sequence

from ansible_collections.cordon.docker.plugins.module_utils._errors import EngineError

from . import tar
from .item import Blob, Part
from .legacy import LegacyLayers

_OCI = re.compile(r"(?:\./)?blobs/sha256/([0-9a-f]{64})\Z")
_LEGACY_LAYER = re.compile(r"(?:\./)?([0-9a-f]{64})/layer\.tar\Z")
_LEGACY_JSON = re.compile(r"(?:\./)?([0-9a-f]{64})/json\Z")
_LEAST_BLOB = 1 << 14  # smaller ones cost less sent than looked up
_SMALL = 1 << 20
_CHUNK = 1 << 18
_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


def written(config: bytes, tags: Sequence[str], layers: Sequence[Blob]) -> Iterator[Part]:
    """The archive of an image by its configuration and its layers, from the bottom to the top."""
    sizes = [{"mediaType": _LAYER, "digest": f"sha256:{blob.sha256}", "size": blob.size} for blob in layers]
    about = {"mediaType": _CONFIG, "digest": f"sha256:{_sha256(config)}", "size": len(config)}
    manifest = _json({"schemaVersion": 2, "mediaType": _MANIFEST, "config": about, "layers": sizes})
    entry: dict[str, Any] = {
        "mediaType": _MANIFEST,
        "digest": f"sha256:{_sha256(manifest)}",
        "size": len(manifest),
    }
    named = [
        {
            **entry,
            "annotations": {
                "io.containerd.image.name": full_name(tag),
                "org.opencontainers.image.ref.name": _tag(tag),
            },
        }
        for tag in tags
    ]
    docker = [
        {
            "Config": f"blobs/sha256/{_sha256(config)}",
            "RepoTags": list(tags) or None,
            "Layers": [f"blobs/sha256/{blob.sha256}" for blob in layers],
        }
    ]
    index = _json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": named or [entry]})
    yield _folder("blobs/") + _folder("blobs/sha256/")
    for blob in {blob.sha256: blob for blob in layers}.values():
        yield tar.header(tar.Member(f"blobs/sha256/{blob.sha256}".encode(), mode=0o644, size=blob.size))
        yield blob
        yield tar.padding(blob.size)
    yield b"".join(
        (
            _file(f"blobs/sha256/{_sha256(config)}", config),
            _file(f"blobs/sha256/{_sha256(manifest)}", manifest),
            _file("index.json", index),
            _file("manifest.json", _json(docker)),
            _file("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
            tar.END,
        )
    )


def full_name(name: str) -> str:
    """A name as containerd keeps it, with the registry and the folder that Docker leaves out."""
    first, slash, _rest = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    return name if "." in first or ":" in first or first == "localhost" else f"docker.io/{name}"


def _tag(name: str) -> str:
    return name.rpartition(":")[2]


def _folder(name: str) -> bytes:
    return tar.header(tar.Member(name.encode(), tar.FOLDER, 0o755))


def _file(name: str, content: bytes) -> bytes:
    head = tar.header(tar.Member(name.encode(), mode=0o644, size=len(content)))
    return head + content + tar.padding(len(content))


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode("utf-8")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def split(stream: Iterable[bytes], diff_ids: Sequence[str]) -> Iterator[Part]:
    """The same bytes, with each layer whose hash is known as a Blob.

    ``diff_ids`` are the hashes of the layers' archives from the bottom to the top, by which layers of the older
    layout are told. Raises EngineError where the stream is no archive.
    """
    source = _Source(stream)
    legacy = LegacyLayers(diff_ids)
    while True:
        head, name, size = _header(source)
        if name is None:
            yield head
            yield from source.rest()
            return
        digest = _digest(name, legacy) if size >= _LEAST_BLOB else None
        kept = _LEGACY_JSON.match(name)
        if digest is not None:
            yield head
            yield from _blob(source, digest, size)
            yield source.exactly(-size % tar.BLOCK)
        elif kept and size <= _SMALL:
            content = source.exactly(size)
            legacy.learn(kept.group(1), content)
            yield head + content + source.exactly(-size % tar.BLOCK)
        else:
            yield head
            yield from source.pieces(size + -size % tar.BLOCK)


def _digest(name: str, legacy: LegacyLayers) -> str | None:
    found = _OCI.match(name)
    if found:
        return found.group(1)
    found = _LEGACY_LAYER.match(name)
    return legacy.digest(found.group(1)) if found else None


def _blob(source: _Source, digest: str, size: int) -> Iterator[Part]:
    """A Blob that is read from the stream, or passed over where nobody reads it."""
    begun: list[Iterator[bytes]] = []

    def start() -> Iterator[bytes]:
        begun.append(source.pieces(size))
        return begun[0]

    yield Blob(digest, size, start)
    for _piece in begun[0] if begun else source.pieces(size):
        pass


def _header(source: _Source) -> tuple[bytes, str | None, int]:
    """The next member: all bytes before its content, its name and size; no name at the archive's end."""
    raw, name, size = b"", None, None
    while True:
        block = source.exactly(tar.BLOCK, b"")
        raw += block
        if not block.strip(b"\0"):
            return raw, None, 0
        if len(raw) > _SMALL or block[257:262] != b"ustar":
            raise EngineError("The engine sent something else than an archive for an image.")
        length = _number(block[124:136])
        kind = block[156:157]
        if kind in (b"x", b"g", b"L", b"K"):
            content = source.exactly(length)
            raw += content + source.exactly(-length % tar.BLOCK)
            if kind == b"x":
                name, size = _pax(content, name, size)
            elif kind == b"L":
                name = content.rstrip(b"\0").decode("utf-8", "backslashreplace")
            continue
        if name is None:
            prefix = _text(block[345:500])
            name = (prefix + "/" if prefix else "") + _text(block[:100])
        has_content = kind in (b"0", b"\0", b"7")
        return raw, name, (length if size is None else size) if has_content else 0


def _pax(content: bytes, name: str | None, size: int | None) -> tuple[str | None, int | None]:
    for key, value in re.findall(rb"\d+ (path|size)=([^\n]*)\n", content):
        if key == b"path":
            name = value.decode("utf-8", "backslashreplace")
        elif value.isdigit():
            size = int(value)
    return name, size


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")


def _number(field: bytes) -> int:
    """Octal, or binary where it does not fit (GNU tar)."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError as exc:
        raise EngineError("The engine sent a damaged archive for an image.") from exc


class _Source:
    """A stream of pieces of any size, taken in pieces of the size asked for."""

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = iter(stream)
        self._held = b""

    def exactly(self, size: int, instead: bytes | None = None) -> bytes:
        """``size`` bytes at once; ``instead`` where the stream ended just before. Raises EngineError."""
        if size > _SMALL:
            raise EngineError("The engine sent an archive whose headers are larger than any should be.")
        parts = list(self.pieces(size, instead is not None))
        return b"".join(parts) if parts or not size else instead or b""

    def pieces(self, size: int, may_end: bool = False) -> Iterator[bytes]:
        left = size
        while left:
            if not self._held:
                self._held = next(filter(None, self._stream), b"")
            if not self._held:
                if may_end and left == size:
                    return
                raise EngineError("The engine broke off in the middle of an image.")
            taken = self._held[: min(left, _CHUNK)]
            self._held = self._held[len(taken) :]
            left -= len(taken)
            yield taken

    def rest(self) -> Iterator[bytes]:
        yield self._held
        yield from self._stream
