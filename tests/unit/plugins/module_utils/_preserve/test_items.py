# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import socket
import tarfile
import threading
from io import BytesIO
from pathlib import Path
from typing import Any, Iterator

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    EngineError,
    HostError,
    InvalidOption,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.names import safe_path
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import Outcome
from ansible_collections.cordon.docker.plugins.module_utils._preserve import (
    capture,
    items,
    layer,
    logs,
    network,
    settings,
)
from ansible_collections.cordon.docker.plugins.module_utils._preserve.choice import DEFAULT, ITEMS, ON_REQUEST
from ansible_collections.cordon.docker.plugins.module_utils._preserve.item import Item
from ansible_collections.cordon.docker.plugins.module_utils._preserve.notes import Notes
from ansible_collections.cordon.docker.plugins.module_utils._preserve.view import safe_name
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._preserve.worlds import (
    ID,
    ScriptedEngine,
    choice,
    content,
    members,
    process_of,
    subject,
    view,
)

OLD = 1_600_000_000_000_000_000


class Layers:
    """An upper layer over an image's, on disk."""

    def __init__(self, root: Path) -> None:
        self.upper, self.lower = root / "upper", root / "lower"
        self.upper.mkdir()
        self.lower.mkdir()
        for name in (self.upper, self.lower):
            (name / "etc").mkdir()
        self.write(self.lower, "etc/cron", b"original")
        self.write(self.upper, "etc/cron", b"ORIGINAL")
        self.write(self.upper, "new.php", b"<?php")

    def write(self, folder: Path, name: str, inside: bytes) -> None:
        (folder / name).write_bytes(inside)
        os.utime(folder / name, ns=(OLD, OLD))

    def inspect(self) -> dict[str, Any]:
        data = {"UpperDir": str(self.upper), "LowerDir": str(self.lower)}
        return {"GraphDriver": {"Name": "overlay2", "Data": data}}


@pytest.fixture
def layers(tmp_path: Path) -> Layers:
    return Layers(tmp_path)


def claims(*paths: tuple[str, int]) -> ScriptedEngine:
    return ScriptedEngine(
        iter_changes=lambda _id: iter([{"Path": path, "Kind": kind} for path, kind in paths])
    )


def compared(layers: Layers, engine: ScriptedEngine) -> dict[str, Any]:
    found = subject(layers.inspect())
    (item,) = layer.layer_diff(view(found, engine), found)
    answer: dict[str, Any] = json.loads(content(item))
    return answer


def test_an_edit_with_its_time_set_back_is_found(layers: Layers) -> None:
    answer = compared(layers, claims(("/new.php", 1)))
    (row,) = answer["hidden_edits"]
    assert row["path"] == "/etc/cron"
    assert row["sha256"] != row["image_sha256"]
    assert row["in_engine_diff"] is False
    assert answer["counts"] == {"hidden_edits": 1, "only_disk": 0, "only_engine": 0, "other_kind": 0}


def test_what_only_one_side_lists_is_told(layers: Layers) -> None:
    answer = compared(layers, claims(("/never/there", 2), ("/etc/cron", 0)))
    assert answer["only_engine"] == [{"path": "/never/there", "kind": "D"}]
    assert answer["only_disk"] == [{"path": "/new.php", "kind": "A"}]
    assert answer["hidden_edits"][0]["in_engine_diff"] is True


def test_what_the_engine_calls_otherwise_is_told(layers: Layers) -> None:
    assert compared(layers, claims(("/new.php", 0)))["other_kind"] == [
        {"path": "/new.php", "disk": "A", "engine": "C"}
    ]


def test_more_disagreements_than_are_listed_are_counted(
    layers: Layers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer, "_MOST_ROWS", 2)
    answer = compared(layers, claims(("/new.php", 1), *((f"/x{number}", 2) for number in range(5))))
    assert len(answer["only_engine"]) == 2
    assert answer["counts"]["only_engine"] == 5


def test_the_layer_and_its_list(layers: Layers) -> None:
    found = subject(layers.inspect(), state="paused")
    (archive,) = layer.layer(view(found), found)
    assert {"etc/cron", "new.php"} <= set(members(content(archive)))
    (listed,) = layer.layer_list(view(found), found)
    rows = {row["path"]: row for row in map(json.loads, content(listed).splitlines())}
    assert rows["/etc/cron"]["content_changed"] is True
    assert rows["/new.php"]["sha256"] is not None
    assert rows["/new.php"]["kind"] == "A"


