# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import stat
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._evidence.bundle import (
    BundleWriter,
    Deadline,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.bundle import Limits as HostLimits
from ansible_collections.cordon.docker.plugins.module_utils._evidence.content import Missing, document
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import ContainerRef
from ansible_collections.cordon.docker.plugins.plugin_utils._case import files
from ansible_collections.cordon.docker.plugins.plugin_utils._case.bag import BagWriter
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.bundle import Limits, Unpacked, unpack

LIMITS = Limits(item_bytes=1 << 20, total_bytes=4 << 20)
NOW = "2026-01-02T12:00:00.000000Z"
ID = "0123456789ab" + "0" * 52


def row(path: str | None, content: bytes = b"", **changes: Any) -> dict[str, Any]:
    """A row of outcomes.jsonl as an honest host writes it, but for the changes."""
    stored = path is not None
    return {
        "item": "inspect",
        "container": None,
        "status": "collected" if stored else "empty",
        "reason": None,
        "path": path,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest() if stored else None,
        "started": NOW,
        "seconds": 0.1,
        **changes,
    }


def rows(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


class Scene:
    """A bundle on its way into a bag."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "bundle.zip"
        self.bag = BagWriter.create(folder / "bag")

    def zip(self, entries: list[tuple[str | zipfile.ZipInfo, bytes]], outcomes: bytes | None) -> None:
        with zipfile.ZipFile(self.path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in entries:
                archive.writestr(name, content)
            if outcomes is not None:
                archive.writestr("outcomes.jsonl", outcomes)

    def unpack(self, limits: Limits = LIMITS) -> Unpacked:
        sha256 = hashlib.sha256(self.path.read_bytes()).hexdigest()
        return unpack(self.path, sha256, self.bag, limits, NOW)

    @property
    def stored(self) -> dict[str, bytes]:
        data = self.bag.folder / "data"
        return {str(p.relative_to(data)): p.read_bytes() for p in data.rglob("*") if not p.is_dir()}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def reasons(result: Unpacked) -> list[str]:
    return [outcome.reason or "" for outcome in result.outcomes if outcome.status == "failed"]


def test_what_the_host_writes_arrives_as_it_was(scene: Scene) -> None:
    writer = BundleWriter.create(scene.path, HostLimits(1 << 20, 1 << 22, 1 << 22), Deadline.after(60))
    container = ContainerRef(ID, "web")
    writer.add("host", None, "host.json", lambda: document({"a": 1}))
    writer.add("log_tail", container, "logs/tail.jsonl", lambda: document({"line": "x" * 100_000}))
    writer.add("log_hits", container, "logs/hits.jsonl", lambda: Missing("no driver"))
    writer.finish()
    result = scene.unpack()
    assert [got.to_json() for got in result.outcomes] == [sent.to_json() for sent in writer.outcomes]
    assert result.incomplete is None
    with zipfile.ZipFile(scene.path) as archive:
        assert scene.stored == {name: archive.read(name) for name in archive.namelist()}


GOOD = ("host.json", b"{}")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../evil", "no safe name"),
        ("a/../../evil", "no safe name"),
        ("/etc/evil", "no safe name"),
        ("a//b", "no safe name"),
        (".hidden", "no safe name"),
        ("a\\b", "no safe name"),
        ("a\nb", "no safe name"),
        ("a\x1b[2Jb", "no safe name"),
        ("x" * 200, "no safe name"),
        ("a/" * 9 + "a", "no safe name"),
        ("folder/", "no regular file"),
        ("bundle.zip", "kept for the controller"),
        ("outcomes-as-sent.jsonl", "kept for the controller"),
        ("extra.json", "not announced"),
    ],
)
def test_a_name_that_cannot_be_is_a_row(scene: Scene, name: str, why: str) -> None:
    scene.zip([GOOD, (name, b"evil")], rows(row(*GOOD)))
    result = scene.unpack()
    assert [why in reason for reason in reasons(result)] == [True]
    assert set(scene.stored) == {"host.json", "outcomes.jsonl", "outcomes-as-sent.jsonl"}
    assert scene.stored["outcomes-as-sent.jsonl"] == rows(row(*GOOD))


def test_a_name_with_a_hidden_end_is_a_row(scene: Scene) -> None:
    scene.zip([GOOD, ("item!.json", b"evil")], rows(row(*GOOD)))
    scene.path.write_bytes(scene.path.read_bytes().replace(b"item!.json", b"item\0.json"))
    assert "not what it seems" in reasons(scene.unpack())[0]


def test_a_file_in_the_way_of_a_folder_costs_nobody_else(scene: Scene) -> None:
    items = [("a", b"1"), ("a/b", b"2"), ("c", b"3")]
    scene.zip([*items], rows(*(row(*item) for item in items)))
    result = scene.unpack()
    assert [outcome.status for outcome in result.outcomes] == ["collected", "failed", "collected"]
    assert result.incomplete is None


def special(kind: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("item")
    entry.create_system = 3
    entry.external_attr = (kind | 0o777) << 16
    return entry


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFDIR])
def test_only_regular_entries_are_taken(scene: Scene, kind: int) -> None:
    scene.zip([GOOD, (special(kind), b"/etc/passwd")], rows(row(*GOOD), row("item", b"/etc/passwd")))
    result = scene.unpack()
    assert len(reasons(result)) == 2
    assert "item" not in scene.stored


def test_of_two_entries_of_a_name_the_first_counts(scene: Scene) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        scene.zip([GOOD, ("host.json", b"[]")], rows(row(*GOOD)))
    assert reasons(scene.unpack()) == ["The bundle holds 'host.json', which is there twice."]
    assert scene.stored["host.json"] == b"{}"


@pytest.mark.parametrize(
    ("announced", "why"),
    [
        (row("item", b"other content"), "not what was announced"),
        (row("item", b"content", bytes=3), "longer than the 3 bytes"),
        (row("item", b"content", bytes=8), "not what was announced"),
        (row("item", b"content", bytes=2 << 20), "larger than"),
        (row("absent", b"content"), "does not hold it"),
        (row("item", b"content", status="fine"), "unknown status"),
        (row("item", b"content", bytes=True), "unusable size"),
        (row("item", b"content", bytes="7"), "unusable size"),
        (row("item", b"content", sha256="x"), "unusable sha256"),
        (row("item", b"content", sha256=None), "path without a hash"),
        (row("../item", b"content"), "no safe name"),
        (row("item", b"content", container={"id": "../../x", "name": ""}), "unusable id"),
        (row("item", b"content", reason="x" * 5000), "unusable reason"),
        (row("item", b"content", seconds=float("nan")), "unusable duration"),
        (row("item", b"content", more=1), "fields"),
        ([], "fields"),
        (None, "fields"),
    ],
)
def test_a_row_that_is_not_so_is_a_failed_row(scene: Scene, announced: Any, why: str) -> None:
    scene.zip([GOOD, ("item", b"content")], rows(row(*GOOD), announced))
    result = scene.unpack()
    assert why in reasons(result)[0]
    assert "item" not in scene.stored
    assert scene.stored["host.json"] == b"{}"


def test_an_item_in_the_folder_of_another_container_is_not_taken(scene: Scene) -> None:
    path = "containers/ffffffffffff/inspect.json"
    scene.zip([(path, b"{}")], rows(row(path, b"{}", container={"id": ID, "name": "web"})))
    assert reasons(scene.unpack()) == ["Its path is that of another container."]


@pytest.mark.parametrize(
    "outcomes", [None, b"\xff\n", b"[" * 100_000 + b"\n", b"\n\n", b'{"a":' + b"9" * 10_000 + b"}"]
)
def test_hostile_outcomes_are_rows(scene: Scene, outcomes: bytes | None) -> None:
    scene.zip([GOOD], outcomes)
    result = scene.unpack()
    assert reasons(result)
    assert "outcomes.jsonl" in scene.stored


def test_a_bundle_without_outcomes_is_kept_whole(scene: Scene) -> None:
    scene.zip([GOOD], None)
    content = scene.path.read_bytes()
    result = scene.unpack()
    assert result.incomplete is not None
    assert scene.stored["bundle.zip"] == content


def test_a_bomb_is_cut_at_the_bound_by_what_is_really_read(scene: Scene) -> None:
    bomb = b"\0" * (8 << 20)
    lying = row("bomb", bomb, bytes=1000)
    scene.zip([("bomb", bomb), ("big", bomb), GOOD], rows(lying, row("big", bomb), row(*GOOD)))
    result = scene.unpack()
    assert len(reasons(result)) == 2
    assert scene.stored["host.json"] == b"{}"
    assert sum(map(len, scene.stored.values())) < 10_000


def test_the_sum_of_all_items_is_bounded(scene: Scene) -> None:
    items = [(f"item{number}", bytes([number]) * 1000) for number in range(5)]
    scene.zip([*items], rows(*(row(*item) for item in items)))
    result = scene.unpack(Limits(1000, 3500))
    assert [outcome.status for outcome in result.outcomes] == ["collected"] * 3 + ["failed"] * 2


def test_a_damaged_entry_leaves_the_others_whole(scene: Scene) -> None:
    with zipfile.ZipFile(scene.path, "w") as archive:
        archive.writestr("item", b"A" * 100)
        archive.writestr(*GOOD)
        archive.writestr("outcomes.jsonl", rows(row("item", b"A" * 100), row(*GOOD)))
    scene.path.write_bytes(scene.path.read_bytes().replace(b"A" * 100, b"A" * 99 + b"B"))
    result = scene.unpack()
    assert "CRC" in reasons(result)[0]
    assert set(scene.stored) >= {"host.json", "outcomes.jsonl"}
    assert "item" not in scene.stored


def directory(entries: int, size: int, extra: bytes = b"") -> bytes:
    return extra + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, min(entries, 65535), entries, size, 0, 0)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "Invalid argument"),
        (b"no zip at all, but long enough", "does not end as a bundle"),
        (directory(60_000, 100), "more than 20000 entries"),
        (directory(1, 64 << 20), "more than 20000 entries"),
        (b"PK\x06\x07" + b"\0" * 16 + directory(1, 100), "more than 4 GiB"),
        (directory(1, 100), "cannot be read"),
    ],
)
def test_an_archive_that_is_none_is_kept_as_it_came(scene: Scene, content: bytes, why: str) -> None:
    scene.path.write_bytes(content)
    result = scene.unpack()
    assert why in (result.incomplete or "")
    assert set(scene.stored) == {"bundle.zip", "outcomes.jsonl"}


def test_many_strange_entries_are_summed_up(scene: Scene) -> None:
    scene.zip([(f"x{number}", b"") for number in range(500)], rows())
    result = scene.unpack()
    assert len(result.outcomes) == 101
    assert result.outcomes[-1].reason == "The bundle holds 400 more entries that are of no use."


def test_a_full_disk_leaves_whole_items_and_keeps_the_bundle(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [(f"item{number}", os.urandom(1000)) for number in range(4)]
    scene.zip([*items], rows(*(row(*item) for item in items)))
    content = scene.path.read_bytes()
    write, left = files.write_all, [2500]

    def full(descriptor: int, data: bytes) -> None:
        if len(data) == 1000:
            left[0] -= len(data)
            if left[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
        write(descriptor, data)

    monkeypatch.setattr(files, "write_all", full)
    result = scene.unpack()
    assert [outcome.status for outcome in result.outcomes] == ["collected", "collected", "failed", "failed"]
    assert "No room is left" in (result.incomplete or "")
    assert scene.stored["item0"] == items[0][1]
    assert scene.stored["bundle.zip"] == content
    assert "item2" not in scene.stored


def build(data: list[tuple[str, bytes, int, str]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode, _dummy in data:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (mode << 16) & 0xFFFFFFFF
            archive.writestr(entry, content)
        archive.writestr("outcomes.jsonl", rows(*(row(path, content) for dummy, content, mode, path in data)))
    return buffer.getvalue()


PARTS = st.sampled_from(["..", ".", "", "a", "b.json", "/", "\\", "containers"])
MODES = st.sampled_from([0, 0o100600, 0o120777, 0o060600, 0o040755])
NAMES = st.one_of(st.text(max_size=30), st.lists(PARTS, max_size=5).map("/".join))
ENTRIES = st.lists(st.tuples(NAMES, st.binary(max_size=50), MODES, NAMES), max_size=6)


def flips(content: bytes) -> st.SearchStrategy[bytes]:
    def flip(changes: list[tuple[int, int]]) -> bytes:
        changed = bytearray(content)
        for position, value in changes:
            changed[position % len(changed)] = value
        return bytes(changed)

    return st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=8).map(flip)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@settings(max_examples=150, deadline=None)
@given(ENTRIES.map(build).flatmap(flips))
def test_no_bundle_escapes_or_breaks_the_bag(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder))
        scene.path.write_bytes(content)
        result = scene.unpack()
        scene.bag.seal({})
        outside = [path for path in Path(folder).iterdir() if path.name not in ("bag", "bundle.zip")]
        assert outside == []
        assert not any(path.is_symlink() for path in Path(folder).rglob("*"))
        # What the outcomes say is what is there.
        told = {outcome.path: outcome.sha256 for outcome in result.outcomes if outcome.path}
        found = {name: hashlib.sha256(data).hexdigest() for name, data in scene.stored.items()}
        kept = {"outcomes.jsonl", "outcomes-as-sent.jsonl", "bundle.zip"}
        assert told == {name: digest for name, digest in found.items() if name not in kept}
