# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the lab keeps things, what its hosts are called and which engines it knows."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LAB = Path(__file__).resolve().parent.parent
# A second lab beside the first needs another name and nothing else: all its networks are its own.
NAME = os.environ.get("CORDON_LAB_NAME", "cordon-lab")
CACHE = Path(os.environ.get("CORDON_LAB_CACHE", "/var/cache/cordon-lab"))
# Overlay roots and engine data must lie on a real file system: overlay2 refuses an overlay below it,
# and tmpfs would hold whole images in memory.
STATE = CACHE / "state" / NAME
TEMPLATES = CACHE / "templates"
# Sockets, logs and mount points of the running fleet; gone after a reboot, as the fleet is.
RUN = Path("/run") / NAME
INVENTORY = LAB / ("inventory.yml" if NAME == "cordon-lab" else f"inventory-{NAME}.yml")
# One for all labs of the machine, since they share the cache; and one for each, which staging holds for minutes.
LOCK = Path("/run/cordon-lab.lock")
OWN_LOCK = Path("/run") / f"lock-{NAME}"

SUBNET = "10.213.7"
GATEWAY = f"{SUBNET}.1"
# The intruder's address is on another subnet, as a real one's would be.
INTRUDER = "10.213.66.6"
INTRUDER_PORT = 4444
# Takes connections and never says a word: for programs that wait for the other end to begin.
SILENT_PORT = 4445
BEACONS = RUN / "beacons.jsonl"

DEFAULT_HOSTS = 3
MAX_HOSTS = 32
DEFAULT_ENGINES = ("20.10", "26", "28")
_PURPOSES = ("web", "app", "db", "edge", "ci", "api", "batch", "cache")


@dataclass(frozen=True)
class Engine:
    """An engine a host can run: the root file system that carries it and what its daemon is told."""

    token: str
    root: str
    daemon: dict[str, Any] = field(default_factory=dict)


_OVERLAY2 = {"storage-driver": "overlay2"}
_CONTAINERD = {"features": {"containerd-snapshotter": True}}
ENGINES = {
    engine.token: engine
    for engine in (
        Engine("20.10", "host-bookworm", _OVERLAY2),
        Engine("26", "host-trixie", _OVERLAY2),
        Engine("28", "host-forky", _OVERLAY2),
        Engine("26-containerd", "host-trixie", _CONTAINERD),
        Engine("28-containerd", "host-forky", _CONTAINERD),
    )
}


@dataclass(frozen=True)
class Host:
    """One lab host: a set of namespaces with an engine and an sshd of its own."""

    name: str
    number: int
    engine: Engine
    state: Path

    @property
    def address(self) -> str:
        """The host's IPv4 address on the lab's bridge."""
        return f"{SUBNET}.{10 + self.number}"

    @property
    def namespace(self) -> str:
        """The name of its network namespace in /run/netns."""
        return f"{NAME}.{self.name}"

    @property
    def cgroup(self) -> str:
        """Its control group below each hierarchy."""
        return f"{NAME}/{self.name}"

    @property
    def log(self) -> Path:
        """What its init and sshd print."""
        return RUN / f"{self.name}.log"

    @property
    def engine_log(self) -> Path:
        """What its engine prints, in the host's upper layer."""
        return self.state / "upper/var/log/docker.log"


def fleet(count: int, tokens: tuple[str, ...]) -> list[Host]:
    """The first ``count`` hosts with the engines dealt in turn: the same command names the same fleet.

    Names are short, since they are part of interface names (at most 15 characters).
    """
    hosts = []
    for index in range(count):
        name = f"{_PURPOSES[index % len(_PURPOSES)]}{index + 1}"
        engine = ENGINES[tokens[index % len(tokens)]]
        hosts.append(Host(name, index + 1, engine, STATE / name))
    return hosts