def test_a_layer_that_is_not_here_is_missing(tmp_path: Path) -> None:
    data = {"UpperDir": str(tmp_path / "nowhere"), "LowerDir": ""}
    found = subject({"GraphDriver": {"Name": "overlay2", "Data": data}})
    (item,) = layer.layer(view(found), found)
    with pytest.raises(HostError, match="is not on this host"):
        content(item)
    other = subject({"GraphDriver": {"Name": "btrfs", "Data": {}}})
    (row,) = list(items.of_view(view(other, items=["layer"])))
    assert isinstance(row, Outcome)
    assert (row.status, row.item) == ("missing", "layer")


def log_inspect(folder: Path, driver: str = "json-file") -> dict[str, Any]:
    return {
        "LogPath": str(folder / f"{ID}-json.log"),
        "HostConfig": {"LogConfig": {"Type": driver}},
        "Config": {"Tty": False},
    }


def test_logs_are_the_files_with_their_rotated_siblings(tmp_path: Path) -> None:
    folder = tmp_path / ID
    folder.mkdir()
    (folder / f"{ID}-json.log").write_bytes(b"newest\n")
    (folder / f"{ID}-json.log.1").write_bytes(b"older\n")
    (folder / f"{ID}-json.log.2.gz").write_bytes(b"\x1f\x8boldest")
    found = subject(log_inspect(folder))
    products = list(logs.logs(view(found), found))
    assert [product.path for product in products] == [
        f"containers/cccccccccccc/logs/{ID}-json.log{suffix}" for suffix in (".2.gz", ".1", "")
    ]
    # Rotated between the listing and the reading: it is the same file that is read.
    (folder / f"{ID}-json.log.1").rename(folder / f"{ID}-json.log.2")
    (folder / f"{ID}-json.log").rename(folder / f"{ID}-json.log.1")
    (folder / f"{ID}-json.log").write_bytes(b"younger than all\n")
    assert content(products[2]) == b"newest\n"
    assert content(products[1]) == b"older\n"
    (folder / f"{ID}-json.log.2").unlink()
    with pytest.raises(HostError, match="rotated away"):
        content(products[1])


def test_a_log_that_grows_ends_where_it_was_opened(tmp_path: Path) -> None:
    folder = tmp_path / ID
    folder.mkdir()
    path = folder / f"{ID}-json.log"
    path.write_bytes(b"x" * 1_000_000)
    found = subject(log_inspect(folder))
    (item,) = logs.logs(view(found), found)
    assert isinstance(item, Item)
    stream = iter(item.open())
    size = len(next(stream))  # type: ignore[arg-type]
    with path.open("ab") as log:
        log.write(b"more")
    assert size + sum(len(part) for part in stream if isinstance(part, bytes)) == 1_000_000
    assert item.notes == []


def test_a_pipe_in_place_of_a_log_is_not_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / ID
    folder.mkdir()
    path = folder / f"{ID}-json.log"
    path.write_bytes(b"x")
    found = subject(log_inspect(folder))
    (item,) = logs.logs(view(found), found)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(HostError):
        content(item)


def test_the_engine_is_asked_where_it_keeps_no_file(tmp_path: Path) -> None:
    frames = [("stdout", b"2026-01-02T03:04:05.000000006Z jndi\n"), ("stderr", b"2026-01-02T03:04:06Z x\n")]
    found = subject(log_inspect(tmp_path, "journald"))
    (item,) = logs.logs(view(found, ScriptedEngine(logs=frames)), found)
    rows = [json.loads(line) for line in content(item).splitlines()]
    assert [(row["stream"], row["line"].strip()) for row in rows] == [("stdout", "jndi"), ("stderr", "x")]
    none = subject(log_inspect(tmp_path, "none"))
    (row,) = logs.logs(view(none), none)
    assert isinstance(row, Outcome)


IP = '\n@neighbours\n[{"dst":"172.17.0.1"}]\n@addresses\n[{"ifname":"lo"}]\n@rules\n'


def test_a_network_namespace_is_one_archive() -> None:
    asked: list[Any] = []

    def run(command: Any) -> tuple[int, str, str]:
        asked.append(command)
        return 0, IP, ""

    found = subject(processes=[process_of(os.getpid())])
    (item,) = network.network(view(found, run=run), found)
    assert isinstance(item, Item)
    names = members(content(item))
    assert {"proc/tcp", "proc/unix", "ip/neighbours.json", "ip/addresses.json"} <= set(names)
    assert "ip/rules.json" not in names
    assert asked[0][-1] == str(os.getpid())
    assert item.notes == []
    (host,) = network.host_network(view(found))
    assert isinstance(host, Item)
    assert "proc/tcp" in members(content(host))
    assert "told nothing" in host.notes[0]


