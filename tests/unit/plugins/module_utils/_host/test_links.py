# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import struct
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError
from ansible_collections.cordon.docker.plugins.module_utils._host import netns
from ansible_collections.cordon.docker.plugins.module_utils._host.links import (
    Link,
    host_peer,
    network_mode,
    parse_links,
)


def link(name: str, index: int, peer: int | None = None, netnsid: int | None = None, **more: Any) -> Link:
    fields: dict[str, Any] = {"kind": "veth" if peer else None, "master": None, **more}
    return Link(
        name=name,
        index=index,
        link_index=peer,
        link_netnsid=netnsid,
        mac=None,
        mtu=1500,
        flags=(),
        state="UP",
        addresses=(),
        **fields,
    )


BRIDGE = link("docker0", 3, kind="bridge")
# Interface 29 beside 129, 290 and an mtu of 2900: what grep for 29 cannot tell apart.
HOST = [
    BRIDGE,
    link("veth29", 29, 2, 5, master="docker0"),
    link("veth129", 129, 2, 6, master="docker0"),
    link("veth290", 290, 2, 7, master="docker0"),
    link("eth0", 2, None),
]


@pytest.mark.parametrize(
    ("inner", "netnsid", "name"),
    [
        (link("eth0", 2, 29, 0), 5, "veth29"),
        (link("eth0", 2, 129, 0), 6, "veth129"),
        (link("eth0", 2, 9, 0), 5, None),
        # A rootless engine's: the number fits, the namespace does not.
        (link("eth0", 2, 29, 0), 6, None),
        (link("eth0", 2, 29, 0), -1, None),
        (link("eth0", 2, 29, 0), None, None),
        # Numbers have to fit both ways.
        (link("eth0", 4, 29, 0), 5, None),
        # macvlan and ipvlan name the parent NIC: never a peer.
        (link("eth0", 29, 2, 0, kind="macvlan"), 5, None),
        (link("eth0", 29, 2, 0, kind="ipvlan"), 5, None),
        # The host's network: the own index, no other namespace.
        (link("eth0", 2, 2, None), 5, None),
        # Both ends in one namespace.
        (link("veth0", 2, 29, None), 5, None),
    ],
)
def test_host_peer(inner: Link, netnsid: int | None, name: str | None) -> None:
    peer = host_peer(inner, HOST, netnsid)
    assert (peer.name if peer else None) == name
    if peer:
        assert (peer.master, peer.master_kind, peer.state) == ("docker0", "bridge", "UP")


def test_recorded_links(recording: dict[str, Any]) -> None:
    host = parse_links(recording["host_links"])
    peers = set()
    for name, document in recording["links"].items():
        inner = next(one for one in parse_links(document) if one.name == "eth0")
        peer = host_peer(inner, host, recording["netnsid"][name])
        assert peer is not None
        assert (peer.index, peer.master, peer.master_kind) == (inner.link_index, "docker0", "bridge")
        assert inner.addresses[0].startswith("172.17.0.")
        peers.add(peer.name)
        others = [number for other, number in recording["netnsid"].items() if other != name]
        assert all(host_peer(inner, host, number) is None for number in others)
    assert len(peers) == len(recording["links"])


def test_what_ip_prints_otherwise() -> None:
    assert parse_links([{}, {"ifname": "lo", "ifindex": 1}, "x"])[0].name == "lo"
    documents: list[Any] = [{}, None, "x"]
    for odd in documents:
        with pytest.raises(HostError):
            parse_links(odd)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("host", "host"),
        ("none", "none"),
        ("default", "own"),
        ("bridge", "own"),
        ("shop_default", "own"),
        ("container:web", "container:id-of-web"),
        ("container:unknown", "container:unknown"),
    ],
)
def test_network_mode(mode: str, expected: str) -> None:
    assert network_mode(mode, {"web": "id-of-web"}) == expected


def test_netnsid_messages() -> None:
    sent = netns.question(7, 4711)
    assert len(sent) == struct.unpack_from("=I", sent)[0] == 28
    assert struct.unpack_from("=HHI", sent, 20) == (8, 2, 4711)
    attribute = struct.pack("=HHi", 8, 1, 3)
    reply = struct.pack("=IHHII", 28, 88, 0, 7, 0) + b"\0" * 4 + attribute
    assert netns.answer(reply) == 3
    assert netns.answer(struct.pack("=IHHIIi", 20, 2, 0, 7, 0, -3)) is None


def test_owners_names_one_process_for_each_namespace() -> None:
    assert netns.owners({30: 1, 10: 1, 20: 2}) == {1: 10, 2: 20}


def test_read_links() -> None:
    commands = []

    def run(command: Any) -> tuple[int, str, str]:
        commands.append(command)
        return (
            1,
            '[{"ifname":"docker0","ifindex":3}]\n@10\n[{"ifname":"eth0","ifindex":2}]\n\n@11\n',
            "nsenter: gone",
        )

    host, inner = netns.read_links(run, [10, 11])
    assert [one.name for one in host] == ["docker0"]
    assert {pid: [one.name for one in found] for pid, found in inner.items()} == {10: ["eth0"]}
    assert commands[0][-2:] == ["10", "11"]
    with pytest.raises(HostError, match="iproute2"):
        netns.read_links(lambda _command: (3, "", "ip: not found"), [])
    with pytest.raises(HostError, match="JSON"):
        netns.read_links(lambda _command: (0, "1: lo", ""), [])
