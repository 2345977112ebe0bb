# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sender and receiver as one: what a host sends arrives, whole, once, and goes on where it stopped."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._preserve import frames
from ansible_collections.cordon.docker.plugins.module_utils._preserve.item import Blob, Part
from ansible_collections.cordon.docker.plugins.plugin_utils._case.blobs import Blobs
from ansible_collections.cordon.docker.plugins.plugin_utils._case.session import Session
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._transport.streams import (
    MIB,
    Memory,
    begun,
    frame,
    item,
    of,
    receive,
    send,
)


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


def test_what_turns_out_not_to_fit_is_given_up_and_the_rest_comes(session: Session) -> None:
    items = [item("big", of(b"x" * (3 * MIB))), item("small", of(b"y" * (MIB // 2)))]
    received = receive(session, send(items, room=MIB).stream)
    assert [row.status for row in received.outcomes] == ["failed", "collected"]
    assert "no room" in (received.outcomes[0].reason or "")
    assert session.partial() == {}


# Blobs


def blob(content: bytes, name: bytes | None = None) -> Callable[[], Iterable[Part]]:
    sha256 = hashlib.sha256(content if name is None else name).hexdigest()
    return lambda: [b"head", Blob(sha256, len(content), of(content)), b"tail"]  # type: ignore[arg-type]


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
