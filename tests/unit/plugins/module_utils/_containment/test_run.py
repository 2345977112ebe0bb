# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container that starts or ends while it is looked at is looked at again, and not decided on."""

from __future__ import annotations

from typing import Any, Iterator

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._containment import run
from ansible_collections.cordon.docker.plugins.module_utils._containment.seen import NOT_THERE, Sight, Wanted
from ansible_collections.cordon.docker.plugins.module_utils._containment.sight import Watch
from ansible_collections.cordon.docker.plugins.module_utils._containment.store import Store
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import ContainerChoice
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._containment.recordings import (
    load,
    sight,
)
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._containment.worlds import raise_world


def isolate(name: str, unseen: int, monkeypatch: pytest.MonkeyPatch, folder: Any, check: bool = False) -> Any:
    """The report on a container of which the first ``unseen`` looks see no namespace."""
    recording = load("28")
    good = sight(recording, name)
    fleeting = sight(recording, name, namespace=None, cgroup=None, unseen=NOT_THERE)
    world, engine = raise_world(good, recording, monkeypatch)
    looks: Iterator[Sight] = iter([fleeting] * unseen + [good] * 9)
    monkeypatch.setattr(Watch, "look", lambda _self, _inspects: [next(looks)])
    monkeypatch.setattr(run, "_WAIT", 0)
    store = Store(str(folder))
    store.lasting = True
    containment = run.Containment(engine, world.run, run.Order(Wanted("isolate"), check), store)
    (report,) = containment.carry_out(ContainerChoice(named=(name,)))
    return report.to_json()


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("unseen", [0, 1, 2])
@pytest.mark.parametrize(("name", "means"), [("ct-host", "raise_barrier"), ("ct-bridge", "link_down")])
def test_it_is_looked_at_again(
    name: str, means: str, unseen: int, check: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    report = isolate(name, unseen, monkeypatch, tmp_path, check)
    assert report["failed"] is False, report
    assert report["steps"][0]["step"] == means


def test_where_it_is_never_seen_that_is_decided_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    report = isolate("ct-host", 8, monkeypatch, tmp_path)
    assert report["refused"]["code"] == "host_network"
    assert "own network, and its processes are not on this host" in report["error"]
