# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records come back from hosts that may be the attacker's: what no gate could have written is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._containment.decision import Plan
from ansible_collections.cordon.docker.plugins.module_utils._containment.plan import decide
from ansible_collections.cordon.docker.plugins.module_utils._containment.record import Record
from ansible_collections.cordon.docker.plugins.module_utils._containment.seen import Wanted
from ansible_collections.cordon.docker.plugins.module_utils._containment.steps import (
    Pause,
    SetRestartPolicy,
    Unpause,
)
from ansible_collections.cordon.docker.plugins.module_utils._containment.store import Store
from ansible_collections.cordon.docker.plugins.module_utils._containment.values import RestartPolicy
from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError, HostError
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._containment.recordings import (
    load,
    sight,
)

CONTAINER = "ab" * 32


def full() -> Record:
    """A record with a step of every kind."""
    recording = load("28")
    seen = sight(recording, "ct-user")
    record = Record(seen.id, seen.name)
    for verb in ("isolate", "disconnect", "pause"):
        decision = decide(Wanted(verb), seen, record)
        assert isinstance(decision, Plan)
        for step in decision.steps:
            record = record.begin(step, "2026-02-03T04:05:06.000000Z", "INC-7", verb).finish(step)
    policy = SetRestartPolicy(seen.id, policy=RestartPolicy(), was=RestartPolicy("on-failure", 3))
    return record.begin(policy, "2026-02-03T04:05:06.000000Z", "INC-7", "hold").finish(policy)


def test_a_record_comes_back_as_it_was() -> None:
    record = full()
    kinds = {change.step.kind for change in record.changes}
    assert kinds == {"link_down", "raise_barrier", "disconnect", "pause", "restart_policy"}
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record


HOSTILE: list[tuple[list[Any], Any]] = [
    (["version"], 2),
    (["container"], "../../etc/passwd"),
    (["changes"], {"0": "x"}),
    (["changes", 0, "state"], "finished"),
    (["changes", 0, "step", "kind"], "kill"),
    (["changes", 0, "step", "kind"], "commit"),
    (["changes", 0, "step", "container"], "cd" * 32),
    (["changes", 0, "step", "cable", "name"], "eth0; reboot"),
    (["changes", 0, "step", "cable", "name"], "-batch"),
    (["changes", 0, "step", "cable", "name"], "a" * 16),
    (["changes", 0, "step", "cable", "index"], True),
    (["changes", 0, "step", "cable", "index"], 0),
    (["changes", 0, "step", "cable", "extra"], 1),
    (["changes", 2, "step", "barrier", "scope"], "host"),
    (["changes", 2, "step", "barrier", "scope"], "cgroup"),
    (["changes", 2, "step", "barrier", "path"], 'x" accept; flush ruleset; "'),
    (["changes", 2, "step", "barrier", "devices"], ['eth0" priority 0; }']),
    (["changes", 3, "step", "endpoint", "network_id"], "../networks/prune"),
    (["changes", 3, "step", "endpoint", "ipv4"], "10.0.0.1 ; x"),
    (["changes", 3, "step", "endpoint", "aliases"], ["line\nbreak"]),
    (["changes", 3, "step", "endpoint", "aliases"], ["x"] * 5000),
    (["changes", 6, "step", "policy", "name"], "whenever"),
    (["changes", 6, "step", "policy", "retries"], -1),
]


@pytest.mark.parametrize(("path", "value"), HOSTILE)
def test_what_no_gate_wrote_is_refused(path: list[Any], value: Any) -> None:
    document = json.loads(json.dumps(full().to_json()))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(EvidenceError):
        Record.from_json(document)


def test_a_barrier_around_another_cgroup_is_refused() -> None:
    seen = sight(load("28"), "ct-host")
    decision = decide(Wanted("isolate"), seen, Record(seen.id))
    assert isinstance(decision, Plan)
    record = Record(seen.id).begin(decision.steps[0], "", "", "isolate")
    document = json.loads(json.dumps(record.to_json()))
    assert Record.from_json(copy.deepcopy(document)) == record
    for path in ("system.slice/ssh.service", f"docker/{seen.id}/../../system.slice", f"{seen.id}/init.scope"):
        document["changes"][0]["step"]["barrier"]["path"] = path
        with pytest.raises(EvidenceError):
            Record.from_json(copy.deepcopy(document))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_anything_else_is_an_error_of_ours(value: Any) -> None:
    with pytest.raises(EvidenceError):
        Record.from_json(value)


def test_what_undoes_a_step_takes_it_out() -> None:
    record = Record(CONTAINER).begin(Pause(CONTAINER), "", "", "pause").finish(Pause(CONTAINER))
    assert record.begin(Unpause(CONTAINER), "", "", "unpause") is record
    assert record.finish(Unpause(CONTAINER)).changes == ()


def test_a_case_knows_what_a_booted_host_forgot() -> None:
    record = full()
    host = Record(record.container, record.name, record.changes[-1:])
    assert [change.step for change in host.merged(record).changes] == [
        change.step for change in record.changes
    ]


def store(tmp_path: Path) -> Store:
    found = Store(str(tmp_path / "run" / "cordon"))
    found.lasting = True
    return found


def test_the_store_keeps_records_for_root_alone(tmp_path: Path) -> None:
    keep, record = store(tmp_path), full()
    with keep.locked(record.container):
        keep.save(record)
    path = tmp_path / "run" / "cordon" / "containers" / f"{record.container}.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert keep.load(record.container) == record
    assert keep.containers() == (record.container,)
    with keep.locked(record.container):
        keep.save(Record(record.container))
    assert not (tmp_path / "run" / "cordon").exists()


def test_a_planted_record_or_folder_is_not_used(tmp_path: Path) -> None:
    keep = store(tmp_path)
    with keep.locked(CONTAINER):
        keep.save(Record(CONTAINER, "x", full().changes[:0]))
    folder = tmp_path / "run" / "cordon" / "containers"
    folder.mkdir(parents=True, mode=0o700)
    (tmp_path / "run" / "cordon").chmod(0o700)
    (folder / f"{CONTAINER}.json").write_text('{"version": 1}')
    with pytest.raises(EvidenceError, match="Move it away"):
        keep.load(CONTAINER)
    (folder / f"{CONTAINER}.json").unlink()
    (folder / f"{CONTAINER}.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises((EvidenceError, OSError)):
        keep.load(CONTAINER)
    folder.chmod(0o777)
    with pytest.raises(HostError, match="0700"), keep.locked(CONTAINER):
        pass


def test_ids_are_no_paths(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError):
        store(tmp_path).load("../../etc/shadow")


def test_two_responders_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible_collections.cordon.docker.plugins.module_utils._containment import store as module

    monkeypatch.setattr(module, "_PATIENCE", 0.1)
    first, second = store(tmp_path), store(tmp_path)
    with first.locked(CONTAINER), pytest.raises(HostError, match="wait for it"), second.locked(CONTAINER):
        pass
    with second.locked(CONTAINER):
        assert list((tmp_path / "run" / "cordon" / "containers").iterdir())
