# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._evidence import bundle as bundle_module
from ansible_collections.cordon.docker.plugins.module_utils._evidence.bundle import (
    OUTCOMES,
    BundleWriter,
    Deadline,
    Limits,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.content import (
    Content,
    Found,
    Missing,
    document,
    rows,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import ContainerRef, Outcome

WEB = ContainerRef("ab" * 32, "web")
ROOMY = Limits(item_bytes=1 << 20, total_bytes=1 << 24, staged_bytes=1 << 24)


def writer(folder: Path, limits: Limits = ROOMY, budget: float = 60) -> BundleWriter:
    return BundleWriter.create(folder / "bundle.zip", limits, Deadline.after(budget))


def read(folder: Path) -> tuple[dict[str, bytes], list[Outcome]]:
    with zipfile.ZipFile(folder / "bundle.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist()[-1] == OUTCOMES
        content = {name: archive.read(name) for name in archive.namelist()}
    outcomes = [Outcome.from_json(json.loads(line)) for line in content.pop(OUTCOMES).splitlines()]
    for outcome in outcomes:
        if outcome.path is not None:
            assert outcome.sha256 == hashlib.sha256(content[outcome.path]).hexdigest()
            assert outcome.bytes == len(content[outcome.path])
    assert {outcome.path for outcome in outcomes if outcome.path} == set(content)
    return content, outcomes


def test_each_ending_is_a_row(tmp_path: Path) -> None:
    def broken() -> Content:
        raise ValueError("no such thing")

    def breaks_off() -> Iterator[bytes]:
        yield b"first\n"
        raise OSError(errno.EIO, "the disk is gone")

    notes: list[str] = []

    def cut_short() -> Iterator[dict[str, int]]:
        yield {"row": 1}
        notes.append("only the first row")

    bundle = writer(tmp_path)
    bundle.add("host", None, "host.json", lambda: document({"a": 1}))
    bundle.add("layer", WEB, "layer.jsonl", lambda: rows([], []))
    bundle.add("history", WEB, "history.json", lambda: Missing("The image is gone."))
    bundle.add("top", WEB, "top.json", broken)
    bundle.add("inspect", WEB, "inspect.json", lambda: Found(breaks_off()))
    bundle.add("changes", WEB, "changes.jsonl", lambda: rows(cut_short(), notes))
    bundle.note("image", WEB, "missing", "not asked for")
    size, digest = bundle.finish()

    raw = (tmp_path / "bundle.zip").read_bytes()
    assert (size, digest) == (len(raw), hashlib.sha256(raw).hexdigest())
    content, outcomes = read(tmp_path)
    assert [(outcome.item, outcome.status, outcome.bytes) for outcome in outcomes] == [
        ("host", "collected", 8),
        ("layer", "empty", 0),
        ("history", "missing", 0),
        ("top", "failed", 0),
        ("inspect", "truncated", 6),
        ("changes", "truncated", 10),
        ("image", "missing", 0),
    ]
    assert content["containers/abababababab/changes.jsonl"] == b'{"row":1}\n'
    assert "no such thing" in (outcomes[3].reason or "")
    assert outcomes[5].reason == "only the first row"
    assert bundle.counts() == {"collected": 1, "empty": 1, "missing": 2, "failed": 1, "truncated": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["bundle.zip"]


def test_items_are_cut_after_a_whole_line(tmp_path: Path) -> None:
    bundle = writer(tmp_path, Limits(item_bytes=25, total_bytes=60, staged_bytes=1 << 20))
    for number in range(4):
        bundle.add("layer", None, f"layer{number}.jsonl", lambda: Found([b"123456789\n"] * 5))
    bundle.finish()
    _content, outcomes = read(tmp_path)
    assert [outcome.bytes for outcome in outcomes] == [20, 20, 20, 0]
    assert [outcome.status for outcome in outcomes] == ["truncated"] * 3 + ["failed"]
    assert "item_bytes (25)" in (outcomes[0].reason or "")
    assert "total_bytes (60)" in (outcomes[3].reason or "")


def test_the_time_budget_ends_collecting_with_rows(tmp_path: Path) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"more\n"

    roomy = Limits(item_bytes=1 << 40, total_bytes=1 << 40, staged_bytes=1 << 40)
    bundle = writer(tmp_path, roomy, budget=0.05)
    bundle.add("layer", None, "layer.jsonl", lambda: Found(endless()))
    bundle.add("volumes", None, "volumes.jsonl", lambda: document(1))
    bundle.finish()
    outcomes = read(tmp_path)[1]
    assert [outcome.status for outcome in outcomes] == ["truncated", "failed"]
    assert "the time budget of 0.05 s is used up; raise budget" in (outcomes[1].reason or "")


def test_a_full_file_system_leaves_a_valid_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = 200_000

    class Full(bundle_module._Sink):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            self._file = Disk(self._file, self)  # type: ignore[assignment]

    class Disk:
        def __init__(self, file: Any, sink: bundle_module._Sink) -> None:
            self.file, self.sink = file, sink

        def write(self, data: bytes) -> int:
            if not self.sink.full and self.file.tell() + len(data) > room:
                raise OSError(errno.ENOSPC, "No space left on device")
            return int(self.file.write(data))

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    monkeypatch.setattr(bundle_module, "_Sink", Full)
    bundle = writer(tmp_path)
    for number in range(3):
        bundle.add(
            "layer", None, f"layer{number}.jsonl", lambda: Found(os.urandom(30_000) for _dummy in range(10))
        )
    bundle.finish()
    outcomes = read(tmp_path)[1]
    assert [outcome.status for outcome in outcomes] == ["truncated", "failed", "failed"]
    assert "no room is left" in (outcomes[2].reason or "")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle.zip"]


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    writer(tmp_path)
    with pytest.raises(EvidenceError, match="stage_dir"):
        writer(tmp_path)
