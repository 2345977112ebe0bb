# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever fails, and wherever: the host is as before, or the record leads back there."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._containment.decision import Plan
from ansible_collections.cordon.docker.plugins.module_utils._containment.gate import Deed, Gate
from ansible_collections.cordon.docker.plugins.module_utils._containment.plan import decide
from ansible_collections.cordon.docker.plugins.module_utils._containment.record import Record
from ansible_collections.cordon.docker.plugins.module_utils._containment.seen import Sight, Wanted
from ansible_collections.cordon.docker.plugins.module_utils._containment.store import Store
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._containment.recordings import (
    ENGINES,
    load,
    sight,
)
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._containment.worlds import (
    AFTER,
    BEFORE,
    SILENT,
    World,
    raise_world,
)

NAMES = (
    "ct-bridge",
    "ct-user",
    "ct-six",
    "ct-host",
    "ct-share",
    "ct-mac",
    "ct-over",
    "ct-admin",
    "ct-paused",
)
REVERSIBLE = ("pause", "isolate", "disconnect", "link_down", "hold")
engines, names, verbs = st.sampled_from(ENGINES), st.sampled_from(NAMES), st.sampled_from(REVERSIBLE)
_RECORDINGS = {engine: load(engine) for engine in ENGINES}


class Scene:
    """A pretended host with a gate to it, and the plan that the planner makes of what is there."""

    def __init__(self, engine: str, name: str, patch: pytest.MonkeyPatch, folder: str) -> None:
        recording = _RECORDINGS[engine]
        self.seen: Sight = sight(recording, name)
        self.world: World
        self.world, api = raise_world(self.seen, recording, patch)
        self.store = Store(folder)
        self.store.lasting = True
        self.gate = Gate(api, self.world.run, self.store)

    def plan(self, verb: str) -> Plan | None:
        decision = decide(Wanted(verb), self.seen, Record(self.seen.id))
        return decision if isinstance(decision, Plan) else None

    def go(self, plan: Plan) -> Deed:
        return self.gate.carry_out(plan, "INC-7", self.seen.name)


@given(engine=engines, name=names, verb=verbs)
@settings(max_examples=120, deadline=None)
def test_what_was_done_is_taken_back_whole(engine: str, name: str, verb: str) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        scene = Scene(engine, name, patch, f"{folder}/cordon")
        plan = scene.plan(verb)
        if plan is None or not plan.steps:
            return
        start = scene.world.state()
        deed = scene.go(plan)
        assert not deed.failed, deed.error
        assert scene.world.state() != start
        assert scene.store.load(scene.seen.id) == deed.record
        back = scene.gate.release(Record(scene.seen.id), scene.seen.name)
        assert not back.failed, back.error
        assert scene.world.state() == start
        assert back.record.changes == ()
        assert scene.store.containers() == ()


