# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that lie, stop, repeat, overflow and never end, and a controller without room: a row, never more, and
nothing of it outside the session."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import Outcome
from ansible_collections.cordon.docker.plugins.module_utils._preserve import frames
from ansible_collections.cordon.docker.plugins.plugin_utils._case import session as sessions
from ansible_collections.cordon.docker.plugins.plugin_utils._case.blobs import Blobs
from ansible_collections.cordon.docker.plugins.plugin_utils._case.session import Session
from ansible_collections.cordon.docker.plugins.plugin_utils._transport import receiver
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.receiver import (
    Bounds,
    Received,
    Receiver,
)
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._transport.streams import (
    LOOSE,
    MIB,
    NOW,
    begun,
    ended,
    frame,
    item,
    of,
    receive,
    send,
    whole,
)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    folder = tmp_path / "partial" / "web1"
    folder.mkdir(parents=True)
    return Session(folder)


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "a/../../b",
        "a//b",
        ".hidden",
        "a\nb",
        "a\x1b[2Jb",
        "",
        "x" * 300,
        7,
        None,
    ],
)
def test_a_name_that_is_none_ends_it_and_nothing_is_written(
    session: Session, tmp_path: Path, path: Any
) -> None:
    received = receive(session, whole("good") + begun(path) + frame(frames.DATA, b"evil"))
    assert received.broken is not None
    assert set(received.whole) == {"good"}
    files = [file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file()]
    assert files == ["partial/web1/whole/good"]


@pytest.mark.parametrize("changes", [{"bytes": 3}, {"bytes": 700}, {"sha256": "0" * 64}])
def test_a_lie_about_size_or_hash_is_a_row_and_the_others_are_whole(
    session: Session, changes: dict[str, Any]
) -> None:
    lie = begun("lie") + frame(frames.DATA, b"content") + ended("lie", b"content", **changes)
    received = receive(session, whole("before") + lie + whole("after") + frame(frames.FINISH, {}))
    assert received.broken is None
    assert set(received.whole) == {"before", "after"}
    assert received.outcomes[1].status == "failed"
    assert not (session.folder / "whole" / "lie").exists()
    assert not (session.folder / "part" / "lie").exists()


def test_a_mark_that_does_not_agree_leaves_nothing_of_the_item(session: Session) -> None:
    stream = (
        whole("good") + begun("a") + frame(frames.DATA, b"x") + frame(frames.MARK, frames.mark(1, b"0" * 32))
    )
    received = receive(session, stream)
    assert "not what the host says" in (received.broken or "")
    assert session.partial() == {}


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (frame(frames.DATA, b"x"), "no item"),
        (begun("a") + begun("b"), "before it has ended"),
        (whole("a") + whole("a"), "twice"),
        (begun("a", 5), "not agreed"),
        (begun("a", -1), "in a form"),
        (begun("a", True), "in a form"),
        (begun("a") + frame(frames.FINISH, {}), "within an item"),
        (begun("a") + frame(frames.DATA, b"x") + ended("b", b"x"), "did not begin"),
        (ended("a", b"x"), "no item"),
        (b"?garbage" * 10, "no frame"),
        (frame(frames.DATA, b"x")[:-1], "in the middle"),
        (frames.header(frames.DATA, 9)[:3], "in the middle"),
        (b"", "stopped sending"),
        (frame(frames.FAULT, {"reason": "no more"}), "no more"),
        (frame(frames.PLAN, {"items": [["layer", "../x", 1]]}), "no safe name"),
        (frame(frames.PLAN, {"items": [["layer"]]}), "in a form"),
        (frame(frames.PLAN, {"items": 7}), "items"),
        (frame(frames.OUTCOME, {"item": "x"}), "fields"),
        (frame(frames.ASK, {"number": 1, "sha256": "../../x", "size": 1}), "no SHA-256"),
        (frame(frames.ASK, {"number": "1"}), "in a form"),
        (begun("a") + frame(frames.BLOB, {"sha256": 5, "size": 1}), "in a form"),
    ],
)
def test_what_is_out_of_form_ends_it_with_a_sentence(session: Session, stream: bytes, words: str) -> None:
    received = receive(session, stream)
    assert words in (received.broken or "")
    assert len(received.whole) <= 1


