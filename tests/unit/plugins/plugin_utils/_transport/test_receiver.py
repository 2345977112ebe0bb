# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sender and receiver as one: what a host sends arrives, whole, once, and goes on where it stopped.

Then hosts that lie, stop, repeat, overflow and never end: a row, never more, and nothing of it outside the session.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import Outcome
from ansible_collections.cordon.docker.plugins.module_utils._preserve import frames
from ansible_collections.cordon.docker.plugins.module_utils._preserve.item import Blob, Item, Part
from ansible_collections.cordon.docker.plugins.module_utils._preserve.outlet import Gone, Outlet
from ansible_collections.cordon.docker.plugins.module_utils._preserve.send import Known, Sender, Sending
from ansible_collections.cordon.docker.plugins.plugin_utils._case import session as sessions
from ansible_collections.cordon.docker.plugins.plugin_utils._case.blobs import Blobs
from ansible_collections.cordon.docker.plugins.plugin_utils._case.session import Session
from ansible_collections.cordon.docker.plugins.plugin_utils._transport import receiver
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.receiver import (
    Bounds,
    Received,
    Receiver,
)

MIB = 1 << 20
NOW = "2026-01-02T12:00:00.000000Z"
LOOSE = Bounds(1 << 40, 1 << 40, 0)


class Memory(Outlet):
    """Frames kept in memory; breaks once so many bytes went out."""

    def __init__(
        self, breaks_at: int | None = None, has: Callable[[str], bool] = lambda _sha256: False
    ) -> None:
        super().__init__(-1, 1.0)
        self.stream = bytearray()
        self._breaks_at = breaks_at
        self._has = has
        self._asked = ""

    def answer(self, _number: int) -> str:
        return "have" if self._has(self._asked) else "send"

    def _put(self, head: bytes, payload: Any) -> None:
        if head[:1] == frames.ASK:
            self._asked = frames.document(payload)["sha256"]
        self.stream += head + bytes(payload)
        if self._breaks_at is not None and len(self.stream) > self._breaks_at:
            del self.stream[self._breaks_at :]
            raise Gone


def item(path: str, parts: Callable[[], Iterable[Part]], size: int | None = None) -> Item:
    return Item("layer", None, path, parts, size)


def of(content: bytes) -> Callable[[], Iterable[Part]]:
    return lambda: [content[start : start + MIB] for start in range(0, len(content), MIB)]


def send(
    items: list[Item], known: list[dict[str, Any]] | None = None, out: Memory | None = None, **sending: Any
) -> Memory:
    out = out or Memory()
    has = {row["path"]: Known(row["offset"], row["sha256"]) for row in known or []}
    bounds = {
        "item_bytes": 1 << 40,
        "total_bytes": 1 << 40,
        "room": 1 << 40,
        "compress": None,
        "stall": 5,
        **sending,
    }
    try:
        for payload in frames.plan([[one.name, one.path, one.size] for one in items]):
            out.write(frames.PLAN, payload)
        Sender(out, has, Sending(**bounds)).send(items)
    except Gone:
        pass
    return out


def receive(
    session: Session,
    stream: bytes,
    bounds: Bounds = LOOSE,
    answers: list[tuple[int, str]] | None = None,
    progress: Callable[[Received], None] = lambda _received: None,
) -> Received:
    def answer(number: int, word: str) -> None:
        if answers is not None:
            answers.append((number, word))

    blobs = Blobs(session.folder.parent.parent)
    return Receiver(session, blobs, bounds, answer, lambda _seconds: None).run(io.BytesIO(stream), progress)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    folder = tmp_path / "partial" / "web1"
    folder.mkdir(parents=True)
    return Session(folder)


def test_everything_arrives_and_is_what_was_sent(session: Session) -> None:
    content = {
        "a.bin": os.urandom(9 * MIB + 3),
        "containers/0123456789ab/log": b"line\n" * 400_000,
        "small": b"x",
    }
    items = [item(path, of(data)) for path, data in content.items() if "/" not in path]
    received = receive(session, send(items).stream)
    assert received.broken is None
    for path, (size, sha256) in received.whole.items():
        assert (size, sha256) == (len(content[path]), hashlib.sha256(content[path]).hexdigest())
        assert (session.folder / "whole" / path).read_bytes() == content[path]
    assert set(received.whole) == {"a.bin", "small"}


