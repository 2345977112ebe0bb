# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Undo records, rows of containers, and which case is the newest."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._containment.record import Record
from ansible_collections.cordon.docker.plugins.module_utils._containment.steps import Pause
from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.plugin_utils._case import containments, custody, hosts, records
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case

ID = "d" * 64
RECORD = Record(ID, "dvwa").begin(Pause(ID), "2026-01-02T12:00:00.000000Z", "INC-7", "pause")
ROW = containments.ContainmentRow(
    "r1", "t", "web1", ID, "dvwa", "pause", "done", steps=(("Freeze.", "verified"),)
)


def test_a_record_is_the_users_alone_and_comes_back(tmp_path: Path) -> None:
    records.keep(tmp_path, "web1", RECORD)
    (path,) = (tmp_path / "records" / "web1").iterdir()
    assert (path.name, stat.S_IMODE(path.stat().st_mode)) == (f"{ID[:12]}.json", 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert records.of_host(tmp_path, "web1") == [RECORD]
    assert records.of_host(tmp_path, "app2") == []


def test_nothing_outstanding_leaves_no_file(tmp_path: Path) -> None:
    records.keep(tmp_path, "web1", RECORD)
    records.keep(tmp_path, "web1", Record(ID))
    records.keep(tmp_path, "web1", Record(ID))
    assert records.of_host(tmp_path, "web1") == []


def test_it_is_on_the_disk_before_anything_else_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    records.keep(tmp_path, "web1", RECORD)
    assert synced[-2].startswith(f".{ID[:12]}.json")
    assert synced[-1] == "web1"


def test_a_record_that_somebody_changed_is_named(tmp_path: Path) -> None:
    records.keep(tmp_path, "web1", RECORD)
    path = tmp_path / "records" / "web1" / f"{ID[:12]}.json"
    path.write_text('{"version": 1}')
    with pytest.raises(EvidenceError, match=r"d{12}\.json cannot be used .* Move it away"):
        records.of_host(tmp_path, "web1")


def test_a_host_called_records_has_a_folder_of_another_name(tmp_path: Path) -> None:
    records.keep(tmp_path, "records", RECORD)
    assert records.folder(tmp_path, "records").name.startswith("records-")


def test_of_an_action_on_a_container_the_last_row_counts(tmp_path: Path) -> None:
    assert containments.of_run(tmp_path, "r1") == []
    later = replace(ROW, status="already", notices=("A note.",))
    containments.add(tmp_path, [ROW, replace(ROW, action="isolate")])
    containments.add(tmp_path, [later, replace(ROW, run="r2")])
    with (tmp_path / containments.CONTAINMENTS).open("a") as log:
        log.write('{"run":"r1","na')
    assert containments.of_run(tmp_path, "r1") == [later, replace(ROW, action="isolate")]


def test_the_newest_case_is_the_one_written_to_last(tmp_path: Path) -> None:
    assert Case.newest(tmp_path / "none", "r") == ""
    old, new = (Case.open(tmp_path, name, 0.0) for name in ("B-OLD", "A-NEW"))
    (tmp_path / "no-case").mkdir()
    assert Case.newest(tmp_path, "r") == "A-NEW"
    custody.record(old.path, [custody.Event("run started")])
    assert Case.newest(tmp_path, "r") == "B-OLD"
    hosts.add(new.path, [hosts.HostRow("the-run", "t", "contain", "web1", hosts.ASKED)])
    assert Case.newest(tmp_path, "the-run") == "A-NEW"


def test_a_host_of_which_nothing_was_heard_has_failed(tmp_path: Path) -> None:
    asked = hosts.HostRow("r1", "t", "contain", "web1", hosts.ASKED)
    triaged = replace(asked, verb="triage", status=hosts.COLLECTED)
    hosts.add(tmp_path, [asked, triaged])
    (row,) = hosts.settled(tmp_path, "r1", "contain")
    assert (row.status, row.reason) == (
        hosts.FAILED,
        "No answer came back: its task ended before it could say why.",
    )


def test_a_name_is_unknown_where_no_reached_host_has_it() -> None:
    row = hosts.HostRow("r1", "t", "contain", "web1", hosts.DONE, unknown=("a", "b"))
    lost = replace(row, status=hosts.UNREACHABLE, unknown=())
    assert hosts.unknown_everywhere([row, replace(row, unknown=("b",), status=hosts.INCOMPLETE), lost]) == [
        "b"
    ]
    assert hosts.unknown_everywhere([lost]) == []
