# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gate's hands on the engine: how a step is done through its API, and how it is read back.

With ``means_host`` the only code that changes anything; imported by the gate alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._engine.control import EngineControl
from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    EngineError,
    EngineTimeout,
    UnknownContainer,
)

from . import whereabouts
from .steps import (
    HARMLESS_SIGNAL,
    Commit,
    Connect,
    Disconnect,
    EndRestarts,
    Kill,
    Pause,
    SetRestartPolicy,
    Step,
    Unpause,
)
from .values import Endpoint, RestartPolicy, published

_SETTLE = 10.0
_FREEZES = 5
_FREEZE_WAIT = 0.05


@dataclass(frozen=True)
class Reading:
    """What was read back: whether the step holds, what was seen in words, and what is worth keeping.

    ``gone``: what the step was about is no longer there, such as the link of an earlier run of the container.
    """

    holds: bool
    sees: str
    gone: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)


class EngineMeans:
    """Steps that the engine does. Everything raises EngineError and its kin."""

    def __init__(self, control: EngineControl, local: bool) -> None:
        self._control = control
        self._local = local

    def inspect(self, container: str) -> dict[str, Any]:
        """Raises UnknownContainer."""
        document = self._control.inspect(container)
        if document is None:
            raise UnknownContainer(f"The engine has no container {container[:12]} any more.")
        return document

    def apply(self, step: Step) -> Mapping[str, Any]:
        control = self._control
        if isinstance(step, Pause):
            self._pause(step.container)
        elif isinstance(step, Unpause):
            control.unpause(step.container)
        elif isinstance(step, Disconnect):
            control.disconnect(step.endpoint.network_id, step.container)
        elif isinstance(step, Connect):
            self._connect(step)
        elif isinstance(step, SetRestartPolicy):
            control.set_restart_policy(step.container, step.policy.name, step.policy.retries)
        elif isinstance(step, EndRestarts):
            self._signal(step.container, HARMLESS_SIGNAL)
        elif isinstance(step, Kill):
            self._signal(step.container, step.signal)
        elif isinstance(step, Commit):
            return {"image": self._commit(step)}
        return {}

    def _pause(self, container: str) -> None:
        """Again where the engine could not: what forks faster than it looks is not frozen at the first attempt.

        Seen with 20.10 on cgroup version 1 and a busy host; also what an intruder could do on purpose.
        """
        for attempt in range(1, _FREEZES):
            if self._froze(container):
                return
            time.sleep(_FREEZE_WAIT * attempt)
        self._control.pause(container)

    def _froze(self, container: str) -> bool:
        """Whether the engine did it. Raises what another attempt would not mend."""
        try:
            self._control.pause(container)
        except EngineTimeout:
            raise
        except EngineError:
            state = (self._control.inspect(container) or {}).get("State") or {}
            if not state.get("Running"):
                raise
            return bool(state.get("Paused"))
        return True

    def _signal(self, container: str, signal: str) -> None:
        """That it ended by itself just before is no error: what is read back counts."""
        try:
            self._control.kill(container, signal)
        except EngineError:
            if ((self._control.inspect(container) or {}).get("State") or {}).get("Running"):
                raise

    def read_back(self, step: Step, applied: Mapping[str, Any]) -> Reading:
        if isinstance(step, (Pause, Unpause)):
            return self._frozen(step)
        if isinstance(step, Disconnect):
            return self._disconnected(step)
        if isinstance(step, Connect):
            return self._connected(step)
        if isinstance(step, SetRestartPolicy):
            policy = RestartPolicy.of(self.inspect(step.container))
            return Reading(policy == step.policy, f"restart policy {policy}")
        if isinstance(step, EndRestarts):
            return self._settled(step)
        if isinstance(step, Kill):
            return self._ended(step)
        if isinstance(step, Commit):
            return self._kept(step, str(applied.get("image", "")))
        raise EngineError(f"The engine has no means for the step {step.kind}.")

    def _frozen(self, step: Step) -> Reading:
        """The engine's word, and the kernel's where this host has the processes."""
        wanted = isinstance(step, Pause)
        state = self.inspect(step.container).get("State") or {}
        if not state.get("Running"):
            return Reading(not wanted, f"the container is {state.get('Status')}", gone=wanted)
        paused, pid = bool(state.get("Paused")), int(state.get("Pid") or 0)
        kernel = None
        if self._local and whereabouts.belongs(pid, step.container):
            kernel = whereabouts.frozen(pid)
        sees = f"paused: {paused}; frozen by the kernel: {'not told' if kernel is None else kernel}"
        return Reading(paused is wanted and kernel in (None, wanted), sees)

    def _endpoints(self, container: str) -> tuple[dict[str, Any], dict[str, str]]:
        """The inspect document, and the name by ID of the networks in it; a stopped one lists names alone."""
        document = self.inspect(container)
        networks = (document.get("NetworkSettings") or {}).get("Networks") or {}
        ids = {str((shown or {}).get("NetworkID") or name): name for name, shown in networks.items()}
        return document, {**ids, **{name: name for name in networks}}

    def _disconnected(self, step: Disconnect) -> Reading:
        _document, attached = self._endpoints(step.container)
        there = step.endpoint.network_id in attached or step.endpoint.network in attached
        return Reading(not there, f"networks: {', '.join(sorted(set(attached.values()))) or 'none'}")

    def _connect(self, step: Connect) -> None:
        """First as the container was connected; where it then has another address, with the one it had."""
        endpoint = step.endpoint
        self._control.connect_network(endpoint.network_id, step.container, settings(endpoint))
        if endpoint.fixed4 or endpoint.fixed6 or endpoint.network == "bridge":
            return
        now = self._now(step)
        if (
            now is not None
            and now.ipv4
            and endpoint.ipv4
            and (now.ipv4, now.ipv6) != (endpoint.ipv4, endpoint.ipv6)
        ):
            self._control.disconnect(endpoint.network_id, step.container)
            self._readdress(step)

    def _readdress(self, step: Connect) -> None:
        try:
            self._control.connect_network(
                step.endpoint.network_id, step.container, settings(step.endpoint, True)
            )
        except EngineError:
            # Engines refuse an address that is taken, or any on a network without a subnet of its user's.
            self._control.connect_network(step.endpoint.network_id, step.container, settings(step.endpoint))

    def _now(self, step: Connect) -> Endpoint | None:
        document, attached = self._endpoints(step.container)
        name = attached.get(step.endpoint.network_id) or attached.get(step.endpoint.network)
        return None if name is None else Endpoint.of(document, name)

    def _connected(self, step: Connect) -> Reading:
        document, _attached = self._endpoints(step.container)
        now = self._now(step)
        if now is None:
            return Reading(False, f"not on the network {step.endpoint.network}")
        running = bool((document.get("State") or {}).get("Running"))
        different = differences(step.endpoint, now) if running else []
        lost = sorted(set(step.endpoint.ports) - set(published(document))) if running else []
        details = {"not_restored": different, "ports_missing": [":".join(reversed(port)) for port in lost]}
        return Reading(
            True, f"on {now.network} with {now.ipv4 or now.ipv6 or 'no address yet'}", details=details
        )

    def _settled(self, step: EndRestarts) -> Reading:
        state = self._state_when(step.container, lambda state: not state.get("Restarting"))
        return Reading(not state.get("Restarting"), f"the container is {state.get('Status')}")

    def _ended(self, step: Kill) -> Reading:
        """Gone for the engine, and gone from this host's processes."""
        if not step.final:
            state = (self._control.inspect(step.container) or {}).get("State") or {"Status": "removed"}
            return Reading(True, f"sent; the container is {state.get('Status')}")
        state = self._state_when(step.container, lambda state: not state.get("Running"))
        if state.get("Running"):
            return Reading(False, f"the container is still {state.get('Status')}")
        left = self._left_over(step.container)
        if left:
            return Reading(False, f"these processes of it are still there: {', '.join(map(str, left))}")
        seen = "no process of it is left" if self._local else "its host's processes cannot be seen from here"
        return Reading(True, f"the container is {state.get('Status')}; {seen}")

    def _left_over(self, container: str) -> tuple[int, ...]:
        ends = time.monotonic() + _SETTLE
        left = whereabouts.processes(container) if self._local else ()
        while left and time.monotonic() < ends:
            time.sleep(0.05)
            left = whereabouts.processes(container)
        return left

    def _state_when(self, container: str, reached: Any) -> Mapping[str, Any]:
        ends, pause = time.monotonic() + _SETTLE, 0.01
        while True:
            document = self._control.inspect(container)
            state: Mapping[str, Any] = (
                {"Status": "removed"} if document is None else document.get("State") or {}
            )
            if reached(state) or time.monotonic() > ends:
                return state
            time.sleep(pause)
            pause = min(0.2, pause * 1.5)

    def _commit(self, step: Commit) -> str:
        """With the container's whole configuration: what is left out the engine would blank."""
        config = dict(self.inspect(step.container).get("Config") or {})
        config["Labels"] = {**(config.get("Labels") or {}), **{pair[0]: pair[1] for pair in step.labels}}
        return self._control.commit(step.container, step.repository, step.tag, config, step.timeout)

    def _kept(self, step: Commit, image: str) -> Reading:
        document = self._control.image(image)
        if document is None:
            return Reading(False, f"the engine has no image {image[:19]}")
        labels = {pair[0]: pair[1] for pair in step.labels}
        found = (document.get("Config") or {}).get("Labels") or {}
        if any(found.get(name) != value for name, value in labels.items()):
            return Reading(False, f"the image {image[:19]} does not carry the labels it was given")
        state = self.inspect(step.container).get("State") or {}
        if labels.get("cordon.docker.paused") == "true" and not state.get("Paused"):
            # The engine ignores a pause that failed (moby, daemon/commit.go), and a signal may end one.
            return Reading(False, "the container did not stay paused while it was kept")
        layers = (document.get("RootFS") or {}).get("Layers") or []
        details: dict[str, Any] = {
            "id": str(document.get("Id") or image),
            "name": f"{step.repository}:{step.tag}",
            "size": int(document.get("Size") or 0),
            "layers": len(layers),
        }
        return Reading(True, f"image {details['id'][:19]}", details=details)