@given(
    engine=engines,
    name=names,
    verb=verbs,
    fail_at=st.integers(1, 8),
    how=st.sampled_from((BEFORE, AFTER, SILENT)),
    for_good=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_a_failure_leaves_the_start_or_a_way_back(
    engine: str, name: str, verb: str, fail_at: int, how: str, for_good: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        scene = Scene(engine, name, patch, f"{folder}/cordon")
        plan = scene.plan(verb)
        if plan is None or not plan.steps:
            return
        start = scene.world.state()
        scene.world.fail_at, scene.world.how = fail_at, how
        if for_good:
            _fail_from(scene.world, fail_at)
        deed = scene.go(plan)
        assert scene.world.changes < fail_at or deed.failed or _repeated(scene)
        scene.world.fail_at = None
        if deed.failed:
            assert deed.error
            stayed = [act for act in deed.acts if act.status == "left"]
            assert scene.world.state() == start or stayed or deed.record.changes
        kept = scene.store.load(scene.seen.id)
        if scene.world.state() != start:
            assert kept.changes
        back = scene.gate.release(kept, scene.seen.name)
        assert not back.failed, back.error
        assert scene.world.state() == start
        assert scene.store.containers() == ()


def _repeated(scene: Scene) -> bool:
    """Rules with raw frames are tried again without them, for kernels that have no hook for those; a pause is tried
    again as it is."""
    return bool(scene.world.failed_pauses) or any(
        family == "inet" for _inside, family, _table in scene.world.tables
    )


@pytest.mark.parametrize(("failures", "holds"), [(1, True), (4, True), (5, False)])
def test_what_is_not_frozen_at_once_is_tried_again(
    failures: int, holds: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    scene = Scene("20.10", "ct-bridge", monkeypatch, str(tmp_path / "cordon"))
    start = scene.world.state()
    plan = scene.plan("pause")
    assert plan is not None
    real = scene.world.change
    monkeypatch.setattr(scene.world, "change", lambda do: scene.world.failed_pauses >= failures and real(do))
    deed = scene.go(plan)
    assert (deed.failed, scene.world.failed_pauses) == (not holds, failures)
    assert (scene.world.state() == start) is not holds
    assert bool(deed.record.changes) is holds


def _fail_from(world: World, first: int) -> None:
    """Every change from the ``first`` on fails, so that nothing can be taken back either."""
    real = world.change

    def change(do: Any) -> bool:
        if world.fail_at is not None and world.changes + 1 >= first:
            world.fail_at = world.changes + 1
        return real(do)

    world.change = change  # type: ignore[method-assign]


@given(engine=engines, name=names, verb=verbs)
@settings(max_examples=60, deadline=None)
def test_check_mode_touches_nothing(engine: str, name: str, verb: str) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        scene = Scene(engine, name, patch, f"{folder}/cordon")
        plan = scene.plan(verb)
        if plan is None:
            return
        start = scene.world.state()
        deed = scene.gate.propose(plan, Record(scene.seen.id))
        assert [act.status for act in deed.acts] == ["planned"] * len(plan.steps)
        assert scene.world.state() == start
        assert scene.world.changes == 0
        assert scene.store.containers() == ()


def test_the_record_is_written_before_the_change(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A host that dies between the two leaves a record that says too much, never too little."""
    scene = Scene("28", "ct-bridge", monkeypatch, str(tmp_path / "cordon"))
    seen_at_change: list[int] = []
    real = scene.world.change

    def change(do: Any) -> bool:
        seen_at_change.append(len(scene.store.load(scene.seen.id).changes))
        return real(do)

    scene.world.change = change  # type: ignore[method-assign]
    plan = scene.plan("isolate")
    assert plan is not None
    scene.go(plan)
    assert seen_at_change == [1, 2, 3]


def test_where_no_record_can_be_written_nothing_is_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    scene = Scene("28", "ct-bridge", monkeypatch, str(tmp_path / "cordon"))
    monkeypatch.setattr(scene.store, "save", lambda _record: _full())
    plan = scene.plan("isolate")
    assert plan is not None
    deed = scene.go(plan)
    assert deed.failed
    assert scene.world.changes == 0


def _full() -> None:
    from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError

    raise HostError("No space left on device.")


def test_a_restart_while_it_is_cut_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """The link that was set down was an earlier run's: nothing holds, and nothing of it stays on record."""
    scene = Scene("28", "ct-bridge", monkeypatch, str(tmp_path / "cordon"))
    plan = scene.plan("isolate")
    assert plan is not None
    scene.world.namespace += 1
    deed = scene.go(plan)
    assert deed.restarted
    assert not deed.failed
    assert deed.record.changes == ()


def test_a_kill_that_does_not_end_it_keeps_the_policy_on_record(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from ansible_collections.cordon.docker.plugins.module_utils._containment import means_engine, whereabouts

    scene = Scene("28", "ct-bridge", monkeypatch, str(tmp_path / "cordon"))
    monkeypatch.setattr(means_engine, "_SETTLE", 0.0)
    monkeypatch.setattr(whereabouts, "processes", lambda _container: (4711,))
    decision = decide(Wanted("kill", without_evidence=True), scene.seen, Record(scene.seen.id))
    assert isinstance(decision, Plan)
    deed = scene.go(decision)
    assert deed.failed
    assert "4711" in str(deed.error)
    assert [change.step.kind for change in deed.record.changes] == ["restart_policy"]
    assert scene.world.inspect["HostConfig"]["RestartPolicy"]["Name"] == "no"


def test_a_barrier_that_drops_all_is_never_put_into_the_hosts_namespace(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from ansible_collections.cordon.docker.plugins.module_utils._containment.steps import RaiseBarrier
    from ansible_collections.cordon.docker.plugins.module_utils._containment.values import CGROUP, Barrier
    from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._containment.worlds import OWN

    scene = Scene("28", "ct-host", monkeypatch, str(tmp_path / "cordon"))
    all_of_it = RaiseBarrier(scene.seen.id, Barrier("namespace", OWN))
    strange = RaiseBarrier(scene.seen.id, Barrier(CGROUP, OWN, path="system.slice/ssh.service", level=2))
    for step in (all_of_it, strange):
        deed = scene.go(Plan(scene.seen.id, "isolate", (step,)))
        assert deed.failed
        assert "refused" in str(deed.error)
        assert scene.world.tables == {}
        assert scene.world.changes == 0
