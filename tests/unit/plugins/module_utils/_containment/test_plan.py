# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The planner over what real engines showed: one row for each kind of container and wanted action."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._containment.decision import Plan, Refusal
from ansible_collections.cordon.docker.plugins.module_utils._containment.plan import VERBS, decide
from ansible_collections.cordon.docker.plugins.module_utils._containment.record import Record
from ansible_collections.cordon.docker.plugins.module_utils._containment.seen import (
    HostFacts,
    Namespace,
    Nic,
    Sight,
    Wanted,
)
from ansible_collections.cordon.docker.plugins.module_utils._containment.steps import (
    Connect,
    Disconnect,
    RaiseBarrier,
    SetRestartPolicy,
)
from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._containment.recordings import (
    HOST,
    sight,
)


def kinds(plan: Any) -> list[str]:
    assert isinstance(plan, Plan), plan
    return [step.kind for step in plan.steps]


def code(refusal: Any) -> str:
    assert isinstance(refusal, Refusal), refusal
    return refusal.code


def ask(seen: Sight, verb: str, record: Any = None, **more: Any) -> Any:
    return decide(Wanted(verb, **more), seen, record or Record(seen.id))


PLANS = [
    ("ct-bridge", "isolate", ["link_down", "raise_barrier", "restart_policy"]),
    ("ct-user", "isolate", ["link_down", "link_down", "raise_barrier"]),
    ("ct-six", "isolate", ["link_down", "raise_barrier"]),
    ("ct-rm", "isolate", ["link_down", "raise_barrier"]),
    ("ct-paused", "isolate", ["link_down", "raise_barrier"]),
    ("ct-over", "isolate", ["link_down", "raise_barrier"]),
    ("ct-svc", "isolate", ["link_down", "raise_barrier"]),
    ("ct-mac", "isolate", ["raise_barrier"]),
    ("ct-host", "isolate", ["raise_barrier"]),
    ("ct-share", "isolate", ["raise_barrier"]),
    ("ct-owner", "isolate", ["raise_barrier"]),
    ("ct-admin", "isolate", ["disconnect"]),
    ("ct-none", "isolate", []),
    ("ct-exited", "isolate", ["disconnect"]),
    ("ct-restarting", "isolate", ["restart_policy", "end_restarts"]),
    ("ct-bridge", "disconnect", ["disconnect"]),
    ("ct-user", "disconnect", ["disconnect", "disconnect"]),
    ("ct-none", "disconnect", []),
    ("ct-exited", "disconnect", ["disconnect"]),
    ("ct-mac", "disconnect", ["disconnect"]),
    ("ct-bridge", "link_down", ["link_down"]),
    ("ct-user", "link_down", ["link_down", "link_down"]),
    ("ct-bridge", "link_up", []),
    ("ct-none", "link_down", []),
    ("ct-bridge", "pause", ["pause"]),
    ("ct-host", "pause", ["pause"]),
    ("ct-paused", "pause", []),
    ("ct-paused", "unpause", ["unpause"]),
    ("ct-bridge", "unpause", []),
    ("ct-bridge", "hold", ["restart_policy"]),
    ("ct-user", "hold", []),
    ("ct-exited", "kill", []),
    ("ct-bridge", "commit", ["pause", "commit", "unpause"]),
    ("ct-paused", "commit", ["commit"]),
    ("ct-exited", "commit", ["commit"]),
]


@pytest.mark.parametrize(("name", "verb", "steps"), PLANS)
def test_plans(recording: dict[str, Any], name: str, verb: str, steps: list[str]) -> None:
    assert kinds(ask(sight(recording, name), verb)) == steps


REFUSALS = [
    ("ct-host", "disconnect", "host_network"),
    ("ct-host", "link_down", "host_network"),
    ("ct-share", "disconnect", "shared_network"),
    ("ct-share", "link_down", "shared_network"),
    ("ct-owner", "link_down", "sharers"),
    ("ct-mac", "link_down", "no_cable"),
    ("ct-over", "link_down", "no_cable"),
    ("ct-svc", "link_down", "no_cable"),
    ("ct-exited", "link_down", "not_running"),
    ("ct-exited", "pause", "not_running"),
    ("ct-restarting", "pause", "restarting"),
    ("ct-restarting", "disconnect", "restarting"),
    ("ct-restarting", "commit", "restarting"),
    ("ct-rm", "kill", "auto_remove"),
    ("ct-bridge", "kill", "no_evidence"),
]


