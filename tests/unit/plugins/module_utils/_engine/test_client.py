# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine, each
from ansible_collections.cordon.docker.plugins.module_utils._engine.options import EngineOptions
from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    CordonError,
    EngineError,
    EngineTimeout,
    EngineUnreachable,
    InvalidOption,
    UnknownContainer,
)

if TYPE_CHECKING:
    from .conftest import Recorded, Replay


def test_one_ping_agrees_on_the_version(replay: Replay, recorded: Recorded, options: EngineOptions) -> None:
    engine = Engine.connect(options)
    engine.version()
    assert [path for path, _query in replay.asked] == ["/_ping", "/version"]
    assert engine.api_version == recorded.json("version")["ApiVersion"]
    assert engine.engine_version == recorded.json("version")["Version"]
    assert replay.versions == {f"v{engine.api_version}"}


def test_answers_are_as_recorded(replay: Replay, recorded: Recorded, options: EngineOptions) -> None:
    del replay
    engine = Engine.connect(options)
    assert engine.info() == recorded.json("info")
    assert engine.containers() == recorded.json("containers")
    assert engine.inspect("eng-run") == recorded.json("inspect-run")
    assert engine.top("eng-run") == recorded.json("top-run")
    assert engine.changes("eng-run") == recorded.json("changes-run")
    assert engine.stats("eng-run") == recorded.json("stats-run")["first"]


def test_null_for_changes_is_none_at_all(replay: Replay, options: EngineOptions) -> None:
    replay.bodies["/containers/eng-created/changes"] = b"null\n"
    assert Engine.connect(options).changes("eng-created") == []


def test_missing_is_a_value(replay: Replay, options: EngineOptions) -> None:
    del replay
    engine = Engine.connect(options)
    assert engine.inspect("nope") is None
    assert engine.changes("nope") is None
    with pytest.raises(
        UnknownContainer, match=r"no container 'nope' on the engine at unix://.*container_info"
    ):
        list(engine.logs("nope"))


def test_logs_are_told_apart(replay: Replay, options: EngineOptions) -> None:
    engine = Engine.connect(options)
    assert {frame.stream for frame in engine.logs("eng-local")} <= {"stdout", "stderr"}
    assert [frame.stream for frame in engine.logs("eng-tty")] == ["stdout", "stdout"]
    assert replay.asked[-1][1]["tail"] == "all"


def test_many_calls_at_once(replay: Replay, options: EngineOptions) -> None:
    engine = Engine.connect(options)
    answers = each(engine.inspect, ["eng-run", "eng-exited", "nope"] * 40, parallel=16)
    assert [isinstance(answer, dict) for answer in answers] == [True, True, False] * 40
    assert len(replay.asked) == 121


def test_one_failure_is_one_value() -> None:
    def call(number: int) -> int:
        if number == 2:
            raise EngineError("two")
        return number

    first, second, third = each(call, [1, 2, 3], parallel=3)
    assert (first, third) == (1, 3)
    assert isinstance(second, CordonError)


def test_a_hung_engine_is_left(replay: Replay, options: EngineOptions) -> None:
    engine = Engine.connect(options)
    replay.hangs = "/info"
    with pytest.raises(EngineTimeout, match=r"did not answer /info within 0.2 s"):
        engine.info(timeout=0.2)


def test_a_trickling_engine_is_left(replay: Replay, options: EngineOptions) -> None:
    engine = Engine.connect(options)
    replay.trickles = "/info"
    began = time.monotonic()
    with pytest.raises(EngineTimeout):
        engine.info(timeout=0.3)
    assert time.monotonic() - began < 1


def test_an_engine_that_breaks_off(replay: Replay, options: EngineOptions) -> None:
    engine = Engine.connect(options)
    replay.breaks = "/info"
    with pytest.raises(EngineError):
        engine.info()
    replay.breaks = "/containers/eng-run/logs"
    replay.bodies["/containers/eng-run/logs"] = b"\x01\0\0\0\0\0\x10\0" + b"x" * 4096
    with pytest.raises(EngineError):
        list(engine.logs("eng-run", tty=False))


@pytest.mark.parametrize("body", [b"", b"[1,2", b"{", b"[" * 100000, b"[1]", b"3", b'"x"', b"\xff"])
def test_nonsense_is_an_engine_error(replay: Replay, options: EngineOptions, body: bytes) -> None:
    engine = Engine.connect(options)
    replay.bodies.update({"/info": body, "/containers/json": body, "/containers/x/changes": body})
    for call in (engine.info, engine.containers, lambda: engine.changes("x")):
        try:
            answer = call()
        except EngineError:
            continue
        assert answer == []


def test_a_long_list_is_parsed_as_it_comes(replay: Replay, options: EngineOptions) -> None:
    item = b'{"Path":"/k\xc3\xa4se/\\u00e4","Kind":1}'
    replay.bodies["/containers/x/changes"] = b"[" + b" ,\n".join([item] * 5000) + b"]\n"
    changes = list(Engine.connect(options).iter_changes("x"))
    assert len(changes) == 5000
    assert changes[4999] == {"Path": "/käse/ä", "Kind": 1}


def test_a_list_that_is_cut_is_told(replay: Replay, options: EngineOptions) -> None:
    replay.bodies["/containers/x/changes"] = b'[{"Path":"/a","Kind":1},{"Pa'
    with pytest.raises(EngineError, match="middle of a list"):
        list(Engine.connect(options).iter_changes("x"))


def test_events_skip_what_is_no_event(replay: Replay, options: EngineOptions) -> None:
    replay.bodies["/events"] = b'{"Type":"container"}\nnot json\n[]\n'
    assert Engine.connect(options).events(0, 1.5) == [{"Type": "container"}]
    assert replay.asked[-1][1] == {"since": "0.000000000", "until": "1.500000000"}


def test_what_is_no_engine(replay: Replay, options: EngineOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "answer", lambda _path: (200, {}, b"hello"))
    with pytest.raises(EngineError, match="without the version of an engine's API"):
        Engine.connect(options)


def test_no_socket(tmp_path: Path) -> None:
    with pytest.raises(
        EngineUnreachable, match=r"There is no engine at unix://.*no such socket. Start the engine"
    ):
        Engine.connect(EngineOptions(host=f"unix://{tmp_path}/none.sock"))


def test_nothing_listens(tmp_path: Path) -> None:
    (tmp_path / "file.sock").touch()
    with pytest.raises(EngineUnreachable, match=r"does not answer: Connection refused. Start it"):
        Engine.connect(EngineOptions(host=f"unix://{tmp_path}/file.sock"))
    with pytest.raises(EngineUnreachable, match="does not answer"):
        Engine.connect(EngineOptions(host="tcp://127.0.0.1:1", timeout=1))


def test_files_named_for_tls_have_to_be_there(tmp_path: Path) -> None:
    options = EngineOptions(
        host="tcp://127.0.0.1:1", tls=True, validate_certs=True, ca_path=f"{tmp_path}/none"
    )
    with pytest.raises(InvalidOption, match="named for TLS, cannot be read"):
        Engine.connect(options)


@pytest.mark.parametrize("name", [".", "..", ""])
def test_names_that_would_change_the_path(replay: Replay, options: EngineOptions, name: str) -> None:
    engine = Engine.connect(options)
    assert engine.inspect(name) is None
    assert len(replay.asked) == 1
