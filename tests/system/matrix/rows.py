# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The matrix: kinds of network by states, and what changes a container's life. Pure values.

A row says how its container is made, what it sends and takes while it is free, and by which steps it is isolated.
With CORDON_MATRIX=turns in the environment each row is on one engine, in turn; otherwise every row is on each.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

PREFIX = "mx-"
FIRST_PORT = 20001

DATAGRAM = "datagram"  # to a DNS server outside, IPv4
DATAGRAM6 = "datagram6"  # the same, IPv6
RESOLVER = (
    "resolver"  # through the engine's resolver at 127.0.0.11 to the host's own, at its loopback address
)
FLOW = "flow"  # an established TCP connection to the outside
INBOUND = "inbound"  # HTTP from outside to a published port
INBOUND6 = "inbound6"

_PLAIN = (DATAGRAM, FLOW, INBOUND)
_NAMED = (*_PLAIN, RESOLVER)  # on a network that the engine's resolver serves
CUT = ("link_down", "raise_barrier")
BARRIER = ("raise_barrier",)

RUNNING, PAUSED, EXITED, RESTARTING = "running", "paused", "exited", "restarting"


@dataclass(frozen=True)
class Network:
    """One kind of network. ``steps`` isolate a container that runs; ``endpoints`` are what a disconnection takes."""

    name: str
    options: tuple[str, ...]
    carries: tuple[str, ...]
    steps: tuple[str, ...]
    endpoints: int
    states: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One container. ``{number}`` in an option is the row's own, so that addresses differ."""

    name: str
    options: tuple[str, ...]
    carries: tuple[str, ...]
    steps: tuple[str, ...]
    state: str = RUNNING
    second: str = ""
    image: str = "acme/base:1"
    notices: tuple[str, ...] = ()
    killed: bool = False
    service: bool = False
    not_on: tuple[str, ...] = ()
    number: int = 0

    @property
    def address(self) -> str:
        """The one that was asked for; empty for any."""
        return self.options[self.options.index("--ip") + 1] if "--ip" in self.options else ""

    @property
    def port(self) -> int:
        return FIRST_PORT + self.number

    @property
    def container(self) -> str:
        return PREFIX + self.name

    @property
    def published(self) -> bool:
        return INBOUND in self.carries and "host" not in self.options and not self.joins and not self.bare

    @property
    def joins(self) -> bool:
        """Whether it lives in another container's network, which publishes its port."""
        return any(option.startswith("container:") for option in self.options)

    @property
    def bare(self) -> bool:
        """Whether it has an address of its own on the fleet's network."""
        return f"{PREFIX}macvlan" in self.options

    @property
    def keeps_flow(self) -> bool:
        """Whether a flow from before goes on after its release: not when its addresses were taken from it."""
        return FLOW in self.carries and self.state in (RUNNING, PAUSED) and "disconnect" not in self.steps

    @property
    def cut(self) -> bool:
        """Whether anything of its network is cut; without, nothing of it ran and nothing will hold."""
        return bool({"disconnect", "link_down", "raise_barrier"} & {*self.steps})


ALL = (RUNNING, PAUSED, EXITED, RESTARTING)
MOST = (RUNNING, PAUSED, EXITED)
_USER = f"{PREFIX}user"
_STATIC = ("--ip", "172.30.91.{number}", "--network-alias", "till", "--network-alias", "shop")

NETWORKS = (
    Network("bridge", (), _PLAIN, CUT, 1, ALL),
    Network("user", ("--network", _USER), _NAMED, CUT, 1, MOST),
    Network("two", ("--network", _USER), _NAMED, ("link_down", *CUT), 2, ALL),
    Network("ipv6", ("--network", f"{PREFIX}six"), (*_NAMED, DATAGRAM6, INBOUND6), CUT, 1, MOST),
    Network("static", ("--network", _USER, *_STATIC), _NAMED, CUT, 1, MOST),
    Network("none", ("--network", "none"), (), (), 0, (RUNNING, EXITED)),
    Network("host", ("--network", "host"), _PLAIN, BARRIER, 0, ALL),
    Network("shared", ("--network", f"container:{PREFIX}owner"), _PLAIN, BARRIER, 0, MOST),
    Network("macvlan", ("--network", f"{PREFIX}macvlan"), _NAMED, BARRIER, 1, MOST),
    Network("overlay", ("--network", f"{PREFIX}overlay"), _NAMED, CUT, 1, ALL),
)

