# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The planner's part for isolation: the best means for each kind of network, or a refusal. Pure.

In this order: the link on the host, which nothing in the container can set up again, together with a barrier
in its network namespace, which also stops raw frames and the engine's resolver; the barrier alone where no
link can be cut; a barrier around its sockets where the namespace is shared or the host's; the engine's
disconnect where the container could take a barrier down, or nothing of it runs. All but the last leave
addresses, routes, ports and established flows as they are.
"""

from __future__ import annotations

from .circumstances import beyond, may, no_restart, recreation, replacement
from .decision import Decision, Notice, Plan, Refusal
from .network import disconnections, embedded_resolver, nics, restart_notice
from .record import Record
from .seen import Sight, Wanted
from .steps import EndRestarts, LinkDown, RaiseBarrier, Step
from .values import CGROUP, NAMESPACE, Barrier

_STOP = "Pausing it stops it altogether; so does killing it."


def isolate(wanted: Wanted, sight: Sight, record: Record) -> Decision:
    del record
    if sight.restarting:
        # Nothing of it runs now; once it is exited it can be disconnected, which holds.
        notice = Notice(
            "stays_ended", "It stays exited, also after its release: docker start starts it again."
        )
        steps = (*no_restart(sight), EndRestarts(sight.id))
        return Plan(sight.id, wanted.verb, steps, (notice,), unsettled=True)
    if not sight.running:
        return _at_rest(wanted, sight)
    if sight.mode == "none" and not nics(sight):
        return Plan(sight.id, wanted.verb, notices=(_nothing("It has no network: there is nothing to cut."),))
    if _foreign(sight):
        return _among_others(wanted, sight)
    return _alone(wanted, sight)


def _nothing(sentence: str) -> Notice:
    return Notice("nothing_to_cut", sentence)


def _at_rest(wanted: Wanted, sight: Sight) -> Decision:
    """Nothing runs: what counts is that a later start finds no network."""
    cuttable = sight.mode not in ("host", "none") and not sight.mode.startswith("container:")
    steps = disconnections(sight) if cuttable else ()
    notices = recreation(sight.labels) if steps else ()
    if not cuttable:
        sentence = f"Nothing of it runs; started again it would use the network mode {sight.mode} as before."
        notices = (_nothing(sentence),)
    return Plan(sight.id, wanted.verb, (*steps, *no_restart(sight)), notices)


def _foreign(sight: Sight) -> bool:
    """Whether the network namespace is not the container's own alone."""
    of_host = sight.mode == "host" or (sight.namespace is not None and sight.namespace.of_host)
    return of_host or sight.mode.startswith("container:") or bool(sight.sharers)


def _alone(wanted: Wanted, sight: Sight) -> Decision:
    """The namespace is the container's own: cut the cables, and close the namespace."""
    cables = tuple(LinkDown(sight.id, nic.cable) for nic in nics(sight) if nic.cable and nic.up)
    all_cables = sight.namespace is not None and all(nic.cable for nic in nics(sight))
    closable = _closable(sight)
    if closable:
        steps = (*cables, *_barrier_in_namespace(sight), *no_restart(sight))
        return Plan(sight.id, wanted.verb, steps, _warnings(sight))
    if not nics(sight) and not sight.networks:
        return Plan(
            sight.id, wanted.verb, notices=(_nothing("It is on no network: there is nothing to cut."),)
        )
    if all_cables and nics(sight) and not embedded_resolver(sight):
        return Plan(sight.id, wanted.verb, (*cables, *no_restart(sight)), _warnings(sight))
    if not sight.networks:
        why = f"It has links that the engine does not manage, and {_why_open(sight)}."
        return Refusal(sight.id, wanted.verb, "no_means", why, _STOP)
    notices = recreation(sight.labels) + beyond(sight) + _resolver_after_disconnect(sight)
    return Plan(sight.id, wanted.verb, disconnections(sight), notices)


def _closable(sight: Sight) -> bool:
    """Whether a barrier in the namespace can be raised, and not be taken down from inside."""
    host = sight.host
    able = host.root and host.nft and host.nsenter and sight.namespace is not None
    return able and not may(sight.host_config, "NET_ADMIN")