@pytest.mark.parametrize(("name", "verb", "why"), REFUSALS)
def test_refusals_say_what_would_work(recording: dict[str, Any], name: str, verb: str, why: str) -> None:
    refusal = ask(sight(recording, name), verb)
    assert code(refusal) == why
    assert refusal.why.endswith(".")
    assert refusal.instead or refusal.override


def test_a_privileged_container_is_isolated_with_a_warning(recording: dict[str, Any]) -> None:
    seen = sight(recording, "ct-priv")
    if not seen.running:
        pytest.skip("The recorded host could not run a privileged container.")
    plan = ask(seen, "isolate")
    assert kinds(plan) == ["link_down"]
    assert "may_leave" in {notice.code for notice in plan.notices}


def test_compose_and_swarm_are_named(recording: dict[str, Any]) -> None:
    compose, swarm = sight(recording, "ct-six"), sight(recording, "ct-svc")
    assert "compose_recreates" in {notice.code for notice in ask(compose, "disconnect").notices}
    assert "replaced_by_compose" in {notice.code for notice in ask(compose, "isolate").notices}
    assert "replaced_by_swarm" in {
        notice.code for notice in ask(swarm, "kill", without_evidence=True).notices
    }


def test_the_barrier_around_sockets_names_the_container(recording: dict[str, Any]) -> None:
    for name in ("ct-host", "ct-share", "ct-owner"):
        seen = sight(recording, name)
        (step,) = (step for step in ask(seen, "isolate").steps if isinstance(step, RaiseBarrier))
        assert step.barrier.path.startswith("unified/")
        assert step.barrier.path.endswith(seen.id)
        assert step.barrier.level == step.barrier.path.count("/")


def test_without_cgroups_of_version_2_shared_networks_are_refused(recording: dict[str, Any]) -> None:
    old = HostFacts(cgroup_version=1, cgroups=None)
    assert code(ask(sight(recording, "ct-host", host=old), "isolate")) == "host_network"
    assert code(ask(sight(recording, "ct-share", host=old), "isolate")) == "shared_network"
    owner = sight(recording, "ct-owner", host=old)
    assert code(ask(owner, "isolate")) == "sharers"
    assert kinds(ask(owner, "isolate", with_sharers=True)) == ["link_down", "raise_barrier"]


def test_without_nft_the_resolver_decides(recording: dict[str, Any]) -> None:
    bare = HostFacts(nft=False)
    assert kinds(ask(sight(recording, "ct-bridge", host=bare), "isolate"))[0] == "link_down"
    assert kinds(ask(sight(recording, "ct-user", host=bare), "isolate")) == ["disconnect", "disconnect"]
    assert code(ask(sight(recording, "ct-host", host=bare), "isolate")) == "host_network"


def test_without_root_the_engine_disconnects(recording: dict[str, Any]) -> None:
    member = HostFacts(root=False)
    seen = sight(recording, "ct-bridge", host=member, namespace=None, unseen="Only root can look.")
    assert kinds(ask(seen, "isolate")) == ["disconnect"]
    assert code(ask(seen, "link_down")) == "unseen"


def test_a_host_network_that_the_container_may_change_is_not_safe(recording: dict[str, Any]) -> None:
    seen = sight(recording, "ct-host")
    config = dict(seen.host_config, CapAdd=["CAP_NET_ADMIN"])
    able = sight(recording, "ct-host", inspect=dict(seen.inspect, HostConfig=config))
    assert code(ask(able, "isolate")) == "host_network"


def test_ipvlan_from_its_description() -> None:
    """No kernel at hand had ipvlan: its link differs from macvlan's by its kind alone."""
    container = "ab" * 32
    nic = Nic("eth0", "ipvlan", "", True, why="eth0 is a ipvlan: it ends in a NIC of the host.")
    inspect = {
        "Id": container,
        "State": {"Running": True, "Status": "running", "Pid": 7},
        "HostConfig": {"NetworkMode": "floor"},
        "NetworkSettings": {"Networks": {"floor": {"NetworkID": "cd" * 32}}},
    }
    seen = Sight(container, "printer", inspect, HOST, Namespace(4026532000, False, (nic,)))
    assert code(ask(seen, "link_down")) == "no_cable"
    assert kinds(ask(seen, "isolate")) == ["raise_barrier"]


