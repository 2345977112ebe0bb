# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containment, proven on every engine of the lab, for each kind of network, state and life of a container.

The rows are in matrix/rows.py, and all go through one story at once, told in matrix/story.py; each test here reads one
aspect of it. The words of the module are held against docker inspect, ip and nft on the host, and against what is heard
of the containers from outside.

ipvlan is not among the rows: no kernel at hand has it. Its plan is proven over recorded data in the unit tests
(_containment/test_cables.py, test_plan.py); its link differs from macvlan's by its kind alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fleet import Fleet
from matrix.ears import Ears
from matrix.ground import OVERLAY, Ground
from matrix.rows import BESIDE, CONTAINED, EXITED, PAUSED, RESTARTING, RUNNING, Row, on
from matrix.story import Story, Told

# The open session says something four times a second; a host that is at work may be late.
SSH_SILENCE_SECONDS = 5.0


def one_host_an_engine(fleet: Fleet) -> dict[str, str]:
    """Hosts by engine; none where the lab is down, which the fixtures tell."""
    if not fleet.inventory.exists():
        return {"no-engine": ""}
    found: dict[str, str] = {}
    for host in fleet.hosts:
        found.setdefault(fleet.hostvars[host]["lab_engine"], host)
    return found


ENGINES = one_host_an_engine(Fleet())


def every(rows: tuple[Row, ...]) -> pytest.MarkDecorator:
    """A test for each row on each engine."""
    pairs = [
        (engine, row) for engine in sorted(ENGINES) for row in rows if row in BESIDE or row in on(engine)
    ]
    ids = [f"{row.name}-on-{engine}" for engine, row in pairs]
    return pytest.mark.parametrize(("engine", "row"), pairs, ids=ids)


every_engine = pytest.mark.parametrize("engine", sorted(ENGINES))
every_row = every(CONTAINED)


@pytest.fixture(scope="module")
def story(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Told]]:
    """What happened, by engine."""
    folder = tmp_path_factory.mktemp("matrix")
    facts = fleet.hostvars
    grounds = [Ground(fleet, host, engine, facts[host]["ansible_host"]) for engine, host in ENGINES.items()]
    with ThreadPoolExecutor(max_workers=len(grounds)) as pool:
        try:
            list(pool.map(Ground.lower, grounds))
            list(pool.map(Ground.raise_networks, grounds))
            with Ears(fleet, grounds, folder) as ears:
                list(pool.map(Ground.raise_all, grounds))
                told = Story(fleet, grounds, ears, folder)
                told.tell()
                yield {one.ground.engine: one for one in told.told.values()}
        finally:
            list(pool.map(Ground.lower, grounds))


@pytest.fixture
def told(story: dict[str, Told], engine: str) -> Told:
    return story[engine]


@every_row
def test_free_it_is_heard_on_every_way(told: Told, row: Row) -> None:
    assert told.of(row, "free", "isolated") == {*row.carries}


@every_row
def test_what_is_planned_is_done_and_holds(told: Told, row: Row) -> None:
    done = told.entry("isolated", row)
    assert (done["failed"], done["changed"]) == (False, bool(row.steps)), done
    assert done["verified"] is (True if row.steps else None)
    assert {*row.notices} <= told.notices("isolated", row)
    assert row.steps or "nothing_to_cut" in told.notices("isolated", row)
    if row.state == RESTARTING:
        check_restarting(told, row, done)
        return
    would = told.entry("would", row)
    assert (would["failed"], would["changed"]) == (False, bool(row.steps)), would
    assert tuple(told.steps("would", row)) == tuple(told.steps("isolated", row)) == row.steps


def check_restarting(told: Told, row: Row, done: dict[str, Any]) -> None:
    """What starts by itself may do so at any moment, and what is planned then is another plan: what counts is how it
    ends."""
    would = told.entry("would end", row)
    assert (would["failed"], would["changed"]) == (False, True), would
    looks = [told.document(moment, row)["State"] for moment in ("waiting", "still waiting")]
    if looks[0] == looks[1]:
        # No more can be planned than to end it.
        assert tuple(told.steps("would end", row)) == row.steps[:2]
    verified = {step["step"] for step in done["steps"] if step["status"] == "verified"}
    assert verified | {"end_restarts"} == {*row.steps}
    ended = told.document("isolated", row)
    assert (ended["State"]["Status"], ended["HostConfig"]["RestartPolicy"]["Name"]) == ("exited", "no")
    if row.cut:
        assert ended["NetworkSettings"]["Networks"] == {}