_COMPOSE = ("--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service=web")
_LIVES = (
    Row("rm", ("--rm",), _PLAIN, CUT, killed=True),
    Row("always", ("--restart", "always"), _PLAIN, (*CUT, "restart_policy"), killed=True),
    Row("compose", _COMPOSE, _PLAIN, CUT, notices=("replaced_by_compose",), killed=True),
    Row(
        "compose-netadmin",
        ("--network", _USER, "--cap-add", "NET_ADMIN", *_COMPOSE),
        _NAMED,
        ("disconnect",),
        notices=("compose_recreates",),
    ),
    Row(
        "swarm",
        ("--network", f"{PREFIX}overlay"),
        _NAMED,
        CUT,
        notices=("replaced_by_swarm",),
        killed=True,
        service=True,
    ),
    Row(
        "privileged",
        ("--privileged",),
        _PLAIN,
        # It could take a barrier down, but has nothing that a link down would not stop.
        ("link_down",),
        notices=("may_leave",),
        killed=True,
        # The lab's machine lacks CAP_SYS_RESOURCE, without which this engine starts none.
        not_on=("20.10",),
    ),
    # Others live in its network, and go on.
    Row("lender", ("--network", _USER), _NAMED, BARRIER),
    # An image with one file, a static binary.
    Row("lone-binary", ("--network", _USER), _NAMED, CUT, image=f"{PREFIX}lone:1", killed=True),
)
# Never contained: what is next to those that are.
NEIGHBOURS = (
    Row("neighbour", (), _PLAIN, ()),
    Row("neighbour-user", ("--network", _USER), _NAMED, (), second=f"{PREFIX}second"),
    Row("neighbour-overlay", ("--network", f"{PREFIX}overlay"), _NAMED, ()),
    Row("owner", ("--network", _USER), _NAMED, ()),
    Row("sharer", ("--network", f"container:{PREFIX}lender"), (DATAGRAM, FLOW), ()),
)
# Life's end, by state and network: besides those above.
_KILLED = (
    "bridge-paused",
    "bridge-exited",
    "bridge-restarting",
    "host-running",
    "shared-running",
    "macvlan-running",
    "overlay-paused",
)


def _crossed(network: Network, state: str) -> Row:
    disconnected = ("disconnect",) * network.endpoints
    steps, options = network.steps, network.options
    if state == EXITED:
        steps = disconnected
    elif state == RESTARTING:
        steps = ("restart_policy", "end_restarts", *disconnected)
        options = ("--restart", "always", *options)
    second = f"{PREFIX}second" if network.name == "two" else ""
    name = f"{network.name}-{state}"
    return Row(name, options, network.carries, steps, state, second, killed=name in _KILLED)


def _numbered(row: Row, number: int) -> Row:
    options = tuple(option.replace("{number}", str(20 + number)) for option in row.options)
    return replace(row, number=number, options=options)


ROWS = tuple(
    _numbered(row, number)
    for number, row in enumerate(
        [
            *(_crossed(network, state) for network in NETWORKS for state in network.states),
            *_LIVES,
            *NEIGHBOURS,
        ]
    )
)
CONTAINED = ROWS[: -len(NEIGHBOURS)]
BESIDE = ROWS[-len(NEIGHBOURS) :]


# Engines take turns where not each has to have every row; what others stand on is on all.
TURNS = ("20.10", "26", "28")
_ON_ALL = frozenset(("bridge-running", "overlay-running", "always", "lender"))


def on(engine: str) -> tuple[Row, ...]:
    """The rows that are contained on an engine, such as 20.10: all that it can have, or its part of them."""
    able = tuple(row for row in CONTAINED if engine not in row.not_on)
    if os.environ.get("CORDON_MATRIX") != "turns" or engine not in TURNS:
        return able
    return tuple(row for row in able if row.name in _ON_ALL or _turn(row) == engine)


def _turn(row: Row) -> str:
    engines = [engine for engine in TURNS if engine not in row.not_on]
    return engines[row.number % len(engines)]