def test_last_network_is_cut_first_and_connected_last(recording: dict[str, Any]) -> None:
    seen = sight(recording, "ct-user")
    plan = ask(seen, "disconnect")
    record = Record(seen.id)
    for step in plan.steps:
        record = record.begin(step, "", "", "disconnect").finish(step)
    assert [step.endpoint.network for step in plan.steps] == ["ct-net2", "ct-net"]
    gone = dict(seen.inspect, NetworkSettings={"Networks": {}, "Ports": {}})
    back = ask(sight(recording, "ct-user", inspect=gone), "connect", record)
    assert [step.endpoint.network for step in back.steps] == ["ct-net", "ct-net2"]
    (first, second) = back.steps
    assert (first.endpoint.fixed4, first.endpoint.aliases) == ("172.30.7.77", ("foo",))
    assert second.endpoint.aliases == ("bar",)
    assert ("80/tcp", "0.0.0.0", "9002") in first.endpoint.ports


def test_only_named_networks_are_cut(recording: dict[str, Any]) -> None:
    plan = ask(sight(recording, "ct-user"), "disconnect", networks=("ct-net2",))
    assert [step.endpoint.network for step in plan.steps if isinstance(step, Disconnect)] == ["ct-net2"]


def test_a_network_nobody_recorded_is_joined_plainly(recording: dict[str, Any]) -> None:
    seen = sight(recording, "ct-bridge", known_networks={"ct-net": "cd" * 32})
    (step,) = ask(seen, "connect", networks=("ct-net",)).steps
    assert isinstance(step, Connect)
    assert step.endpoint.network_id == "cd" * 32
    assert code(ask(seen, "connect", networks=("nowhere",))) == "unknown_network"


def test_kill_sets_the_policy_first(recording: dict[str, Any]) -> None:
    plan = ask(sight(recording, "ct-bridge", preserved=True), "kill", signal="SIGKILL")
    assert kinds(plan) == ["restart_policy", "kill"]
    policy = plan.steps[0]
    assert isinstance(policy, SetRestartPolicy)
    assert (policy.policy.name, policy.was.name) == ("no", "always")


def test_a_paused_container_gets_no_other_signal(recording: dict[str, Any]) -> None:
    paused = sight(recording, "ct-paused", preserved=True)
    assert code(ask(paused, "kill", signal="USR1")) == "paused"
    assert kinds(ask(paused, "kill", signal="9")) == ["kill"]


def test_overrides(recording: dict[str, Any]) -> None:
    kept = sight(recording, "ct-rm", preserved=True)
    assert code(ask(kept, "kill")) == "auto_remove"
    assert kinds(ask(kept, "kill", allow_removal=True)) == ["kill"]
    lost = sight(recording, "ct-rm")
    assert code(ask(lost, "kill", allow_removal=True)) == "no_evidence"
    assert kinds(ask(lost, "kill", allow_removal=True, without_evidence=True)) == ["kill"]


def test_rootless_engines_of_version_1_cannot_pause(recording: dict[str, Any]) -> None:
    own = HostFacts(rootless=True, cgroup_version=1)
    assert code(ask(sight(recording, "ct-bridge", host=own), "pause")) == "rootless_cgroups"
    assert code(ask(sight(recording, "ct-bridge", host=own), "commit")) == "rootless_cgroups"


def test_a_state_is_kept_once(recording: dict[str, Any]) -> None:
    seen = sight(recording, "ct-paused", state_token="now 12", commits={"now 12": "cordon/inc-7:x"})
    plan = ask(seen, "commit")
    assert kinds(plan) == []
    assert plan.notices[0].code == "kept_already"
    assert kinds(ask(seen, "commit", again=True)) == ["commit"]
    later = sight(recording, "ct-paused", state_token="now 13", commits={"now 12": "cordon/inc-7:x"})
    assert kinds(ask(later, "commit")) == ["commit"]


def test_an_image_is_named_after_case_container_and_time(recording: dict[str, Any]) -> None:
    seen = sight(recording, "ct-exited")
    (step,) = ask(seen, "commit", case="INC-7", time="2026-02-03T04:05:06.000000Z").steps
    assert (step.repository, step.tag) == ("cordon/inc-7", f"{seen.id[:12]}-20260203T040506Z")
    labels = dict(step.labels)
    assert labels["cordon.docker.container"] == seen.id
    assert "/dev/shm" in labels["cordon.docker.not_inside"]
    with pytest.raises(InvalidOption):
        ask(seen, "commit", repository="Not/Small", time="2026-02-03T04:05:06.000000Z")


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_what_the_engine_removes_is_left_alone(recording: dict[str, Any], verb: str) -> None:
    seen = sight(recording, "ct-exited")
    dead = sight(recording, "ct-exited", inspect=dict(seen.inspect, State={"Dead": True, "Status": "dead"}))
    assert code(ask(dead, verb)) == "leaving"


def test_there_is_no_other_verb(recording: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption, match="no action 'erase'"):
        ask(sight(recording, "ct-exited"), "erase")
