# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The planner: from what is seen and what is wanted to a plan, or a refusal. Pure, and the only one that
decides."""

from __future__ import annotations

from typing import Callable, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption

from .circumstances import beyond, no_restart, replacement
from .decision import Decision, Notice, Plan, Refusal
from .images import commit
from .isolation import isolate
from .network import connect, disconnect, link_down, link_up
from .record import Record
from .seen import Sight, Wanted
from .steps import EndRestarts, Kill, Pause, Unpause


def decide(wanted: Wanted, sight: Sight, record: Record) -> Decision:
    """Raises InvalidOption for a verb there is not."""
    if wanted.verb not in VERBS:
        raise InvalidOption(f"There is no action {wanted.verb!r}; there are {', '.join(sorted(VERBS))}.")
    if sight.leaving:
        return Refusal(
            sight.id, wanted.verb, "leaving", f"The engine is removing this container ({sight.status})."
        )
    return VERBS[wanted.verb](wanted, sight, record)


def pause(wanted: Wanted, sight: Sight, record: Record) -> Decision:
    del record
    if sight.restarting:
        return Refusal(
            sight.id,
            wanted.verb,
            "restarting",
            "The container is between two starts, and the engine pauses only what runs.",
            "Isolating it, or killing it, ends its restarts first.",
        )
    if not sight.running:
        return Refusal(
            sight.id,
            wanted.verb,
            "not_running",
            f"The container is {sight.status}: it has no processes to freeze.",
            "Isolating it keeps a later start from the network.",
        )
    if sight.host.rootless and sight.host.cgroup_version == 1:
        return Refusal(
            sight.id,
            wanted.verb,
            "rootless_cgroups",
            "A rootless engine on cgroup version 1 cannot freeze processes.",
            "container_network with state=disconnected cuts it off.",
        )
    if sight.paused:
        return Plan(sight.id, wanted.verb)
    return Plan(sight.id, wanted.verb, (Pause(sight.id),), _health(sight) + beyond(sight))


def _health(sight: Sight) -> tuple[Notice, ...]:
    """What watches a container's health sees a frozen one fail."""
    checked = ((sight.inspect.get("Config") or {}).get("Healthcheck") or {}).get("Test") or []
    if not checked or checked[0] == "NONE":
        return ()
    sentence = "Its health check cannot answer while it is frozen: what acts on health may replace it."
    return (Notice("health", sentence), *replacement(sight.labels))


def unpause(wanted: Wanted, sight: Sight, record: Record) -> Decision:
    del record
    return Plan(sight.id, wanted.verb, (Unpause(sight.id),) if sight.paused else ())


def hold(wanted: Wanted, sight: Sight, record: Record) -> Decision:
    """Keep the engine from starting the container again by itself."""
    del record
    return Plan(sight.id, wanted.verb, no_restart(sight), replacement(sight.labels))


def kill(wanted: Wanted, sight: Sight, record: Record) -> Decision:
    del record
    step = Kill(sight.id, wanted.signal.upper().replace("SIG", "", 1))
    policy = no_restart(sight)
    if not sight.running and not sight.restarting:
        return Plan(sight.id, wanted.verb, policy)
    refusal = _loses_evidence(wanted, sight)
    if refusal is not None:
        return refusal
    if sight.restarting:
        return Plan(sight.id, wanted.verb, (*policy, EndRestarts(sight.id)), replacement(sight.labels), True)
    if sight.paused and not step.final:
        # Seen with 20.10, 26 and 28: the engine thaws a paused container to deliver other signals too.
        return Refusal(
            sight.id,
            wanted.verb,
            "paused",
            f"The container is paused, and the engine would let it run again to deliver {step.signal}.",
            "Send KILL, or let it run first with container_pause and state=running.",
        )
    return Plan(sight.id, wanted.verb, (*policy, step), replacement(sight.labels) + beyond(sight))


def _loses_evidence(wanted: Wanted, sight: Sight) -> Refusal | None:
    if sight.host_config.get("AutoRemove") and not wanted.allow_removal:
        return Refusal(
            sight.id,
            wanted.verb,
            "auto_remove",
            "The container was started with --rm: when it ends, it is removed with its anonymous volumes.",
            "Pause or isolate it, and preserve it first.",
            "allow_removal",
        )
    if not sight.preserved and not wanted.without_evidence:
        return Refusal(
            sight.id,
            wanted.verb,
            "no_evidence",
            "Nothing of the container is preserved: there is no commit of it, and no evidence was named.",
            "Keep it first with container_commit.",
            "without_evidence",
        )
    return None


VERBS: Mapping[str, Callable[[Wanted, Sight, Record], Decision]] = {
    "pause": pause,
    "unpause": unpause,
    "disconnect": disconnect,
    "connect": connect,
    "link_down": link_down,
    "link_up": link_up,
    "isolate": isolate,
    "hold": hold,
    "kill": kill,
    "commit": commit,
}
