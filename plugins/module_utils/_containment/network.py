# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The planner's part for networks and links: what may be cut, where, and what is named instead. Pure."""

from __future__ import annotations

from .circumstances import beyond, recreation
from .decision import Decision, Notice, Plan, Refusal
from .record import Record
from .seen import Nic, Sight, Wanted
from .steps import Connect, Disconnect, LinkDown, LinkUp, Step
from .values import Endpoint

_ISOLATE = "The action isolate finds a means that fits."


def disconnect(wanted: Wanted, sight: Sight, record: Record) -> Decision:
    """The engine's own way: it also holds when the container is started again."""
    del record
    refusal = _no_endpoint(wanted, sight)
    if refusal is not None:
        return refusal
    if sight.restarting:
        return Refusal(
            sight.id,
            wanted.verb,
            "restarting",
            "The container is between two starts, and the engine does not disconnect it then.",
            "The action isolate ends its restarts first.",
        )
    notices = recreation(sight.labels) + beyond(sight) + _shared(sight)
    return Plan(sight.id, wanted.verb, disconnections(sight, wanted.networks), notices)


def disconnections(sight: Sight, only: tuple[str, ...] | None = None) -> tuple[Step, ...]:
    """Last network first: taken back in reverse, the first link is the first again."""
    endpoints = [Endpoint.of(sight.inspect, name) for name in sight.networks]
    if only is not None:
        endpoints = [item for item in endpoints if item.network in only or item.network_id in only]
    return tuple(Disconnect(sight.id, endpoint) for endpoint in reversed(endpoints))


def _no_endpoint(wanted: Wanted, sight: Sight) -> Refusal | None:
    if sight.mode == "host":
        return Refusal(
            sight.id,
            wanted.verb,
            "host_network",
            "The container uses the host's own network: it has no endpoint and no link of its own.",
            "The action isolate drops its packets alone; pausing stops it altogether.",
        )
    if sight.mode.startswith("container:"):
        owner = sight.mode.partition(":")[2][:64]
        return Refusal(
            sight.id,
            wanted.verb,
            "shared_network",
            f"The container lives in the network of {owner[:12]}, which holds the endpoint.",
            f"The action isolate drops its packets alone; cutting {owner[:12]} cuts all that share it.",
        )
    return None


def _shared(sight: Sight) -> tuple[Notice, ...]:
    if not sight.sharers:
        return ()
    names = ", ".join(sight.sharers)
    return (Notice("sharers", f"This cuts those that share the container's network as well: {names}."),)


def connect(wanted: Wanted, sight: Sight, record: Record) -> Decision:
    """What the record knows is put back as it was; another network that is named is joined plainly."""
    attached = {Endpoint.of(sight.inspect, name).network_id for name in sight.networks} | set(sight.networks)
    cut = [step.endpoint for step in record.steps() if isinstance(step, Disconnect)]
    steps: list[Step] = []
    for endpoint in reversed(cut):
        asked = wanted.networks is None or endpoint.network in wanted.networks
        if (asked or endpoint.network_id in (wanted.networks or ())) and endpoint.network_id not in attached:
            steps.append(Connect(sight.id, endpoint))
    known = {endpoint.network for endpoint in cut} | {endpoint.network_id for endpoint in cut} | attached
    for name in wanted.networks or ():
        if name in known:
            continue
        network_id = sight.known_networks.get(name)
        if network_id is None:
            why = f"The engine has no network {name!r}."
            return Refusal(sight.id, wanted.verb, "unknown_network", why, "See docker network ls.")
        steps.append(Connect(sight.id, Endpoint(network=name, network_id=network_id)))
    return Plan(sight.id, wanted.verb, tuple(steps))


def link_down(wanted: Wanted, sight: Sight, record: Record) -> Decision:
    """Every link of the container, or none: one that stays up makes the others pointless."""
    del record
    refusal = _no_link(wanted, sight)
    if refusal is not None:
        return refusal
    steps = tuple(LinkDown(sight.id, nic.cable) for nic in nics(sight) if nic.cable and nic.up)
    return Plan(sight.id, wanted.verb, steps, restart_notice(sight) + resolver(sight) + beyond(sight))


def link_up(wanted: Wanted, sight: Sight, record: Record) -> Decision:
    del record
    refusal = _no_link(wanted, sight)
    if refusal is not None:
        return refusal
    steps = tuple(LinkUp(sight.id, nic.cable) for nic in nics(sight) if nic.cable and not nic.up)
    return Plan(sight.id, wanted.verb, steps)


def nics(sight: Sight) -> tuple[Nic, ...]:
    return sight.namespace.nics if sight.namespace else ()


def _no_link(wanted: Wanted, sight: Sight) -> Refusal | None:
    def refuse(code: str, why: str, instead: str) -> Refusal:
        return Refusal(sight.id, wanted.verb, code, why, instead)

    endpoint = _no_endpoint(wanted, sight)
    if endpoint is not None:
        return endpoint
    if sight.restarting or not sight.running:
        why = f"The container is {sight.status}: it has no links, and a start would make new ones."
        return refuse("not_running", why, "container_network with state=disconnected holds when it starts.")
    if sight.namespace is None:
        return refuse(
            "unseen", sight.unseen or "Its links cannot be seen.", "container_network needs no links."
        )
    if sight.namespace.of_host:
        return refuse("host_network", "The container's processes are in the host's own network.", _ISOLATE)
    if sight.sharers and not wanted.with_sharers:
        names = ", ".join(sight.sharers)
        why = f"Other containers share its network and would be cut off as well: {names}."
        return Refusal(sight.id, wanted.verb, "sharers", why, _ISOLATE, "with_sharers")
    strange = [nic for nic in nics(sight) if nic.cable is None]
    if strange:
        whys = " ".join(nic.why for nic in strange)
        return refuse("no_cable", whys, f"{_ISOLATE} So does container_network with state=disconnected.")
    return None


def restart_notice(sight: Sight) -> tuple[Notice, ...]:
    """A veth set down, and a rule in a namespace, end with the container's run."""
    sentence = "This holds until the container is restarted, which makes it a new network namespace."
    return (Notice("until_restart", sentence),) if nics(sight) else ()


def embedded_resolver(sight: Sight) -> bool:
    """Whether the engine answers the container's DNS itself, at 127.0.0.11: on every network but its default.

    Seen with 20.10, 26 and 28: where the host's resolver is at a loopback address, the engine asks it from
    the host's own namespace, so that names, and what is hidden in them, leave through a link that is down.
    """
    return any(name not in ("bridge", "none", "host") for name in sight.networks)


def resolver(sight: Sight) -> tuple[Notice, ...]:
    if not embedded_resolver(sight):
        return ()
    sentence = (
        "The engine's own resolver may still pass the container's DNS questions on, past a link that is down;"
        " the action isolate stops that too."
    )
    return (Notice("resolver", sentence),)