def test_names_in_each_others_way_end_it(session: Session) -> None:
    received = receive(session, whole("a") + whole("a/b"))
    assert "in the way" in (received.broken or "")
    assert set(received.whole) == {"a"}


def test_an_item_in_another_containers_folder_is_failed(session: Session) -> None:
    received = receive(session, whole("containers/0123456789ab/x") + frame(frames.FINISH, {}))
    assert received.whole == {}
    assert "another container" in (received.outcomes[0].reason or "")


def endless(piece: bytes = b"x" * MIB) -> Any:
    """A host that never ends."""

    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self._rest = begun("a")
            self.read_bytes = 0

        def readable(self) -> bool:
            return True

        def readinto(self, view: Any) -> int:
            self._rest = self._rest or frame(frames.DATA, piece)
            size = min(len(view), len(self._rest))
            view[:size] = self._rest[:size]
            self._rest = self._rest[size:]
            self.read_bytes += size
            return size

    return Endless()


@pytest.mark.parametrize("bounds", [Bounds(5 * MIB, 1 << 40, 0), Bounds(1 << 40, 5 * MIB, 0)])
def test_a_host_that_never_ends_is_left_at_the_bound(session: Session, bounds: Bounds) -> None:
    source = endless()
    received = Receiver(session, Blobs(session.folder), bounds, lambda *_: None, lambda _: None).run(
        source, lambda _: None
    )
    assert "sends more than" in (received.broken or "")
    assert source.read_bytes < 8 * MIB
    assert sum(session.partial().values()) <= 5 * MIB


def test_a_slow_host_is_left_at_its_budget(session: Session) -> None:
    def look(_so_far: Received) -> None:
        raise EvidenceError("web1 was cut off: it took longer than the budget of 5 s.")

    received = Receiver(session, Blobs(session.folder), LOOSE, lambda *_: None, lambda _: None).run(
        endless(b"x"), look
    )
    assert "budget" in (received.broken or "")


def test_too_many_rows_end_it(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "_MOST_ROWS", 5)
    assert "more than 5" in (
        receive(session, b"".join(whole(f"i{number}") for number in range(9))).broken or ""
    )
    row = Outcome("layer", None, "missing", "x", None, 0, None, NOW, 0.1).to_json()
    assert "more than 5" in (receive(session, frame(frames.OUTCOME, row) * 9).broken or "")


# The controller's own troubles


def test_before_the_last_room_is_used_it_stops_and_what_is_whole_stays(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([10 * MIB, 10 * MIB, 10 * MIB, 0])
    monkeypatch.setattr(receiver, "free_bytes", lambda _folder: next(free, 0))
    items = [item("a", of(b"x")), item("b", of(os.urandom(20 * MIB))), item("c", of(b"y"))]
    received = receive(session, send(items).stream, Bounds(1 << 40, 1 << 40, MIB))
    assert "No room is left" in (received.broken or "")
    assert set(received.whole) == {"a"}
    assert {row.item for row in received.outcomes if row.status == "failed"} == {"layer"}
    assert any("c was not reached" in (row.reason or "") for row in received.outcomes)


def test_a_full_disk_stops_it_and_what_is_whole_stays(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = send([item("a", of(b"x")), item("b", of(b"y" * (3 * MIB)))]).stream
    real = os.write

    def write(descriptor: int, data: Any) -> int:
        if len(data) > MIB // 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    received = receive(session, stream)
    assert "No room is left on the controller" in (received.broken or "")
    assert set(received.whole) == {"a"}


def test_a_connection_that_breaks_is_the_end_of_this_host_only(session: Session) -> None:
    class Broken(io.BytesIO):
        def readinto(self, _view: Any) -> int:
            raise RuntimeError("lost")

    received = Receiver(session, Blobs(session.folder), LOOSE, lambda *_: None, lambda _: None).run(
        Broken(), lambda _: None
    )
    assert received.broken == "RuntimeError: lost"


def test_two_runs_at_one_host_are_told_apart(tmp_path: Path) -> None:
    with sessions.session(tmp_path, "web1"), pytest.raises(EvidenceError, match="Another run"):  # noqa: SIM117
        with sessions.session(tmp_path, "web1"):
            pass
