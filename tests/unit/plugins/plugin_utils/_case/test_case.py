# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError, EvidenceError
from ansible_collections.cordon.docker.plugins.plugin_utils._case import hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.custody import verify_chain

NOON = 1767355200.0


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case.open(tmp_path / "evidence", "INC-7", NOON)


def bag(folder: Path, content: str = "") -> Path:
    (folder / "bag").mkdir()
    (folder / "bag" / "mark").write_text(content)
    return folder / "bag"


def test_a_case_is_the_users_alone(case: Case) -> None:
    assert case.path.stat().st_mode & 0o777 == 0o700
    assert case.path.parent.stat().st_mode & 0o777 == 0o700
    assert verify_chain(case.path) == []


def test_it_is_opened_where_the_command_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Case.open(Path("evidence"), "", NOON).path == tmp_path / "evidence" / "20260102T120000Z"


def test_a_second_run_adds_to_it(case: Case) -> None:
    again = Case.open(case.path.parent, "INC-7", NOON + 1)
    assert again == case == Case.at(case.path)
    places = []
    for content in ("one", "two", "three"):
        with case.incoming() as folder:
            places.append(case.adopt_bag(bag(folder, content), "web1", "triage", NOON))
    stem = "web1/20260102T120000Z-triage"
    assert places == [stem, f"{stem}-2", f"{stem}-3"]
    assert [(case.path / place / "mark").read_text() for place in places] == ["one", "two", "three"]


def test_what_is_incoming_is_gone_afterwards(case: Case) -> None:
    with suppress(KeyError), case.incoming() as folder:
        bag(folder)
        raise KeyError
    assert list((case.path / ".incoming").iterdir()) == []


def test_what_a_killed_run_left_is_swept_and_what_a_living_one_holds_is_not(case: Case) -> None:
    (case.path / ".incoming").mkdir()
    bag(case.path / ".incoming")
    with case.incoming() as folder:
        Case.open(case.path.parent, "INC-7", NOON)
        assert list((case.path / ".incoming").iterdir()) == [folder]


def test_a_link_to_a_folder_is_no_case(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "INC-7").symlink_to(tmp_path / "other")
    with pytest.raises(EvidenceError, match="is a link"):
        Case.open(tmp_path, "INC-7", NOON)


def test_a_link_for_a_host_is_not_followed(case: Case, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (case.path / "web1").symlink_to(tmp_path / "other")
    with pytest.raises(EvidenceError, match="is a link"), case.incoming() as folder:
        case.adopt_bag(bag(folder), "web1", "triage", NOON)
    assert list((tmp_path / "other").iterdir()) == []


@pytest.mark.parametrize("where", ["evidence", "evidence/INC-7", "evidence/deeper"])
def test_a_file_in_the_way_is_named(tmp_path: Path, where: str) -> None:
    (tmp_path / "evidence").mkdir()
    if where == "evidence":
        (tmp_path / "evidence").rmdir()
    (tmp_path / where).write_text("")
    home = tmp_path / "evidence" / ("deeper" if where.endswith("deeper") else "")
    with pytest.raises(EvidenceError, match=r"name another (case|evidence_dir)"):
        Case.open(home, "INC-7", NOON)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(EvidenceError, match="cannot be written to"):
        Case.open(tmp_path / "evidence", "INC-7", NOON)


def test_a_case_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CordonError, match="case_open"):
        Case.at(tmp_path / "none")


def test_the_last_row_of_a_host_counts(case: Case) -> None:
    asked = [hosts.HostRow("r1", "t", "triage", host, hosts.ASKED) for host in ("web1", "db3")]
    other = hosts.HostRow("r2", "t", "triage", "app2", hosts.FAILED, "x")
    known = hosts.HostRow("r1", "t", "triage", "db3", hosts.COLLECTED, items={"collected": 3}, unknown=("a",))
    hosts.add(case.path, asked)
    hosts.add(case.path, [other, known])
    assert list(hosts.of_run(case.path, "r1", "triage").values()) == [asked[0], known]
    assert hosts.names(case.path) == {"web1", "db3", "app2"}


def test_a_torn_row_is_passed_over(case: Case) -> None:
    row = hosts.HostRow("r1", "t", "triage", "web1", hosts.ASKED)
    hosts.add(case.path, [row])
    with (case.path / hosts.HOSTS).open("ab") as log:
        log.write(b'{"run": "r1", "host"\n[]\n')
    assert hosts.of_run(case.path, "r1", "triage") == {"web1": row}
