# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a decision is made from: the container, its links, the host, and what is wanted. Pure values.

Filled by ``sight`` on a host, or by a test from recorded answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

from .values import Cable

BRIDGE_NAME = "com.docker.network.bridge.name"
# Why a namespace was not seen, where another look may see it.
NOT_THERE = "Its processes are not on this host, or it was just restarted."


@dataclass(frozen=True)
class HostFacts:
    """``local``: the engine's processes are this host's; ``cgroups``: where cgroup version 2 lies below
    /sys/fs/cgroup, which is where nft looks it up ("" for that folder itself, None for nowhere)."""

    root: bool = True
    local: bool = True
    rootless: bool = False
    ip: bool = True
    nft: bool = True
    nsenter: bool = True
    cgroup_version: int = 2
    cgroups: str | None = ""


@dataclass(frozen=True)
class Nic:
    """A link in the container's network namespace; with ``cable`` it can be cut on the host, else ``why``
    not.

    ``up`` tells of the host's end where there is one, as an administrator set it.
    """

    name: str
    kind: str | None
    mac: str
    up: bool
    cable: Cable | None = None
    why: str = ""


@dataclass(frozen=True)
class Namespace:
    """The container's network namespace: its inode, whether it is the host's own, and what is in it but
    lo."""

    inode: int
    of_host: bool
    nics: tuple[Nic, ...]
    barrier: bool = False


@dataclass(frozen=True)
class Sight:
    """One container as it was seen. ``namespace`` is None where it was not looked for, or could not be seen
    for the reason ``unseen``; ``cgroup`` is its path below ``HostFacts.cgroups`` and its depth."""

    id: str
    name: str
    inspect: Mapping[str, Any]
    host: HostFacts = HostFacts()
    namespace: Namespace | None = None
    unseen: str = ""
    cgroup: tuple[str, int] | None = None
    sharers: tuple[str, ...] = ()
    preserved: bool = False
    state_token: str = ""
    known_networks: Mapping[str, str] = field(default_factory=dict)
    commits: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Mapping[str, Any]:
        return self.inspect.get("State") or {}

    @property
    def restarting(self) -> bool:
        return bool(self.state.get("Restarting"))

    @property
    def running(self) -> bool:
        """Whether it has processes, frozen or not."""
        return bool(self.state.get("Running")) and not self.restarting

    @property
    def fleeting(self) -> bool:
        """Whether it was started or ended while it was looked at: nothing should be decided from that."""
        return self.running and self.namespace is None and self.unseen == NOT_THERE

    @property
    def paused(self) -> bool:
        return self.running and bool(self.state.get("Paused"))

    @property
    def status(self) -> str:
        return str(self.state.get("Status") or "unknown")

    @property
    def leaving(self) -> bool:
        return bool(self.state.get("Dead")) or self.status in ("dead", "removing")

    @property
    def pid(self) -> int:
        return int(self.state.get("Pid") or 0)

    @property
    def host_config(self) -> Mapping[str, Any]:
        return self.inspect.get("HostConfig") or {}

    @property
    def labels(self) -> Mapping[str, str]:
        return (self.inspect.get("Config") or {}).get("Labels") or {}

    @property
    def mode(self) -> str:
        """host, none, container:<id or name>, or the name of a network."""
        return str(self.host_config.get("NetworkMode") or "default")

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks it hangs on, the one it was made with first: its links are numbered from there."""
        names = (self.inspect.get("NetworkSettings") or {}).get("Networks") or {}
        first = "bridge" if self.mode == "default" else self.mode
        return tuple(sorted(set(names) - {"none", "host"}, key=lambda name: (name != first, name)))


@dataclass(frozen=True)
class Wanted:
    """What a responder asks for. ``verb`` is one of plan.VERBS; the rest belongs to some of them."""

    verb: str
    networks: tuple[str, ...] | None = None
    signal: str = "KILL"
    without_evidence: bool = False
    allow_removal: bool = False
    with_sharers: bool = False
    pause: bool = True
    again: bool = False
    case: str = ""
    repository: str = ""
    tag: str = ""
    time: str = ""
    engine: str = ""
    commit_timeout: int = 600


def engine_bridges(networks: Any) -> frozenset[str]:
    """The bridges on the host that are the engine's, from its list of networks."""
    bridges = set()
    for network in networks:
        if network.get("Driver") == "bridge":
            named = (network.get("Options") or {}).get(BRIDGE_NAME)
            bridges.add(str(named or f"br-{str(network.get('Id', ''))[:12]}"))
    return frozenset(bridges)
