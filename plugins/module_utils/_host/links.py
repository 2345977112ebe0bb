# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links of a network namespace and their peers on the host. Pure: what ``ip -j -d address`` prints in, links out.

Interface numbers are per namespace, so a number alone says little: on engines from 28 on the first link of
every container is number 2. A peer counts only where both ends are veth, each names the other's number, and
the host's end says by its link-netnsid that the other end is in this very namespace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError


@dataclass(frozen=True)
class Link:
    """One link; ``link_index`` is the number of its other end in the namespace ``link_netnsid``, or of the
    parent for macvlan, ipvlan and vlan. ``link_netnsid`` is null where that end is in the link's own."""

    name: str
    index: int
    link_index: int | None
    link_netnsid: int | None
    kind: str | None
    mac: str | None
    mtu: int | None
    flags: tuple[str, ...]
    state: str
    master: str | None
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Peer:
    """The host's end of a veth pair, and the bridge it is a port of."""

    name: str
    index: int
    master: str | None
    master_kind: str | None
    state: str

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "index": self.index,
            "master": self.master,
            "master_kind": self.master_kind,
            "state": self.state,
        }


def parse_links(document: Any) -> list[Link]:
    """The decoded JSON of ``ip -j -d address``. Raises HostError where it is something else."""
    if not isinstance(document, list):
        raise HostError("ip -j -d address did not print a list.")
    # iproute2 before 5.19 leaves empty objects for what a filter hides.
    return [_link(entry) for entry in document if isinstance(entry, Mapping) and entry.get("ifname")]


def _link(entry: Mapping[str, Any]) -> Link:
    info = entry.get("linkinfo") or {}
    addresses = (
        f"{address.get('local')}/{address.get('prefixlen')}"
        for address in entry.get("addr_info") or []
        if address.get("local")
    )
    return Link(
        name=str(entry["ifname"]),
        index=int(entry.get("ifindex", 0)),
        link_index=_number(entry.get("link_index")),
        link_netnsid=_number(entry.get("link_netnsid")),
        kind=info.get("info_kind"),
        mac=entry.get("address"),
        mtu=_number(entry.get("mtu")),
        flags=tuple(str(flag) for flag in entry.get("flags") or []),
        state=str(entry.get("operstate", "UNKNOWN")),
        master=entry.get("master"),
        addresses=tuple(addresses),
    )


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def host_peer(link: Link, host_links: Sequence[Link], netnsid: int | None) -> Peer | None:
    """The host's end of a container's link; null where it has none, or where it cannot be told for certain.

    ``netnsid`` is the number by which the host's namespace knows the container's (see ``_host.netns``). It is
    what tells a rootless engine's veth, whose peer is in another namespace, from a stranger with its number.
    """
    if link.kind != "veth" or link.link_netnsid is None or netnsid is None or netnsid < 0:
        return None
    for candidate in host_links:
        if (
            candidate.index == link.link_index
            and candidate.kind == "veth"
            and candidate.link_index == link.index
            and candidate.link_netnsid == netnsid
        ):
            master = next((other for other in host_links if other.name == candidate.master), None)
            return Peer(
                name=candidate.name,
                index=candidate.index,
                master=candidate.master,
                master_kind=master.kind if master else None,
                state=candidate.state,
            )
    return None


def network_mode(network_mode: str, known: Mapping[str, str]) -> str:
    """own, host, none or container:<full id> from inspect's HostConfig.NetworkMode.

    ``known`` maps names and IDs of the engine's containers to full IDs.
    """
    if network_mode in ("host", "none"):
        return network_mode
    kind, colon, owner = network_mode.partition(":")
    if kind == "container" and colon:
        return f"container:{known.get(owner, owner)}"
    return "own"


def link_row(link: Link, peer: Peer | None) -> dict[str, Any]:
    """One entry of links.json."""
    return {
        "name": link.name,
        "index": link.index,
        "link_index": link.link_index,
        "kind": link.kind,
        "mac": link.mac,
        "mtu": link.mtu,
        "flags": list(link.flags),
        "state": link.state,
        "addresses": list(link.addresses),
        "host_peer": peer.to_json() if peer else None,
    }