@every_row
def test_isolated_it_is_not_heard_on_any_way(told: Told, row: Row) -> None:
    """Nor once it is let run again, where it was paused or exited."""
    heard = told.of(row, "isolated", "releasing")
    # Engine 20.10 answers DNS questions of a container that is on no network; the responder is told so.
    assert heard <= ({"resolver"} if "resolver" in told.notices("isolated", row) else set())


@every_row
def test_isolated_again_nothing_changes(told: Told, row: Row) -> None:
    entry = told.entry("isolated again", row)
    assert (entry["changed"], entry["failed"], entry["steps"]) == (False, False, [])


@every_row
def test_released_it_is_as_it_was(told: Told, row: Row) -> None:
    entry = told.entry("released", row) if row.steps else {"failed": False, "record": None}
    assert (entry["failed"], entry["record"]) == (False, None)
    was, now = told.document("before", row), told.document("released", row)
    assert now["HostConfig"] == was["HostConfig"]
    if row.state != RESTARTING:
        assert now["State"]["Status"] == was["State"]["Status"] == row.state
    # What exited has no addresses, and the engine gives its free ones away again, but for those asked for.
    if row.state in (RUNNING, PAUSED):
        assert endpoints(now) == endpoints(was)
    else:
        assert [*endpoints(now)] == [*endpoints(was)]
        assert aliases(told.document("free again", row)) == aliases(was)
    networks = told.document("free again", row)["NetworkSettings"]["Networks"].values()
    assert row.address in {shown["IPAddress"] for shown in networks} | {""}


def endpoints(document: dict[str, Any]) -> dict[str, tuple[str, str, list[str]]]:
    """The addresses and aliases on each network."""
    shown = document["NetworkSettings"]["Networks"]
    named = aliases(document)
    return {name: (one["IPAddress"], one["GlobalIPv6Address"], named[name]) for name, one in shown.items()}


def aliases(document: dict[str, Any]) -> dict[str, list[str]]:
    """Engines before 25 list the short ID among them."""
    shown = document["NetworkSettings"]["Networks"]
    return {name: sorted({*(one["Aliases"] or ())} - {document["Id"][:12]}) for name, one in shown.items()}


@every_row
def test_released_it_is_heard_again(told: Told, row: Row) -> None:
    assert told.of(row, "free again", "killed") == {*row.carries}


@every(tuple(row for row in CONTAINED if row.keeps_flow))
def test_released_the_same_flow_goes_on(told: Told, row: Row) -> None:
    before = told.flows(row, "free", "isolated")
    assert len(before) == 1
    assert told.flows(row, "free again", "killed") == before


@every_row
def test_nothing_stays_behind(told: Told, row: Row) -> None:
    rules = told.inside("free again", row).get("rules", ())
    assert [line for line in rules if "cordon" in line] == []


@every_engine
def test_released_again_nothing_changes(told: Told) -> None:
    assert told.results["released again"]["changed"] is False


@every_engine
def test_check_mode_changes_nothing(told: Told) -> None:
    before, asked = told.seen["before"], told.seen["asked"]
    assert asked["inspect"] == before["inspect"]
    assert asked["inside"] == before["inside"]
    assert asked["links"] == before["links"]
    assert asked["rules"] == before["rules"]


@every(BESIDE)
def test_neighbours_are_heard_all_the_time(told: Told, row: Row) -> None:
    for since, until in (
        ("free", "isolated"),
        ("isolated", "releasing"),
        ("free again", "killed"),
        ("killed", "end"),
    ):
        assert told.of(row, since, until) == {*row.carries}, since
    assert len(told.flows(row, "free", "end")) == 1


@every_engine
def test_neighbours_are_left_alone(told: Told) -> None:
    for row in BESIDE:
        assert told.document("isolated", row) == told.document("before", row)
        before, isolated = (told.inside(moment, row) for moment in ("before", "isolated"))
        assert isolated["links"] == before["links"]
        # One that shares its network has the barrier around the other's sockets there too.
        lends = row.joins or any(f"container:{row.container}" in one.options for one in CONTAINED)
        assert lends or isolated["rules"] == before["rules"]


@every_engine
def test_the_hosts_ssh_goes_on(told: Told) -> None:
    ears = told.ears
    assert ears.ssh_lives(told.ground.host)
    assert ears.ssh_silence(told.ground.host) < SSH_SILENCE_SECONDS


