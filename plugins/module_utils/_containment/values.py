# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What changes are about: an endpoint on a network, a cable, a barrier, a restart policy. Pure values.

Each can be written down and read back (``to_json``, ``from_json``, which trusts nothing).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Mapping, TypeVar

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError

from . import hostile
from .hostile import Fields

T = TypeVar("T")


def plain(value: Any) -> Any:
    """A dataclass's values as JSON has them: lists for tuples."""
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    return value


def _fields(cls: Any, value: Any, subject: str) -> Fields:
    return Fields(value, subject, {field.name: None for field in fields(cls)})


@dataclass(frozen=True)
class Endpoint:
    """How a container hangs on a network, as far as a reconnection needs it.

    ``fixed4`` and ``fixed6`` are the addresses that were asked for; ``ipv4`` and ``ipv6`` those it had.
    """

    network: str
    network_id: str
    ipv4: str = ""
    ipv6: str = ""
    fixed4: str = ""
    fixed6: str = ""
    link_local: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    mac: str = ""
    driver_options: tuple[tuple[str, ...], ...] = ()
    priority: int = 0
    ports: tuple[tuple[str, ...], ...] = ()

    def to_json(self) -> dict[str, Any]:
        return dict(plain(asdict(self)))

    @classmethod
    def from_json(cls, value: Any) -> Endpoint:
        """Raises EvidenceError."""
        found = _fields(cls, value, "an endpoint")
        return cls(
            network=found.text("network"),
            network_id=found.text("network_id", hostile.NETWORK_ID),
            ipv4=found.text("ipv4", hostile.ADDRESS),
            ipv6=found.text("ipv6", hostile.ADDRESS),
            fixed4=found.text("fixed4", hostile.ADDRESS),
            fixed6=found.text("fixed6", hostile.ADDRESS),
            link_local=found.texts("link_local", hostile.ADDRESS),
            aliases=found.texts("aliases"),
            links=found.texts("links"),
            mac=found.text("mac", hostile.MAC),
            driver_options=found.pairs("driver_options"),
            priority=found.number("priority", -(1 << 31), 1 << 31),
            ports=found.pairs("ports", 3),
        )

    @classmethod
    def of(cls, inspect: Mapping[str, Any], network: str) -> Endpoint:
        """The endpoint that an inspect document shows for one of the container's networks."""
        settings = inspect.get("NetworkSettings") or {}
        shown = (settings.get("Networks") or {}).get(network) or {}
        asked = shown.get("IPAMConfig") or {}
        short = str(inspect.get("Id", ""))[:12]
        return cls(
            network=network,
            network_id=str(shown.get("NetworkID") or network),
            ipv4=str(shown.get("IPAddress") or ""),
            ipv6=str(shown.get("GlobalIPv6Address") or ""),
            fixed4=str(asked.get("IPv4Address") or ""),
            fixed6=str(asked.get("IPv6Address") or ""),
            link_local=tuple(asked.get("LinkLocalIPs") or ()),
            # Engines before 25 list the short ID, and add it by themselves.
            aliases=tuple(name for name in shown.get("Aliases") or () if name != short),
            links=tuple(shown.get("Links") or ()),
            mac=str(shown.get("MacAddress") or "").lower(),
            driver_options=tuple(sorted((shown.get("DriverOpts") or {}).items())),
            priority=int(shown.get("GwPriority") or 0),
            ports=published(inspect),
        )


def published(inspect: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """The published ports in effect: the container's port, the host's address and port."""
    ports = (inspect.get("NetworkSettings") or {}).get("Ports") or {}
    found = (
        (str(port), str(binding.get("HostIp", "")), str(binding.get("HostPort", "")))
        for port, bindings in ports.items()
        for binding in bindings or ()
    )
    return tuple(sorted(found))


@dataclass(frozen=True)
class Cable:
    """The host's end of a veth pair that was proven, from both ends, to belong to the namespace
    ``namespace``.

    ``index`` and ``name`` are the host's, ``inner_index`` and ``inner_name`` the container's, ``netnsid`` is
    the number by which the host's namespace knows the container's.
    """

    name: str
    index: int
    inner_name: str
    inner_index: int
    netnsid: int
    bridge: str
    namespace: int

    def __str__(self) -> str:
        return f"{self.name} (number {self.index}), the host's end of the container's {self.inner_name},"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> Cable:
        """Raises EvidenceError."""
        found = _fields(cls, value, "a link")
        return cls(
            name=found.text("name", hostile.LINK_NAME),
            index=found.number("index", 1, 1 << 31),
            inner_name=found.text("inner_name", hostile.LINK_NAME),
            inner_index=found.number("inner_index", 1, 1 << 31),
            netnsid=found.number("netnsid", 0, 1 << 31),
            bridge=found.text("bridge", hostile.LINK_NAME),
            namespace=found.number("namespace", 1),
        )


NAMESPACE = "namespace"
CGROUP = "cgroup"


@dataclass(frozen=True)
class Barrier:
    """Rules of nftables that let nothing of a container through, in the network namespace ``namespace``.

    Scope ``namespace`` drops all but loopback there, and the engine's own resolver at 127.0.0.11; ``devices``
    are the NICs on which raw frames are dropped as well. Scope ``cgroup`` drops what belongs to sockets of
    the cgroup ``path`` (as nft writes it) at depth ``level``: the means where others share the namespace.
    """

    scope: str
    namespace: int
    devices: tuple[str, ...] = ()
    path: str = ""
    level: int = 0

    def to_json(self) -> dict[str, Any]:
        return dict(plain(asdict(self)))

    @classmethod
    def from_json(cls, value: Any) -> Barrier:
        """Raises EvidenceError."""
        found = _fields(cls, value, "a barrier")
        scope = found.text("scope")
        if scope == CGROUP:
            path, level = found.text("path", hostile.CGROUP), found.number("level", 1, 255)
        elif scope == NAMESPACE:
            path, level = found.text("path", longest=0), found.number("level", 0, 0)
        else:
            raise EvidenceError(f"A record holds a barrier of unknown scope: {scope[:100]!r}.")
        return cls(
            scope=scope,
            namespace=found.number("namespace", 1),
            devices=found.texts("devices", hostile.LINK_NAME),
            path=path,
            level=level,
        )


_POLICIES = ("no", "always", "unless-stopped", "on-failure")


@dataclass(frozen=True)
class RestartPolicy:
    """When the engine starts a container again by itself; ``retries`` counts for on-failure alone."""

    name: str = "no"
    retries: int = 0

    def __str__(self) -> str:
        return f"{self.name}:{self.retries}" if self.retries else self.name

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> RestartPolicy:
        """Raises EvidenceError."""
        found = _fields(cls, value, "a restart policy")
        name = found.text("name")
        if name not in _POLICIES:
            raise EvidenceError(f"A record holds an unknown restart policy: {name[:100]!r}.")
        return cls(name, found.number("retries", 0, 1 << 31))

    @classmethod
    def of(cls, inspect: Mapping[str, Any]) -> RestartPolicy:
        shown = (inspect.get("HostConfig") or {}).get("RestartPolicy") or {}
        return cls(str(shown.get("Name") or "no"), int(shown.get("MaximumRetryCount") or 0))