def settings(endpoint: Endpoint, with_addresses: bool = False) -> dict[str, Any]:
    """EndpointSettings for a connection as it was; addresses only those asked for, or all it had."""
    ipv4 = endpoint.fixed4 or (endpoint.ipv4 if with_addresses else "")
    ipv6 = endpoint.fixed6 or (endpoint.ipv6 if with_addresses else "")
    asked: dict[str, Any] = {}
    if ipv4:
        asked["IPv4Address"] = ipv4
    if ipv6:
        asked["IPv6Address"] = ipv6
    if endpoint.link_local:
        asked["LinkLocalIPs"] = list(endpoint.link_local)
    found: dict[str, Any] = {
        "IPAMConfig": asked or None,
        "Aliases": list(endpoint.aliases) or None,
        "Links": list(endpoint.links) or None,
        "DriverOpts": {pair[0]: pair[1] for pair in endpoint.driver_options} or None,
        "MacAddress": endpoint.mac or None,
        "GwPriority": endpoint.priority or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def differences(was: Endpoint, now: Endpoint) -> list[str]:
    """What did not come back, in words."""
    pairs = (
        ("IPv4 address", was.ipv4, now.ipv4),
        ("IPv6 address", was.ipv6, now.ipv6),
        ("MAC", was.mac, now.mac),
        ("aliases", ", ".join(sorted(was.aliases)), ", ".join(sorted(set(now.aliases) & set(was.aliases)))),
        ("priority", str(was.priority), str(now.priority)),
    )
    return [
        f"{name} on {was.network}: was {before}, is {after or 'none'}"
        for name, before, after in pairs
        if before and before != after
    ]
