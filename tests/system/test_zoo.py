# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every scene of the lab at once: each break-in is found for what it is, and no neighbour is accused.

Takes a fleet with all scenes (`lab/lab up --scenes all`); `make zoo` raises one and takes it down.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from case import Case, at_least
from fleet import Fleet

LEAST_BREACHES, LEAST_NEIGHBOURS = 20, 15


@pytest.fixture(scope="module")
def case(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("zoo")
    run = fleet.playbook("triage", "-e", "case=ZOO", cwd=folder)
    assert run.code == 0, run.output
    return Case(folder / "evidence" / "ZOO")


def test_the_fleet_is_full(fleet: Fleet) -> None:
    for kind, least in (("breach", LEAST_BREACHES), ("neighbour", LEAST_NEIGHBOURS)):
        staged = {name for host in fleet.hosts for name in fleet.scenes(host, kind)}
        assert len(staged) >= least, "raise it with `lab/lab up --scenes all`"


def test_each_break_in_is_found_for_what_it_is(fleet: Fleet, case: Case) -> None:
    missed = {}
    for host in fleet.hosts:
        for name, scene in fleet.scenes(host, "breach").items():
            found = at_least("medium", case.findings(host, name))
            left = set(scene["expect"]) - {finding["rule"] for finding in found}
            if left or not scene["expect"]:
                missed[host, name] = left
    assert missed == {}


def test_each_finding_says_what_was_seen_and_what_to_do(fleet: Fleet, case: Case) -> None:
    for host in fleet.hosts:
        for name in fleet.scenes(host, "breach"):
            for finding in at_least("medium", case.findings(host, name)):
                assert finding["sentence"].endswith("."), finding
                assert finding["technique"].startswith("T1"), finding
                assert finding["evidence"], finding
                assert finding["next"].startswith("ansible "), finding


def test_no_neighbour_is_accused(fleet: Fleet, case: Case) -> None:
    accused = {
        (host, name): [finding["sentence"] for finding in found]
        for host in fleet.hosts
        for name in fleet.scenes(host, "neighbour")
        if (found := at_least("medium", case.findings(host, name, "intrusion")))
    }
    assert accused == {}


def test_what_would_let_a_neighbour_out_is_told(fleet: Fleet, case: Case) -> None:
    for host in fleet.hosts:
        for name, scene in fleet.scenes(host, "neighbour").items():
            told = {finding["rule"] for finding in case.findings(host, name, "exposure")}
            assert set(scene["expect"]) <= told, (host, name)


def test_the_evidence_of_a_finding_is_where_it_says(case: Case) -> None:
    for path in {reference["bag"] + "/" + reference["path"] for reference in _references(case)}:
        assert Path(case.path / path).is_file(), path


def _references(case: Case) -> list[dict[str, str]]:
    return [reference for finding in case.all_findings for reference in finding["evidence"]]