@every_engine
def test_29_is_never_taken_for_129(told: Told) -> None:
    """Beside the link N there are 1N and N0, with the same other end's number; and one of the very number by which an
    overlay's link knows its other end in a namespace of the engine's."""
    before, isolated = (told.ground.decoys(told.seen[moment]) for moment in ("before", "isolated"))
    assert isolated == before
    assert len(before) == 3
    assert all("UP" in decoy["flags"] for decoy in before.values())
    right, down = links_of(told, "bridge-running", "before"), links_down(told)
    assert {*right} <= {*down}
    assert {str(decoy["ifindex"]) for decoy in before.values()} & {str(number) for number in down} == set()


def links_of(told: Told, name: str, moment: str) -> list[int]:
    (row,) = [row for row in told.ground.rows if row.name == name]
    links = told.inside(moment, row)["links"]
    return [link["link_index"] for link in links if link["ifname"] != "lo"]


def links_down(told: Told) -> list[int]:
    """The numbers of the host's links that are up before and down once all is isolated."""
    up = {link["ifindex"] for link in told.seen["before"]["links"] if "UP" in link["flags"]}
    return [
        link["ifindex"]
        for link in told.seen["isolated"]["links"]
        if link["ifindex"] in up and "UP" not in link["flags"]
    ]


@every_engine
def test_only_links_of_the_contained_are_down(told: Told) -> None:
    """And all of those that ip shows to be theirs."""
    cut = [row for row in told.ground.rows if "link_down" in row.steps]
    owned = {number for row in cut for number in links_of(told, row.name, "before")}
    hidden = {
        number for row in cut if "overlay" in row.name or row.service for number in hidden_links(told, row)
    }
    assert {*links_down(told)} == owned - hidden


def hidden_links(told: Told, row: Row) -> set[int]:
    """An overlay's own link ends in a namespace of the engine's, where its number is another's."""
    links = told.inside("before", row)["links"]
    inner = [link for link in links if any(one.startswith(OVERLAY) for one in link["addresses"])]
    return {link["link_index"] for link in inner}


every_killed = every(tuple(row for row in CONTAINED if row.killed))


@every_killed
def test_without_evidence_none_is_killed(told: Told, row: Row) -> None:
    entry = told.entry("spared", row)
    assert entry["changed"] is False
    if row.state != EXITED:
        assert entry["refused"]["code"] == ("auto_remove" if "--rm" in row.options else "no_evidence")


@every_killed
def test_killed_it_is_gone(told: Told, row: Row) -> None:
    entry = told.entry("killed", row)
    assert entry["failed"] is False, entry
    steps = ["restart_policy"] if "always" in row.options else []
    # Between two starts there is nothing to kill, but the wait for the next one; it may just have been started.
    last = {EXITED: [], RESTARTING: ["end_restarts", "kill"]}.get(row.state, ["kill"])
    assert told.steps("killed", row)[: len(steps)] == steps
    assert {*told.steps("killed", row)[len(steps) :]} <= {*last}
    assert bool(last) is bool(told.steps("killed", row)[len(steps) :])
    assert {*row.notices} - {"compose_recreates"} <= told.notices("killed", row)
    name = told.ground.names[row.name]
    assert told.seen["killed"]["processes"].get(name, []) == []
    document = told.document("killed", row)
    if "--rm" in row.options:
        assert document == {}
    elif not row.service:
        assert (document["State"]["Status"], document["HostConfig"]["RestartPolicy"]["Name"]) == (
            "exited",
            "no",
        )


@every_killed
def test_killed_it_is_not_heard(told: Told, row: Row) -> None:
    """But for Swarm's replacement, of which the responder was told."""
    assert told.of(row, "killed", "end") == ({*row.carries} if row.service else set())


@every(tuple(row for row in CONTAINED if row.killed and not row.service and "--rm" not in row.options))
def test_killed_again_nothing_changes(told: Told, row: Row) -> None:
    entry = told.entry("killed again", row)
    assert (entry["changed"], entry["failed"]) == (False, False)


@every_engine
def test_at_last_nothing_is_on_record(told: Told) -> None:
    """Of what was killed the restart policy was left to take back."""
    assert told.seen["killed"]["records"] > 0
    assert told.seen["released at last"]["records"] == 0
    policies = {
        row.name: told.document("released at last", row)["HostConfig"]["RestartPolicy"]["Name"]
        for row in told.ground.rows
        if row.killed and "--restart" in row.options
    }
    assert {*policies.values()} == {"always"}
