# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container's links, each with its proven cable on the host, or why it has none. Pure."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.cordon.docker.plugins.module_utils._host.links import Link, Peer, host_peer

from . import hostile
from .seen import Namespace, Nic
from .values import Cable

# What kernels with these modules put into every new namespace, down and of no use.
_FALLBACKS = frozenset(
    ("sit", "ipip", "ip6tnl", "gre", "gretap", "erspan", "ip6gre", "ip6gretap", "vti", "vti6")
)


def namespace(
    inode: int,
    own: int,
    links: Sequence[Link],
    host_links: Sequence[Link],
    netnsid: int | None,
    bridges: frozenset[str],
) -> Namespace:
    """``own`` is the inode of the host's namespace, ``netnsid`` the number by which it knows the
    container's."""
    if inode == own:
        return Namespace(inode, True, ())
    nics = tuple(_nic(link, host_links, netnsid, bridges, inode) for link in links if _counts(link))
    return Namespace(inode, False, nics)


def _counts(link: Link) -> bool:
    if "LOOPBACK" in link.flags:
        return False
    return not (link.kind in _FALLBACKS and "UP" not in link.flags)


def _nic(
    link: Link, host_links: Sequence[Link], netnsid: int | None, bridges: frozenset[str], inode: int
) -> Nic:
    peer = host_peer(link, host_links, netnsid)
    why = _why_not(link, peer, bridges)
    mac = (link.mac or "").lower()
    if peer is None or netnsid is None or why:
        return Nic(link.name, link.kind, mac, "UP" in link.flags, why=why)
    cable = Cable(peer.name, peer.index, link.name, link.index, netnsid, str(peer.master), inode)
    up = any(other.index == peer.index and "UP" in other.flags for other in host_links)
    return Nic(link.name, link.kind, mac, up, cable)


def _why_not(link: Link, peer: Peer | None, bridges: frozenset[str]) -> str:
    """Why a link must not, or cannot, be cut on the host; nothing where it can."""
    name = link.name
    if link.kind in ("macvlan", "ipvlan", "macvtap", "ipvtap"):
        return f"{name} is a {link.kind}: it ends in a NIC of the host, and setting that down cuts the host."
    if link.kind != "veth":
        return f"{name} is a {link.kind or 'physical NIC'}, which has no other end on the host."
    if peer is None:
        return f"The other end of {name} is not in the host's namespace (overlay networks, rootless engines)."
    if not hostile.LINK_NAME.match(peer.name) or not hostile.LINK_NAME.match(name):
        return f"{name} has a name that no command should be given."
    if peer.master is None:
        return f"{peer.name}, the other end of {name}, is in no bridge."
    if peer.master_kind != "bridge" or peer.master not in bridges:
        return (
            f"{peer.name}, the other end of {name}, is in {peer.master}, which is no bridge of the engine's."
        )
    return ""