def _why_open(sight: Sight) -> str:
    if may(sight.host_config, "NET_ADMIN"):
        return "it may change its own network (NET_ADMIN), and so take a barrier down"
    if not sight.host.root:
        return "a barrier needs root on the host (become: true)"
    if sight.namespace is None:
        return _unseen(sight)
    return "a barrier needs nft and nsenter on the host (Debian: nftables, util-linux)"


def _unseen(sight: Sight) -> str:
    """Within a sentence."""
    why = sight.unseen.rstrip(".") or "its network namespace cannot be seen"
    return why[0].lower() + why[1:]


def _barrier_in_namespace(sight: Sight) -> tuple[Step, ...]:
    if sight.namespace is None or sight.namespace.barrier:
        return ()
    devices = tuple(nic.name for nic in nics(sight))
    return (RaiseBarrier(sight.id, Barrier(NAMESPACE, sight.namespace.inode, devices)),)


def _warnings(sight: Sight) -> tuple[Notice, ...]:
    return restart_notice(sight) + replacement(sight.labels) + beyond(sight)


def _resolver_after_disconnect(sight: Sight) -> tuple[Notice, ...]:
    """Seen with 20.10, and no more with 26 and 28: its resolver answers a container that is on no network."""
    if not embedded_resolver(sight):
        return ()
    sentence = "Old engines (20.10) go on passing its DNS questions on; pausing it stops that."
    return (Notice("resolver", sentence),)


def _among_others(wanted: Wanted, sight: Sight) -> Decision:
    """The namespace is the host's or another's too: only what its own sockets send and get may be cut."""
    barrier = _around_sockets(sight)
    if isinstance(barrier, Barrier):
        raised = sight.namespace is not None and sight.namespace.barrier
        steps = () if raised else (RaiseBarrier(sight.id, barrier),)
        return Plan(sight.id, wanted.verb, (*steps, *no_restart(sight)), _warnings(sight) + _raw(sight))
    if sight.sharers and wanted.with_sharers and not sight.mode.startswith("container:"):
        return _alone(wanted, sight)
    if sight.sharers:
        names = ", ".join(sight.sharers)
        instead = f"With with_sharers these are cut off too: {names}. {_STOP}"
        return Refusal(sight.id, wanted.verb, "sharers", barrier, instead, "with_sharers")
    if sight.mode.startswith("container:"):
        owner = sight.mode.partition(":")[2][:12]
        instead = f"Isolate {owner}, whose network it lives in, with with_sharers. {_STOP}"
        return Refusal(sight.id, wanted.verb, "shared_network", barrier, instead)
    return Refusal(sight.id, wanted.verb, "host_network", barrier, _STOP)


def _around_sockets(sight: Sight) -> Barrier | str:
    """The barrier around the container's sockets, or why there is none."""
    shared = "It uses the host's own network" if sight.mode == "host" else "It shares its network with others"
    if may(sight.host_config, "NET_ADMIN"):
        return f"{shared}, and it may change that network (NET_ADMIN), and so take a barrier down."
    if not (sight.host.root and sight.host.nft and sight.host.nsenter):
        return f"{shared}, and a barrier around its sockets needs root and nft on the host."
    if sight.namespace is None:
        return f"{shared}, and {_unseen(sight)}."
    if sight.host.cgroups is None or sight.cgroup is None:
        return f"{shared}, and its processes are in no cgroup of version 2 by which they could be told apart."
    path, level = sight.cgroup
    below = f"{sight.host.cgroups}/{path}" if sight.host.cgroups else path
    return Barrier(CGROUP, sight.namespace.inode, path=below, level=level)


def _raw(sight: Sight) -> tuple[Notice, ...]:
    if not may(sight.host_config, "NET_RAW", by_default=True):
        return ()
    sentence = (
        "Raw frames (NET_RAW, which engines grant by default) belong to no socket that a rule could see."
    )
    return (Notice("raw_frames", sentence),)
