# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from functools import partial
from pathlib import Path
from typing import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._errors import EngineError
from ansible_collections.cordon.docker.plugins.module_utils._preserve.imagetar import split, written
from ansible_collections.cordon.docker.plugins.module_utils._preserve.item import Blob, Part
from ansible_collections.cordon.docker.plugins.module_utils._preserve.legacy import LegacyLayers, raw_members

ANSWERS = Path(__file__).parents[3] / "fixtures" / "engines" / "20.10" / "save-layers.json"
LAYER = b"layer one " * 5000
OTHER = b"layer two " * 5000


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def archived(files: dict[str, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=form) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return held.getvalue()


def pieces(raw: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(raw), size):
        yield raw[at : at + size]


def whole(parts: Iterator[Part]) -> tuple[bytes, list[Blob]]:
    blobs: list[Blob] = []
    raw = b""
    for part in parts:
        if isinstance(part, Blob):
            blobs.append(part)
            raw += b"".join(part.open())
        else:
            raw += part
    return raw, blobs


OCI = {
    f"blobs/sha256/{sha256(LAYER)}": LAYER,
    f"blobs/sha256/{sha256(b'{}')}": b"{}",
    "index.json": b'{"schemaVersion":2}',
    f"blobs/sha256/{sha256(OTHER)}": OTHER,
}


@given(
    st.integers(1, 70_000), st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
)
def test_what_the_engine_sends_stays_as_it_is(size: int, form: int) -> None:
    raw = archived({**OCI, "a" * 150 + "/" + "b" * 90: b"long name"}, form)
    found, blobs = whole(split(pieces(raw, size), []))
    assert found == raw
    assert [(blob.sha256, blob.size) for blob in blobs] == [
        (sha256(LAYER), len(LAYER)),
        (sha256(OTHER), len(OTHER)),
    ]


def test_a_blob_that_nobody_reads_is_passed_over() -> None:
    raw = archived(OCI)
    rest = b"".join(part for part in split(pieces(raw, 1000), []) if isinstance(part, bytes))
    assert rest == raw.replace(LAYER, b"").replace(OTHER, b"")


def test_a_blob_that_is_read_half_is_passed_over() -> None:
    found = b""
    for part in split(pieces(archived(OCI), 1000), []):
        found += next(iter(part.open())) if isinstance(part, Blob) else part
    assert b'{"schemaVersion":2}' in found


def test_pieces_are_small_and_memory_bounded() -> None:
    """One layer of 64 MiB in one piece of the stream, as no engine sends it."""
    raw = archived({f"blobs/sha256/{'a' * 64}": b"x" * (64 << 20)})
    for part in split([raw], []):
        for piece in part.open() if isinstance(part, Blob) else [part]:
            assert len(piece) <= 1 << 20


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        ([b"<html>" + b"x" * 600], "something else than an archive"),
        ([archived(OCI)[:700]], "broke off"),
        ([archived(OCI)[:100]], "broke off"),
        ([archived({"x": b"y"})[:124] + b"99999999999\0" + archived({"x": b"y"})[136:]], "damaged archive"),
    ],
)
def test_what_is_no_archive_is_refused(stream: list[bytes], words: str) -> None:
    with pytest.raises(EngineError, match=words):
        whole(split(stream, []))


