# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The vocabulary of change: everything that can be done to a container, and what takes it back. Pure values.

A step knows what it changes in words, its opposite, and how it is written down; how it is done is the gate's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError

from . import hostile
from .hostile import Fields
from .values import CGROUP, Barrier, Cable, Endpoint, RestartPolicy

# A signal that does nothing to a process that runs, and of which a waiting restart is not even told.
HARMLESS_SIGNAL = "CONT"


@dataclass(frozen=True)
class Step:
    """One change of the container with the full ID ``container``."""

    container: str
    kind: ClassVar[str] = ""
    reversible: ClassVar[bool] = True
    # Once tried, what was done before it to prepare it stays, on record: it must not be half taken back.
    seals: ClassVar[bool] = False

    @property
    def subject(self) -> tuple[Any, ...]:
        """What the change is about: steps with the same subject replace or undo each other."""
        return ()

    def sentence(self) -> str:
        raise NotImplementedError

    def opposite(self) -> Step | None:
        """What takes the step back; None where nothing does."""
        return None

    def undoes(self, other: Step) -> bool:
        return other.opposite() is not None and type(self) is type(other.opposite()) and self.same(other)

    def same(self, other: Step) -> bool:
        return self.container == other.container and self.subject == other.subject

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "container": self.container, **self.details()}

    def details(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Pause(Step):
    kind: ClassVar[str] = "pause"

    @property
    def subject(self) -> tuple[Any, ...]:
        return ("pause",)

    def sentence(self) -> str:
        return "Freeze every process of the container."

    def opposite(self) -> Step:
        return Unpause(self.container)


@dataclass(frozen=True)
class Unpause(Step):
    kind: ClassVar[str] = "unpause"

    @property
    def subject(self) -> tuple[Any, ...]:
        return ("pause",)

    def sentence(self) -> str:
        return "Let the container's processes run again."

    def opposite(self) -> Step:
        return Pause(self.container)


@dataclass(frozen=True)
class _OnNetwork(Step):
    endpoint: Endpoint

    @property
    def subject(self) -> tuple[Any, ...]:
        return ("network", self.endpoint.network_id)

    def details(self) -> dict[str, Any]:
        return {"endpoint": self.endpoint.to_json()}


@dataclass(frozen=True)
class Disconnect(_OnNetwork):
    kind: ClassVar[str] = "disconnect"

    def sentence(self) -> str:
        held = " and ".join(filter(None, (self.endpoint.ipv4, self.endpoint.ipv6)))
        return f"Disconnect the container from the network {self.endpoint.network}" + (
            f", where it has {held}." if held else "."
        )

    def opposite(self) -> Step:
        return Connect(self.container, self.endpoint)


@dataclass(frozen=True)
class Connect(_OnNetwork):
    kind: ClassVar[str] = "connect"

    def sentence(self) -> str:
        return f"Connect the container to the network {self.endpoint.network} as it was."

    def opposite(self) -> Step:
        return Disconnect(self.container, self.endpoint)


@dataclass(frozen=True)
class _OnLink(Step):
    cable: Cable

    @property
    def subject(self) -> tuple[Any, ...]:
        # A restarted container has a new namespace and new links; the old ones are gone with it.
        return ("link", self.cable.namespace, self.cable.index)

    def details(self) -> dict[str, Any]:
        return {"cable": self.cable.to_json()}


@dataclass(frozen=True)
class LinkDown(_OnLink):
    kind: ClassVar[str] = "link_down"

    def sentence(self) -> str:
        return f"Set {self.cable} down."

    def opposite(self) -> Step:
        return LinkUp(self.container, self.cable)


@dataclass(frozen=True)
class LinkUp(_OnLink):
    kind: ClassVar[str] = "link_up"

    def sentence(self) -> str:
        return f"Set {self.cable} up."

    def opposite(self) -> Step:
        return LinkDown(self.container, self.cable)


@dataclass(frozen=True)
class _OnBarrier(Step):
    barrier: Barrier

    @property
    def subject(self) -> tuple[Any, ...]:
        return ("barrier", self.barrier.namespace)

    @property
    def table(self) -> str:
        """The table's name: the container's, so that no other table can be meant."""
        return f"cordon_{self.container[:12]}"

    def details(self) -> dict[str, Any]:
        return {"barrier": self.barrier.to_json()}


@dataclass(frozen=True)
class RaiseBarrier(_OnBarrier):
    kind: ClassVar[str] = "raise_barrier"

    def sentence(self) -> str:
        if self.barrier.scope == CGROUP:
            return f"Drop every packet of the container's sockets (nftables table {self.table})."
        return f"Drop every packet in the container's network namespace (nftables table {self.table})."

    def opposite(self) -> Step:
        return LowerBarrier(self.container, self.barrier)


@dataclass(frozen=True)
class LowerBarrier(_OnBarrier):
    kind: ClassVar[str] = "lower_barrier"

    def sentence(self) -> str:
        return f"Remove the nftables table {self.table}, which drops the container's packets."

    def opposite(self) -> Step:
        return RaiseBarrier(self.container, self.barrier)


@dataclass(frozen=True)
class SetRestartPolicy(Step):
    policy: RestartPolicy
    was: RestartPolicy
    kind: ClassVar[str] = "restart_policy"

    @property
    def subject(self) -> tuple[Any, ...]:
        return ("restart_policy",)

    def sentence(self) -> str:
        return f"Set the restart policy to {self.policy}; it was {self.was}."

    def opposite(self) -> Step:
        return SetRestartPolicy(self.container, policy=self.was, was=self.policy)

    def undoes(self, other: Step) -> bool:
        return isinstance(other, SetRestartPolicy) and self.same(other) and self.policy == other.was

    def details(self) -> dict[str, Any]:
        return {"policy": self.policy.to_json(), "was": self.was.to_json()}


@dataclass(frozen=True)
class EndRestarts(Step):
    """For a container between two starts: nothing of it runs, and after this nothing is started any more."""

    kind: ClassVar[str] = "end_restarts"
    reversible: ClassVar[bool] = False
    seals: ClassVar[bool] = True

    def sentence(self) -> str:
        return "End the wait for the container's next start."


@dataclass(frozen=True)
class Kill(Step):
    signal: str
    kind: ClassVar[str] = "kill"
    reversible: ClassVar[bool] = False
    seals: ClassVar[bool] = True

    @property
    def final(self) -> bool:
        return self.signal in ("KILL", "9")

    def sentence(self) -> str:
        return f"Send {self.signal} to the container's first process."

    def details(self) -> dict[str, Any]:
        return {"signal": self.signal}


@dataclass(frozen=True)
class Commit(Step):
    repository: str
    tag: str
    labels: tuple[tuple[str, ...], ...]
    timeout: int
    kind: ClassVar[str] = "commit"
    reversible: ClassVar[bool] = False

    def sentence(self) -> str:
        return f"Keep the container's file system as the image {self.repository}:{self.tag}."

    def details(self) -> dict[str, Any]:
        labels = [list(pair) for pair in self.labels]
        return {"repository": self.repository, "tag": self.tag, "labels": labels, "timeout": self.timeout}


# What a record may hold: only what can be taken back is ever written into one.
_RECORDED: Mapping[str, tuple[type[Step], tuple[str, ...]]] = {
    Pause.kind: (Pause, ()),
    Unpause.kind: (Unpause, ()),
    Disconnect.kind: (Disconnect, ("endpoint",)),
    Connect.kind: (Connect, ("endpoint",)),
    LinkDown.kind: (LinkDown, ("cable",)),
    LinkUp.kind: (LinkUp, ("cable",)),
    RaiseBarrier.kind: (RaiseBarrier, ("barrier",)),
    LowerBarrier.kind: (LowerBarrier, ("barrier",)),
    SetRestartPolicy.kind: (SetRestartPolicy, ("policy", "was")),
}
_VALUES: Mapping[str, Any] = {
    "endpoint": Endpoint,
    "cable": Cable,
    "barrier": Barrier,
    "policy": RestartPolicy,
    "was": RestartPolicy,
}


def step_from_json(value: Any) -> Step:
    """A step out of a record. Raises EvidenceError for what no gate of ours could have written."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in _RECORDED:
        raise EvidenceError(f"A record holds an unknown step: {str(kind)[:100]!r}.")
    cls, names = _RECORDED[kind]
    found = Fields(value, "a step", dict.fromkeys(("kind", "container", *names)))
    container = found.text("container", hostile.CONTAINER_ID)
    details = {name: _VALUES[name].from_json(found.value(name)) for name in names}
    step = cls(container, **details)
    if isinstance(step, _OnBarrier) and step.barrier.scope == CGROUP and not owns(step.barrier, container):
        raise EvidenceError(f"A record holds a barrier around something else than {container[:12]}.")
    return step


def owns(barrier: Barrier, container: str) -> bool:
    """Whether the cgroup of the barrier is the container's own: its last part carries the full ID."""
    return container in barrier.path.rsplit("/", 1)[-1]