def test_a_shared_namespace_is_told() -> None:
    found = subject(processes=[process_of(os.getpid())])
    seen = view(found)
    seen.snapshot.own_net_namespace = found.processes[0].net_namespace
    (row,) = network.network(seen, found)
    assert isinstance(row, Outcome)
    assert "host's network" in str(row.reason)


def test_a_capture_is_a_pcap_file() -> None:
    talk = threading.Timer(0.3, lambda: socket.socket(2, 2).sendto(b"needle", ("127.0.0.1", 9)))
    talk.start()
    said: list[str] = []
    try:
        raw = b"".join(capture.packets("lo", 1.0, 1 << 20, Notes(said)))
    except HostError as exc:
        pytest.skip(str(exc))
    finally:
        talk.join()
    assert raw[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
    assert b"needle" in raw
    assert said == []


def test_a_capture_is_bounded_and_needs_a_link() -> None:
    said: list[str] = []
    talk = threading.Timer(0.2, lambda: socket.socket(2, 2).sendto(b"x" * 9000, ("127.0.0.1", 9)))
    talk.start()
    try:
        raw = b"".join(capture.packets("lo", 5.0, 4096, Notes(said)))
        with pytest.raises(HostError, match="cannot be captured at nolink"):
            b"".join(capture.packets("nolink", 1.0, 4096, Notes([])))
    except HostError as exc:
        pytest.skip(str(exc))
    finally:
        talk.join()
    assert len(raw) < 4096
    assert said == ["the capture is cut at 4096 bytes (capture_bytes)"]


def test_the_engines_settings() -> None:
    engine = ScriptedEngine(version={"Version": "28"}, info={"ID": "x"}, networks=[], containers=[])
    products = list(settings.engine(view(engine=engine)))
    assert [product.path for product in products[:4]] == [
        f"engine/{name}.json" for name in ("version", "info", "networks", "containers")
    ]
    assert json.loads(content(products[0])) == {"Version": "28"}


def test_one_failure_is_its_row(layers: Layers, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_given: Any) -> Iterator[Item]:
        raise EngineError("The engine burns.")

    monkeypatch.setitem(items._OF_CONTAINER, "volumes", broken)
    found = subject(layers.inspect())
    products = list(items.of_view(view(found, items=["volumes", "inspect", "layer"])))
    rows = [one for one in products if isinstance(one, Outcome)]
    assert [(row.item, row.status, row.reason) for row in rows] == [
        ("volumes", "failed", "The engine burns.")
    ]
    assert [one.name for one in products if isinstance(one, Item)] == ["inspect", "layer"]


def test_every_item_has_its_maker() -> None:
    made = {**items._OF_CONTAINER, **items._ON_HOST}
    assert set(made) == set(ITEMS)
    assert set(DEFAULT) == set(ITEMS) - ON_REQUEST


@pytest.mark.parametrize(
    "text", ["../../etc", "/", "", "a b\n", "\x1b[31m", "-rf", "." * 300, "ü", "x" * 300]
)
def test_names_of_files_are_safe(text: str) -> None:
    safe_path(f"containers/{'a' * 12}/volumes/{safe_name(text, 3)}.tar")


def test_bounds_follow_what_was_asked() -> None:
    assert choice().item_bytes == 8 << 30
    assert choice(items=["volumes"]).item_bytes > 1 << 40
    assert choice(items=["volumes"], item_bytes=5000).item_bytes == 5000
    assert choice(memory=["77"]).wants_memory(77, False)
    assert not choice().wants_memory(77, False)
    assert choice().wants_memory(77, True)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"items": ["nothing"]}, "items has 'nothing'"),
        ({"memory": ["java"]}, "memory has 'java'"),
        ({"item_bytes": 5}, "item_bytes cannot be 5"),
        ({"capture_seconds": 0}, "capture_seconds cannot be 0"),
    ],
)
def test_what_cannot_be_used_is_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidOption, match=words):
        choice(**given)


def test_notes_are_bounded() -> None:
    said: list[str] = []
    notes = Notes(said)
    for number in range(100):
        notes.add(f"file {number}")
    assert len(said) == 21
    assert said[-1] == "and 80 more like these"


def test_a_stream_is_the_same_each_time_it_is_opened(layers: Layers) -> None:
    found = subject(layers.inspect())
    (item,) = layer.layer(view(found), found)
    assert content(item) == content(item)
    with tarfile.open(fileobj=BytesIO(content(item))) as archive:
        assert "new.php" in archive.getnames()