def test_layers_of_the_older_layout_are_told_by_their_documents() -> None:
    """As an engine 20.10 names them: the ID is the hash of the document with the layer's place in it."""
    diff_ids = [sha256(LAYER), sha256(OTHER)]
    chain = sha256(f"sha256:{diff_ids[0]} sha256:{diff_ids[1]}".encode())
    created, config = '"1970-01-01T00:00:00Z"', '{"Hostname":"","Cmd":null,"Env":["A=<b>"]}'
    base = f'{{"container_config":{config},"created":{created},"layer_id":"sha256:{diff_ids[0]}"}}'
    first = sha256(base.encode())
    top = f'{{"container_config":{config},"created":{created},"layer_id":"sha256:{chain}","parent":"sha256:{first}"}}'
    second = sha256(top.encode())
    files: dict[str, str | bytes] = {
        f"{second}/json": f'{{"id":"{second}","parent":"{first}","created":{created},"container_config":{config}}}',
        f"{second}/layer.tar": OTHER,
        f"{first}/json": f'{{"id":"{first}","created":{created},"container_config":{config}}}',
        f"{first}/layer.tar": LAYER,
        "manifest.json": "[]",
    }
    raw = archived({name: one if isinstance(one, bytes) else one.encode() for name, one in files.items()})
    found, blobs = whole(split(pieces(raw, 4096), [f"sha256:{one}" for one in diff_ids]))
    assert found == raw
    assert [blob.sha256 for blob in blobs] == [sha256(OTHER), sha256(LAYER)]


def test_a_layer_whose_place_is_not_known_is_sent_as_bytes() -> None:
    raw = archived({f"{'a' * 64}/json": b'{"id":"x"}', f"{'a' * 64}/layer.tar": LAYER})
    found, blobs = whole(split([raw], [sha256(LAYER)]))
    assert (found, blobs) == (raw, [])


JSON = st.recursive(
    st.none() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=6))
def test_members_are_as_they_are_written(value: dict[str, object]) -> None:
    text = json.dumps(value, indent=1)
    assert {key: json.loads(raw) for key, raw in raw_members(text).items()} == value


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a"', '{"a":', '{"a":1', '{"a":1,,}', "{1:2}", '{"a":1 "b":2}']
)
def test_a_damaged_document_is_passed_over(text: str) -> None:
    layers = LegacyLayers(["a" * 64])
    layers.learn("b" * 64, text.encode())
    assert layers.digest("b" * 64) is None


def test_an_archive_of_our_own_is_one_of_both_layouts() -> None:
    config = b'{"rootfs":{}}'
    blobs = [Blob(sha256(one), len(one), partial(lambda held: [held], one)) for one in (LAYER, OTHER, LAYER)]
    raw, sent = whole(written(config, ["dvwa:1", "registry:5000/dvwa:2"], blobs))
    assert [blob.sha256 for blob in sent] == [sha256(LAYER), sha256(OTHER)]
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        held = {}
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                held[member.name] = file.read()
    for name, content in held.items():
        assert not name.startswith("blobs/") or name == f"blobs/sha256/{sha256(content)}"
    (docker,) = json.loads(held["manifest.json"])
    assert docker["RepoTags"] == ["dvwa:1", "registry:5000/dvwa:2"]
    assert held[docker["Config"]] == config
    assert [held[name] for name in docker["Layers"]] == [LAYER, OTHER, LAYER]
    index = json.loads(held["index.json"])
    assert [one["annotations"]["io.containerd.image.name"] for one in index["manifests"]] == [
        "docker.io/library/dvwa:1",
        "registry:5000/dvwa:2",
    ]
    manifest = json.loads(held["blobs/sha256/" + index["manifests"][0]["digest"].partition(":")[2]])
    assert [layer["size"] for layer in manifest["layers"]] == [len(LAYER), len(OTHER), len(LAYER)]
    # What is written is cut again where it was joined.
    assert [blob.sha256 for blob in whole(split([raw], []))[1]] == [sha256(LAYER), sha256(OTHER)]


def test_the_layers_of_an_engine_20_10_are_told() -> None:
    """As it sent them: three layers, an environment and a message with what Go escapes."""
    recorded = json.loads(ANSWERS.read_text("utf-8"))
    layers = LegacyLayers(recorded["diff_ids"])
    for layer, document in recorded["documents"].items():
        layers.learn(layer, document.encode())
    told = [f"sha256:{layers.digest(layer)}" for layer in recorded["layers"]]
    assert told == recorded["diff_ids"]
