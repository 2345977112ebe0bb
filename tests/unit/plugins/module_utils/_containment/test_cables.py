# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which link on the host is a container's: never a neighbour's, never the host's own."""

from __future__ import annotations

from typing import Any, Sequence

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._containment import cables
from ansible_collections.cordon.docker.plugins.module_utils._containment.seen import Namespace, engine_bridges
from ansible_collections.cordon.docker.plugins.module_utils._host.links import Link, parse_links
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._containment.recordings import sight


def veth(name: str, index: int, peer: int, netnsid: int, **more: Any) -> Link:
    values = {
        "name": name,
        "index": index,
        "link_index": peer,
        "link_netnsid": netnsid,
        "kind": "veth",
        "mac": "02:00:00:00:00:01",
        "mtu": 1500,
        "flags": ("UP",),
        "state": "UP",
        "master": None,
        "addresses": (),
    }
    return Link(**dict(values, **more))


BRIDGE = veth("docker0", 3, 0, 0, kind="bridge", link_index=None, link_netnsid=None)
BRIDGES = frozenset(("docker0",))
INSIDE = (veth("eth0", 2, 29, 0),)


def names(host: list[Link], netnsid: int = 5, inside: Sequence[Link] = INSIDE) -> list[Any]:
    space = cables.namespace(4026532001, 4026531840, list(inside), host, netnsid, BRIDGES)
    return [nic.cable.name if nic.cable else nic.why for nic in space.nics]


def test_29_is_never_taken_for_129() -> None:
    """Engines from 28 on number every container's first link 2, so each veth on the host reads @if2."""
    crowd = [
        veth("veth129", 129, 2, 6, master="docker0"),
        veth("veth290", 290, 2, 7, master="docker0"),
        veth("veth2900", 31, 2, 8, master="docker0", mtu=2900),
    ]
    assert "not in the host's namespace" in names([BRIDGE, *crowd])[0]
    right = veth("veth29", 29, 2, 5, master="docker0")
    assert names([BRIDGE, *crowd, right]) == ["veth29"]


@pytest.mark.parametrize(
    ("peer", "why"),
    [
        (veth("veth29", 29, 2, 6, master="docker0"), "not in the host's namespace"),
        (veth("veth29", 29, 3, 5, master="docker0"), "not in the host's namespace"),
        (veth("eno1", 29, 2, 5, kind=None, master="docker0"), "not in the host's namespace"),
        (veth("veth29", 29, 2, 5), "in no bridge"),
        (veth("veth29", 29, 2, 5, master="br-lan"), "no bridge of the engine's"),
        (veth("-rf", 29, 2, 5, master="docker0"), "no command"),
    ],
)
def test_one_end_that_does_not_fit_is_enough_to_refuse(peer: Link, why: str) -> None:
    assert why in names([BRIDGE, peer])[0]


@pytest.mark.parametrize("kind", ["macvlan", "ipvlan"])
def test_the_parent_of_a_macvlan_is_the_hosts_own_nic(kind: str) -> None:
    nic = veth("eno1", 29, 2, 5, kind=None, master="docker0")
    (why,) = names([BRIDGE, nic], inside=[veth("eth0", 2, 29, 0, kind=kind)])
    assert "cuts the host" in why


def test_what_kernels_add_to_every_namespace_does_not_count() -> None:
    lo = veth("lo", 1, 0, 0, kind=None, flags=("LOOPBACK", "UP"))
    tunnel = veth("tunl0", 3, 0, 0, kind="ipip", flags=("NOARP",))
    assert names([BRIDGE], inside=[lo, tunnel]) == []


def test_the_hosts_own_namespace_has_nothing_to_cut() -> None:
    space = cables.namespace(7, 7, INSIDE, [BRIDGE], 5, BRIDGES)
    assert space.of_host
    assert space.nics == ()


def test_recorded_cables_are_the_ones_that_lead_back(recording: dict[str, Any]) -> None:
    host = {link.name: link for link in parse_links(recording["host_links"])}
    bridges = engine_bridges(recording["networks"])
    found = [
        (name, nic)
        for name in recording["containers"]
        for nic in (sight(recording, name).namespace or Namespace(1, True, ())).nics
        if nic.cable
    ]
    assert len(found) >= 10
    for name, nic in found:
        assert nic.cable is not None
        link = host[nic.cable.name]
        inside = {entry["ifname"]: entry for entry in recording["containers"][name]["links"]}[nic.name]
        assert inside["link_index"] == link.index
        assert link.link_index == inside["ifindex"]
        assert link.master in bridges
    # Sharers show the owner's; nobody else shows another's.
    owners = [name for name, nic in found if name != "ct-share"]
    assert len(owners) == len({nic.cable for name, nic in found if name != "ct-share"})
