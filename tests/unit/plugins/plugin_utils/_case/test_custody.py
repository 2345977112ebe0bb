# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import json
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.plugin_utils._case.custody import Event, record, verify_chain
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.chain import CUSTODY, FIRST


def lines(case: Path) -> list[bytes]:
    return (case / CUSTODY).read_bytes().splitlines(keepends=True)


def test_each_line_is_bound_to_the_one_before(tmp_path: Path) -> None:
    record(tmp_path, [Event("case opened"), Event("run started", after={"hosts": 2})])
    record(tmp_path, [Event("evidence sealed", "web1", verified=True, reason="\u202e\n\udcff")])
    written = lines(tmp_path)
    rows = [json.loads(line) for line in written]
    assert [row["seq"] for row in rows] == [1, 2, 3]
    assert [row["previous"] for row in rows] == [FIRST, *(hashlib.sha256(x).hexdigest() for x in written[:2])]
    assert set(rows[0]) == {
        *("seq", "time", "actor", "host", "container", "action"),
        *("before", "after", "verified", "reason", "previous"),
    }
    assert verify_chain(tmp_path) == []
    assert (tmp_path / CUSTODY).stat().st_mode & 0o777 == 0o600


def _append(case: Path, number: int) -> None:
    for turn in range(10):
        record(case, [Event(f"{number}.{turn}"), Event(f"{number}.{turn} again")])


def test_many_processes_take_turns(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append, args=(tmp_path, number)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(lines(tmp_path)) == 80
    assert verify_chain(tmp_path) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.data())
def test_any_change_to_the_log_is_seen(tmp_path: Path, data: st.DataObject) -> None:
    (tmp_path / CUSTODY).unlink(missing_ok=True)
    record(tmp_path, [Event(f"event {number}", "web1") for number in range(5)])
    whole = (tmp_path / CUSTODY).read_bytes()
    # The last line is bound by nothing but its number: what seals it is the signature beside the log.
    end = len(whole) - len(lines(tmp_path)[-1])
    position = data.draw(st.integers(0, end - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[position]))
    (tmp_path / CUSTODY).write_bytes(whole[:position] + bytes((byte,)) + whole[position + 1 :])
    assert verify_chain(tmp_path)


@pytest.mark.parametrize("gone", [0, 1, 3])
def test_a_line_taken_out_is_seen(tmp_path: Path, gone: int) -> None:
    record(tmp_path, [Event(f"event {number}") for number in range(5)])
    kept = [line for number, line in enumerate(lines(tmp_path)) if number != gone]
    (tmp_path / CUSTODY).write_bytes(b"".join(kept))
    assert any("not bound" in problem for problem in verify_chain(tmp_path))


def test_what_a_crash_left_of_a_line_is_replaced(tmp_path: Path) -> None:
    record(tmp_path, [Event("one"), Event("two")])
    with (tmp_path / CUSTODY).open("ab") as log:
        log.write(b'{"seq": 3, "time"')
    assert verify_chain(tmp_path) == ["Line 3 is not whole."]
    record(tmp_path, [Event("three")])
    assert verify_chain(tmp_path) == []
    assert [json.loads(line)["action"] for line in lines(tmp_path)] == ["one", "two", "three"]


def test_nothing_is_bound_to_a_line_that_is_none(tmp_path: Path) -> None:
    (tmp_path / CUSTODY).write_bytes(b"forged\n")
    with pytest.raises(EvidenceError, match="in another case"):
        record(tmp_path, [Event("one")])


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / CUSTODY).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        record(tmp_path, [Event("one")])
    assert not (tmp_path / "elsewhere").exists()