@pytest.mark.parametrize("compress", [True, False])
def test_packed_or_not_the_same_arrives(session: Session, compress: bool) -> None:
    content = b"GET / HTTP/1.1\n" * 300_000
    stream = send([item("log", of(content))], compress=compress).stream
    assert (len(stream) < len(content) // 5) == compress
    assert receive(session, stream).whole["log"] == (len(content), hashlib.sha256(content).hexdigest())


def test_an_empty_item_and_one_that_fails_are_rows(session: Session) -> None:
    def broken() -> Iterable[Part]:
        yield b"half"
        raise OSError(errno.EIO, "Input/output error")

    def unreadable() -> Iterable[Part]:
        raise EvidenceError("It cannot be read.")

    received = receive(session, send([item("e", of(b"")), item("b", broken), item("u", unreadable)]).stream)
    assert [(row.status, row.path) for row in received.outcomes] == [
        ("empty", None),
        ("truncated", "b"),
        ("failed", None),
    ]
    assert (session.folder / "whole" / "b").read_bytes() == b"half"
    assert not (session.folder / "whole" / "e").exists()


def test_one_item_that_hangs_spoils_no_other(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    from ansible_collections.cordon.docker.plugins.module_utils._preserve import pump

    monkeypatch.setattr(pump, "_LOOK_SECONDS", 0.01)

    def hangs() -> Iterable[Part]:
        threading.Event().wait(3)
        yield b"late"

    received = receive(session, send([item("h", hangs), item("ok", of(b"fine"))], stall=0.05).stream)
    assert [row.status for row in received.outcomes] == ["failed", "collected"]
    assert "gave nothing" in (received.outcomes[0].reason or "")


# Going on


@pytest.mark.parametrize("at", [0, 1, 700_000, 8 * MIB + 100, 20 * MIB, 29 * MIB])
def test_cut_off_anywhere_it_goes_on_at_the_last_mark(session: Session, at: int) -> None:
    content = {"a": os.urandom(20 * MIB), "b": os.urandom(10 * MIB + 5)}
    items = [item(path, of(data), len(data)) for path, data in content.items()]
    first = receive(session, send(items, out=Memory(breaks_at=at)).stream)
    assert first.broken is not None
    assert set(first.whole) <= {"a"}
    again = Session(session.folder)
    known = again.look()
    stream = send(items, known).stream
    kept = sum(row["offset"] for row in known)
    assert kept >= at - 9 * MIB
    assert len(stream) < 31 * MIB - kept
    second = receive(again, stream)
    assert second.broken is None
    assert second.kept == kept
    for path, data in content.items():
        assert second.whole[path] == (len(data), hashlib.sha256(data).hexdigest())
        assert (session.folder / "whole" / path).read_bytes() == data
    assert again.partial() == {}


def test_a_partial_item_is_a_row_and_nothing_whole(session: Session) -> None:
    items = [item("a", of(os.urandom(20 * MIB))), item("later", of(b"x"))]
    received = receive(session, send(items, out=Memory(breaks_at=17 * MIB)).stream)
    assert received.whole == {}
    assert [row.status for row in received.outcomes] == ["failed", "failed"]
    assert "partial" in (received.outcomes[0].reason or "")
    assert "later was not reached" in (received.outcomes[1].reason or "")
    assert 16 * MIB <= session.partial()["a"] <= 17 * MIB


def test_a_source_that_changed_begins_anew_and_says_so(session: Session) -> None:
    receive(session, send([item("a", of(os.urandom(20 * MIB)))], out=Memory(breaks_at=17 * MIB)).stream)
    again, content = Session(session.folder), os.urandom(20 * MIB)
    received = receive(again, send([item("a", of(content))], again.look()).stream)
    assert received.whole["a"] == (len(content), hashlib.sha256(content).hexdigest())
    assert "begun anew" in (received.outcomes[0].reason or "")


@pytest.mark.parametrize("grown", [b"", b"more", b"m" * (9 * MIB)])
def test_what_was_whole_is_not_sent_again_and_what_is_sealed_is_not_touched(
    session: Session, grown: bytes
) -> None:
    content = os.urandom(3 * MIB)
    receive(session, send([item("a", of(content))]).stream)
    sealed = session.folder / "sealed"
    os.link(session.folder / "whole" / "a", sealed)
    again = Session(session.folder)
    stream = send([item("a", of(content + grown))], again.look()).stream
    assert len(stream) < len(grown) + 10_000
    received = receive(again, stream)
    assert received.whole["a"][1] == hashlib.sha256(content + grown).hexdigest()
    assert (session.folder / "whole" / "a").read_bytes() == content + grown
    assert sealed.read_bytes() == content


def test_a_source_that_shrank_begins_anew(session: Session) -> None:
    receive(session, send([item("a", of(b"x" * 1000))]).stream)
    again = Session(session.folder)
    assert receive(again, send([item("a", of(b"x" * 10))], again.look()).stream).whole["a"][0] == 10


# Bounds on the host's side


def test_more_than_an_item_may_have_is_cut_and_called_so(session: Session) -> None:
    received = receive(session, send([item("a", of(b"x" * (3 * MIB)))], item_bytes=MIB).stream)
    assert [(row.status, row.bytes) for row in received.outcomes] == [("truncated", MIB)]


def test_what_does_not_fit_is_left_out_and_the_rest_comes(session: Session) -> None:
    items = [item("big", of(b"x" * (3 * MIB)), 3 * MIB), item("small", of(b"y"), 1)]
    received = receive(session, send(items, room=MIB).stream)
    assert [row.status for row in received.outcomes] == ["failed", "collected"]
    assert "room" in (received.outcomes[0].reason or "")


# Blobs


def blob(content: bytes, name: bytes | None = None) -> Callable[[], Iterable[Part]]:
    sha256 = hashlib.sha256(content if name is None else name).hexdigest()
    return lambda: [b"head", Blob(sha256, len(content), of(content)), b"tail"]  # type: ignore[arg-type,return-value]


def test_a_blob_is_sent_once_and_then_named(session: Session, tmp_path: Path) -> None:
    layer = os.urandom(5 * MIB)
    answers: list[tuple[int, str]] = []
    receive(session, send([item("one", blob(layer))]).stream, answers=answers)
    assert answers == [(1, "send")]
    blobs = Blobs(tmp_path)
    out = Memory(has=lambda sha256: blobs.has(sha256, len(layer)))
    stream = send([item("two", blob(layer))], out=out).stream
    assert len(stream) < 10_000
    received = receive(session, stream, answers=answers)
    assert answers[-1] == (1, "have")
    assert received.known == len(layer)
    whole = b"head" + layer + b"tail"
    assert received.whole["two"] == (len(whole), hashlib.sha256(whole).hexdigest())
    assert (session.folder / "whole" / "two").read_bytes() == whole


def test_a_blob_that_is_not_what_its_name_says_is_sent_whole_and_not_kept(
    session: Session, tmp_path: Path
) -> None:
    real, other = os.urandom(2 * MIB), os.urandom(2 * MIB)
    receive(session, send([item("one", blob(real))]).stream)
    out = Memory(has=lambda _sha256: True)
    received = receive(session, send([item("two", blob(other, name=real))], out=out).stream)
    assert (session.folder / "whole" / "two").read_bytes() == b"head" + other + b"tail"
    assert "not what its name says" in (received.outcomes[0].reason or "")
    third = receive(session, send([item("three", blob(other, name=b"unknown"))]).stream)
    assert third.broken is None
    assert not Blobs(tmp_path).has(hashlib.sha256(b"unknown").hexdigest(), len(other))


def test_a_host_that_names_a_blob_the_case_lacks_is_left(session: Session) -> None:
    stream = begun("a") + frame(frames.KNOWN, {"sha256": "0" * 64, "size": 5})
    assert "does not have" in (receive(session, stream).broken or "")


# Hosts that do not keep to the form


def frame(kind: bytes, told: Any = b"") -> bytes:
    payload = told if isinstance(told, bytes) else dump(told)
    return frames.header(kind, len(payload)) + payload


def begun(path: Any, offset: Any = 0) -> bytes:
    told = {"item": "layer", "container": None, "path": path, "size": None, "offset": offset}
    return frame(frames.ITEM, told)


def ended(path: str, content: bytes, **changes: Any) -> bytes:
    sha256 = hashlib.sha256(content).hexdigest()
    row = Outcome("layer", None, "collected", None, path, len(content), sha256, NOW, 0.1).to_json()
    return frame(frames.END, {**row, **changes})


def whole(path: str, content: bytes = b"content") -> bytes:
    return begun(path) + frame(frames.DATA, content) + ended(path, content)


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

    monkeypatch.setattr(sessions.os, "write", write)
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
