# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of a hunt against hosts that lie, fall silent or break: always a row, never more."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.cordon.docker.plugins.action.hunt import ActionModule
from ansible_collections.cordon.docker.plugins.action.hunt_close import ActionModule as Close
from ansible_collections.cordon.docker.plugins.module_utils._evidence.bundle import (
    BundleWriter,
    Deadline,
    Limits,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.content import Found, rows
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import ContainerRef
from ansible_collections.cordon.docker.plugins.plugin_utils._case import hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.custody import verify_chain

FOLDER = "/dev/shm/cordon-ab12cd34"
SHOP = ContainerRef("0" * 64, "shop\x1b[2J")
HIT = {"indicator": "nc", "what": "nc -e \x1b[31m\u202e sh\nx", "time": "2026-01-02T12:00:00Z"}


def bundle(path: Path, *found: dict[str, Any], raw: bytes = b"") -> bytes:
    writer = BundleWriter.create(path, Limits(1 << 20, 1 << 20, 1 << 20), Deadline.after(60))
    content = Found((raw,)) if raw else rows(found, [])
    writer.add("hits_process", SHOP, "hits/process.jsonl", lambda: content)
    writer.add("hits_log", SHOP, "hits/log.jsonl", lambda: rows((), ["the time was up"]))
    writer.finish()
    return path.read_bytes()


def answer(packed: bytes, **changes: Any) -> dict[str, Any]:
    told = {
        "dir": FOLDER,
        "path": f"{FOLDER}/bundle.zip",
        "bytes": len(packed),
        "sha256": hashlib.sha256(packed).hexdigest(),
        "content": base64.b64encode(packed).decode(),
        **changes,
    }
    return {
        "changed": False,
        "bundle": told,
        "host": {"time": "2026-01-02T12:00:00.000000Z"},
        "hits": {"process": 999},
    }


class Hunting:
    """One run of the action on one host, and what it displays."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.case = Case.open(tmp_path / "evidence", "INC-7", 1767355200.0)
        self.shown: list[str] = []
        self.action: Any = self.made(ActionModule, {"process": ["nc"]})
        self.module: dict[str, Any] = {}

    def made(self, kind: Any, args: dict[str, Any]) -> Any:
        given = {"case": str(self.case.path), "run": "r1", **args}
        action = kind(
            MagicMock(args=given, async_val=0, check_mode=False), *(MagicMock() for _dummy in range(5))
        )
        display = MagicMock(columns=79)
        display.display.side_effect = lambda text, **_more: self.shown.append(text)
        self.monkeypatch.setattr(action, "_display", display)
        return action

    def run(self, told: Any) -> dict[str, Any]:
        def execute(module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> Any:
            assert module_name == "cordon.docker.hunt"
            assert task_vars
            self.module = module_args
            if isinstance(told, Exception):
                raise told
            return told

        self.monkeypatch.setattr(self.action, "_is_pipelining_enabled", lambda _style: False)
        self.monkeypatch.setattr(self.action, "_execute_module", execute)
        result: dict[str, Any] = self.action.run(task_vars={"inventory_hostname": "web1"})
        return result

    def close(self, **more: Any) -> dict[str, Any]:
        action = self.made(Close, more)
        self.monkeypatch.setattr(
            action, "validate_argument_spec", lambda _spec: (None, {**DEFAULTS, **action._task.args})
        )
        result: dict[str, Any] = action.run(task_vars={})
        return result

    @property
    def row(self) -> hosts.HostRow:
        return hosts.of_run(self.case.path, "r1", "hunt")["web1"]


DEFAULTS = {"count": 1, "format": "table", "fail_on_hits": False, "seal": None}


@pytest.fixture
def hunting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hunting:
    return Hunting(tmp_path, monkeypatch)


def test_an_answer_is_sealed_and_told_at_once(hunting: Hunting, tmp_path: Path) -> None:
    result = hunting.run(answer(bundle(tmp_path / "b.zip", HIT, HIT)))
    assert (result["status"], result["hits"], result["containers"]) == ("collected", {"process": 2}, 1)
    assert hunting.shown[0].startswith("web1: 2 hits (process 2) in 1 container, ")
    assert hunting.module["process"] == ["nc"]
    assert not {"case", "run"} & set(hunting.module)
    assert verify_chain(hunting.case.path) == []
    assert set(result) == {
        "status",
        "bag",
        "containers",
        "items",
        "seconds",
        "changed",
        "msg",
        "unknown",
        "hits",
    }


def test_the_table_and_the_lines_hold_nothing_that_moves_a_cursor(hunting: Hunting, tmp_path: Path) -> None:
    hunting.run(answer(bundle(tmp_path / "b.zip", HIT)))
    closed = hunting.close()
    assert (closed["hits"], closed["hosts"], closed.get("failed")) == (1, ["web1"], None)
    table = "\n".join(hunting.shown)
    assert "shop\\x1b[2J" in table
    assert "nc -e \\x1b[31m\\u202e sh\\x0ax" in table
    assert "hits_log was not looked at in full: the time was up" in " ".join(table.split())
    (line,) = (hunting.case.path / "hits.jsonl").read_text().splitlines()
    row = json.loads(line)
    assert (row["host"], row["kind"], row["indicator"]) == ("web1", "process", "nc")
    hunting.close(format="jsonl")
    assert json.loads(hunting.shown[-1]) == {"type": "hit", **row}
    assert hunting.close(fail_on_hits=True)["failed"]
    for text in hunting.shown:
        assert all(part.isprintable() for part in text.split("\n"))


@pytest.mark.parametrize(
    "raw", [b"junk\n[]\n{}\n", b"\xff" * 100, b'{"what": 7, "indicator": [], "time": "x"}', b"[" * 99]
)
def test_rows_that_are_no_hits_break_nothing(hunting: Hunting, tmp_path: Path, raw: bytes) -> None:
    assert hunting.run(answer(bundle(tmp_path / "b.zip", raw=raw)))["status"] == "collected"
    assert "failed" not in hunting.close()


@pytest.mark.parametrize(
    ("told", "status", "said"),
    [
        (AnsibleConnectionFailure("No route to host"), "unreachable", "No route to host"),
        ({"failed": True, "msg": "There is no engine."}, "failed", "There is no engine."),
        ({}, "failed", "no answer that can be read"),
        ({"bundle": "x"}, "failed", "announces no bundle"),
        (answer(b"x" * 9, content=None), "failed", "holds no bundle"),
        (answer(b"x" * 9, content="A" * (6 << 20)), "failed", "holds no bundle"),
        (answer(b"x" * 9, content="no base64!"), "failed", "damaged"),
        (answer(b"x" * 9, content="AAAA"), "failed", "arrived"),
        (answer(b"x" * 9, bytes=5 << 20), "failed", "are taken at most"),
        (answer(b"x" * 9, dir="/etc"), "failed", "odd place"),
    ],
)
def test_whatever_goes_wrong_is_a_row(hunting: Hunting, told: Any, status: str, said: str) -> None:
    result = hunting.run(told)
    assert (result["status"], hunting.row.status, result["failed"]) == (status, status, True)
    assert said in (hunting.row.reason or "")
    assert hunting.shown[0].startswith(f"web1: {status}: ")
    closed = hunting.close()
    assert closed["hits"] == 0
    assert "No host answered." in hunting.shown
    assert verify_chain(hunting.case.path) == []


def test_what_is_no_bundle_is_kept_and_told(hunting: Hunting) -> None:
    result = hunting.run(answer(b"no zip at all"))
    assert result["status"] == "failed"
    assert (hunting.case.path / result["bag"] / "data" / "bundle.zip").read_bytes() == b"no zip at all"
