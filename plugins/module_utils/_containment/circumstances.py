# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a container's inspect document says of who will replace it and what it may do. Pure."""

from __future__ import annotations

from typing import Any, Mapping

from .decision import Notice
from .seen import Sight
from .steps import SetRestartPolicy, Step
from .values import RestartPolicy

COMPOSE_PROJECT = "com.docker.compose.project"
COMPOSE_SERVICE = "com.docker.compose.service"
SWARM_SERVICE = "com.docker.swarm.service.name"
POD = "io.kubernetes.pod.name"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
NOMAD = "com.hashicorp.nomad.alloc_id"


def replacement(labels: Mapping[str, str]) -> tuple[Notice, ...]:
    """Who starts another such container when this one ends."""
    found = []
    if labels.get(SWARM_SERVICE):
        found.append(
            Notice(
                "replaced_by_swarm",
                f"Swarm will start a replacement for this task of the service {labels[SWARM_SERVICE]};"
                f" docker service scale {labels[SWARM_SERVICE]}=0 stops that.",
            )
        )
    if labels.get(POD):
        pod = f"{labels.get(POD_NAMESPACE, 'default')}/{labels[POD]}"
        found.append(
            Notice(
                "replaced_by_kubernetes",
                f"The kubelet will start another in the pod {pod}: cordon the node, or scale its owner.",
            )
        )
    if labels.get(COMPOSE_PROJECT):
        service = f"{labels[COMPOSE_PROJECT]}/{labels.get(COMPOSE_SERVICE, '?')}"
        found.append(
            Notice(
                "replaced_by_compose",
                f"The next docker compose up of {service} will start a replacement.",
            )
        )
    if labels.get(NOMAD):
        found.append(Notice("replaced_by_nomad", "Nomad will start a replacement for this allocation."))
    return tuple(found)


def recreation(labels: Mapping[str, str]) -> tuple[Notice, ...]:
    """Compose re-creates a running container that misses a network, and so destroys it (convergence.go)."""
    if not labels.get(COMPOSE_PROJECT):
        return ()
    return (
        Notice(
            "compose_recreates",
            f"The next docker compose up of {labels[COMPOSE_PROJECT]} re-creates a running container that"
            " misses a network, and with it destroys evidence; a paused one is left alone.",
        ),
    )


def no_restart(sight: Sight) -> tuple[Step, ...]:
    """The step, if one is needed, that keeps the engine from starting the container again by itself."""
    policy = RestartPolicy.of(sight.inspect)
    return () if policy.name == "no" else (SetRestartPolicy(sight.id, policy=RestartPolicy(), was=policy),)


def may(host_config: Mapping[str, Any], capability: str, by_default: bool = False) -> bool:
    """Whether the container has a capability, such as NET_ADMIN; ``by_default``: engines grant it unasked."""
    if host_config.get("Privileged"):
        return True
    added, dropped = _names(host_config.get("CapAdd")), _names(host_config.get("CapDrop"))
    if capability in added:
        return True
    if capability in dropped:
        return False
    # Adding ALL and dropping one leaves the others; dropping ALL leaves what is added.
    return "ALL" in added or (by_default and "ALL" not in dropped)


def _names(capabilities: Any) -> frozenset[str]:
    names = (str(name).upper() for name in capabilities or ())
    return frozenset(name[4:] if name.startswith("CAP_") else name for name in names)


def beyond(sight: Sight) -> tuple[Notice, ...]:
    """A container that can leave is not held by what is done to the container."""
    ways = []
    if sight.host_config.get("Privileged"):
        ways.append("is privileged")
    if sight.host_config.get("PidMode") == "host":
        ways.append("sees the host's processes")
    sources = {str(mount.get("Source")) for mount in sight.inspect.get("Mounts") or ()}
    if any(source.endswith(("docker.sock", "containerd.sock")) for source in sources):
        ways.append("has the engine's socket mounted")
    if "/" in sources:
        ways.append("has the host's file system mounted")
    if not ways:
        return ()
    return (
        Notice(
            "may_leave",
            f"The container {' and '.join(ways)}: an intruder may already act from the host itself.",
        ),
    )
