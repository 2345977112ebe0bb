# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store of images as moby keeps one, made of real files by the test."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError
from ansible_collections.cordon.docker.plugins.module_utils._preserve import image
from ansible_collections.cordon.docker.plugins.module_utils._preserve.imagestore import (
    layer_bytes,
    read_image,
)
from ansible_collections.cordon.docker.plugins.module_utils._preserve.item import Blob, Item
from ansible_collections.cordon.docker.plugins.module_utils._preserve.notes import Notes
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._preserve.worlds import (
    ScriptedEngine,
    content,
    members,
    subject,
    view,
)

FILES = [
    {"etc/passwd": b"root:x:0:0\n", "bin/tool": b"\x7fELF" * 30_000, "empty": b""},
    {"var/www/\udcff\n": b"odd name", "a/.wh.gone": b""},
]


def sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def archived(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", errors="surrogateescape", format=tarfile.GNU_FORMAT) as archive:
        for name, inside in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(inside)
            archive.addfile(member, io.BytesIO(inside))
    return held.getvalue()


def record_of(raw: bytes) -> list[dict[str, Any]]:
    """What tar-split notes of an archive: everything but the files' content."""
    entries: list[dict[str, Any]] = []
    at = 0
    with tarfile.open(fileobj=io.BytesIO(raw), errors="surrogateescape") as archive:
        for member in archive:
            entries.append({"type": 2, "payload": base64.b64encode(raw[at : member.offset_data]).decode()})
            name = member.name.encode("utf-8", "surrogateescape")
            named = {"name": member.name} if name.isascii() else {"name_raw": base64.b64encode(name).decode()}
            entries.append({"type": 1, **named, "size": member.size, "payload": "AAAAAAAAAAA="})
            at = member.offset_data + member.size
    entries.append({"type": 2, "payload": base64.b64encode(raw[at:]).decode()})
    return entries


class Store:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.archives = [archived(files) for files in FILES]
        self.diff_ids = [sha256(raw) for raw in self.archives]
        self.config = json.dumps(
            {"rootfs": {"diff_ids": [f"sha256:{one}" for one in self.diff_ids]}}
        ).encode()
        self.id = sha256(self.config)
        home = root / "image" / "overlay2"
        (home / "imagedb/content/sha256").mkdir(parents=True)
        (home / "imagedb/content/sha256" / self.id).write_bytes(self.config)
        chain = ""
        for number, (files, raw) in enumerate(zip(FILES, self.archives)):
            diff_id = self.diff_ids[number]
            chain = sha256(f"sha256:{chain} sha256:{diff_id}".encode()) if chain else diff_id
            record = home / "layerdb/sha256" / chain
            record.mkdir(parents=True)
            (record / "cache-id").write_text(f"cache{number}")
            with gzip.open(record / "tar-split.json.gz", "wt") as lines:
                for entry in record_of(raw):
                    lines.write(json.dumps(entry) + "\n")
            for name, inside in files.items():
                path = root / "overlay2" / f"cache{number}" / "diff" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                if ".wh." not in name:
                    path.write_bytes(inside)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_layers_come_again_byte_by_byte(store: Store) -> None:
    found = read_image(str(store.root), "overlay2", f"sha256:{store.id}")
    said: list[str] = []
    assert found.config == store.config
    assert [layer.sha256 for layer in found.layers] == store.diff_ids
    assert [layer.size for layer in found.layers] == [len(raw) for raw in store.archives]
    assert [b"".join(layer_bytes(layer, Notes(said))) for layer in found.layers] == store.archives
    assert said == []


def test_a_file_that_is_missing_on_disk_is_zeros_and_told(store: Store) -> None:
    (store.root / "overlay2/cache0/diff/etc/passwd").unlink()
    found = read_image(str(store.root), "overlay2", store.id)
    said: list[str] = []
    raw = b"".join(layer_bytes(found.layers[0], Notes(said)))
    assert len(raw) == found.layers[0].size
    assert said[0].startswith(f"etc/passwd of layer {store.diff_ids[0][:12]} is not as it was, zeros stand")


def test_a_link_in_a_layer_is_not_followed(store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"the host's")
    path = store.root / "overlay2/cache0/diff/etc/passwd"
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    found = read_image(str(store.root), "overlay2", store.id)
    said: list[str] = []
    raw = b"".join(layer_bytes(found.layers[0], Notes(said)))
    assert b"the host's" not in raw
    assert len(raw) == found.layers[0].size
    assert said


@pytest.mark.parametrize("driver", ["../../etc", "", "overlayfs"])
def test_another_store_is_no_error_of_ours(store: Store, driver: str) -> None:
    with pytest.raises(HostError):
        read_image(str(store.root), driver, store.id)


def test_a_changed_configuration_is_refused(store: Store) -> None:
    (store.root / "image/overlay2/imagedb/content/sha256" / store.id).write_bytes(b"{}")
    with pytest.raises(HostError, match="is not what its name says"):
        read_image(str(store.root), "overlay2", store.id)


@pytest.mark.parametrize(
    "line", ["", "{}", '{"type":3,"payload":""}', '{"type":1,"size":-1}', "[", '{"type":2}']
)
def test_a_damaged_record_is_refused(store: Store, line: str) -> None:
    (record,) = [path for path in store.root.rglob("tar-split.json.gz") if store.diff_ids[0] in str(path)]
    with gzip.open(record, "wt") as lines:
        lines.write(line + "\n")
    with pytest.raises(HostError, match=r"damaged|not known"):
        read_image(str(store.root), "overlay2", store.id)


def test_an_image_is_an_item_of_blobs(store: Store) -> None:
    engine = ScriptedEngine(image={"Id": f"sha256:{store.id}", "RepoTags": ["dvwa:1"]})
    one = subject({"Image": f"sha256:{store.id}"})
    seen = view(one, engine, info={"DockerRootDir": str(store.root), "Driver": "overlay2"})
    (item,) = image.images(seen)
    assert isinstance(item, Item)
    assert item.path == f"images/{store.id[:12]}.tar"
    assert [part.sha256 for part in item.open() if isinstance(part, Blob)] == store.diff_ids
    found = members(content(item))
    assert f"blobs/sha256/{store.id}" in found


def test_an_image_kept_elsewhere_is_saved_by_the_engine(store: Store) -> None:
    sent = [archived({"manifest.json": b"[]"})]
    asked: list[str] = []

    def save(name: str, timeout: float) -> list[bytes]:
        del timeout
        asked.append(name)
        return sent

    engine = ScriptedEngine(image={"Id": f"sha256:{store.id}", "RepoTags": ["dvwa:1"]}, save=save)
    one = subject({"Image": f"sha256:{store.id}"})
    (item,) = image.images(view(one, engine, info={"DockerRootDir": str(store.root), "Driver": "overlayfs"}))
    assert isinstance(item, Item)
    assert content(item) == sent[0]
    assert asked == ["dvwa:1"]
    assert "Saved by the engine" in str(item.note)
