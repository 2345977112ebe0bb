# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gate's hands on the host's network: links and barriers, by the host's own ip, nft and nsenter.

With ``means_engine`` the only code that changes anything; imported by the gate alone. Commands are lists,
with names that came from the kernel and were proven; nothing is text for a shell.
"""

from __future__ import annotations

import json
from typing import Callable, Mapping, Optional, Sequence, Tuple

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError, UnknownContainer
from ansible_collections.cordon.docker.plugins.module_utils._host.links import Link, parse_links

from . import barriers, whereabouts
from .means_engine import EngineMeans, Reading
from .steps import LinkDown, LinkUp, LowerBarrier, RaiseBarrier, Step, owns
from .values import CGROUP

# A command with what it is given to read; code, output and errors come back.
Run = Callable[[Sequence[str], Optional[str]], Tuple[int, str, str]]


class HostMeans:
    """Steps that the host does. Everything raises HostError, or the engine's errors when it is asked."""

    def __init__(self, run: Run, engine: EngineMeans) -> None:
        self._run = run
        self._engine = engine

    def apply(self, step: Step) -> Mapping[str, object]:
        if isinstance(step, (LinkDown, LinkUp)):
            state = "down" if isinstance(step, LinkDown) else "up"
            self._must(["ip", "link", "set", "dev", step.cable.name, state])
        elif isinstance(step, RaiseBarrier):
            return {"raw": self._raise(step)}
        elif isinstance(step, LowerBarrier):
            with _Namespace(step, self._pid(step)) as inside:
                families = ("inet", "netdev") if step.barrier.devices else ("inet",)
                self._must([*inside, "nft", "-f", "-"], barriers.removal(step.table, families))
        return {}

    def read_back(self, step: Step, applied: Mapping[str, object]) -> Reading:
        if isinstance(step, (LinkDown, LinkUp)):
            return self._link(step)
        if isinstance(step, (RaiseBarrier, LowerBarrier)):
            return self._barrier(step, applied)
        raise HostError(f"The host has no means for the step {step.kind}.")

    def _pid(self, step: Step) -> int:
        """The container's first process, 0 where it has none or is gone altogether."""
        try:
            return int((self._engine.inspect(step.container).get("State") or {}).get("Pid") or 0)
        except UnknownContainer:
            return 0

    def _link(self, step: LinkDown | LinkUp) -> Reading:
        """The kernel's word on that very link, and the engine's that it is still this run of the
        container."""
        cable = step.cable
        code, output, _errors = self._run(["ip", "-j", "-d", "link", "show", "dev", cable.name], None)
        links = parse_links(_decoded(output)) if code == 0 else []
        if not links:
            return Reading(False, f"there is no link {cable.name} any more", gone=True)
        link = links[0]
        if not _is(link, step):
            return Reading(False, f"{cable.name} is another link than the one that was looked at", gone=True)
        pid = self._pid(step)
        if whereabouts.namespace_of(pid, step.container) != cable.namespace:
            return Reading(False, "the container was restarted and has other links", gone=True)
        up = "UP" in link.flags
        return Reading(up is isinstance(step, LinkUp), f"{cable.name} is {'up' if up else 'down'}")

    def _raise(self, step: RaiseBarrier) -> bool:
        """Whether raw frames are covered too: kernels before 5.16 have no hook for those that leave."""
        barrier = step.barrier
        with _Namespace(step, self._pid(step)) as inside:
            command = [*inside, "nft", "-f", "-"]
            code, _output, _errors = self._run(command, barriers.rules(step.table, barrier))
            if code == 0:
                return bool(barrier.devices)
            self._must(command, barriers.rules(step.table, barrier, raw=False))
            return False

    def _barrier(self, step: RaiseBarrier | LowerBarrier, applied: Mapping[str, object]) -> Reading:
        wanted = isinstance(step, RaiseBarrier)
        try:
            with _Namespace(step, self._pid(step)) as inside:
                code, listing, _errors = self._run(
                    [*inside, "nft", "-j", "list", "table", "inet", step.table], None
                )
                raw = self._raw(step, inside) if code == 0 and applied.get("raw") else None
        except _NamespaceGoneError as exc:
            return Reading(False, str(exc), gone=True)
        if not wanted:
            return Reading(code != 0, f"the table {step.table} is {'there' if code == 0 else 'gone'}")
        if code != 0 or not barriers.complete(listing, step.barrier) or raw is False:
            return Reading(False, f"the table {step.table} does not hold what it should")
        return Reading(True, f"the table {step.table} drops all", details={"raw_frames": raw is True})

    def _raw(self, step: RaiseBarrier | LowerBarrier, inside: list[str]) -> bool:
        code, listing, _errors = self._run(
            [*inside, "nft", "-j", "list", "table", "netdev", step.table], None
        )
        return code == 0 and barriers.raw_complete(listing, step.barrier)

    def _must(self, command: Sequence[str], given: str | None = None) -> None:
        code, _output, errors = self._run(command, given)
        if code != 0:
            said = " ".join(errors.split())[:300] or f"exit code {code}"
            raise HostError(f"{' '.join(command)} failed on the host: {said}.")


class _NamespaceGoneError(HostError):
    """The container does not run in that namespace any more."""


class _Namespace:
    """How a command is begun to act in a barrier's namespace: nothing for the host's, nsenter for another.

    A barrier that drops all is never put into the host's own namespace, nor one around a strange cgroup.
    """

    def __init__(self, step: RaiseBarrier | LowerBarrier, pid: int) -> None:
        self._step = step
        self._opened = whereabouts.opened(pid, step.container)

    def __enter__(self) -> list[str]:
        found = self._opened.__enter__()
        try:
            return self._begin(found)
        except BaseException:
            self._opened.__exit__(None, None, None)
            raise

    def __exit__(self, *exc: object) -> None:
        self._opened.__exit__(None, None, None)

    def _begin(self, found: tuple[str, int] | None) -> list[str]:
        barrier, own = self._step.barrier, whereabouts.own_namespace()
        if barrier.scope == CGROUP and not owns(barrier, self._step.container):
            raise HostError("A barrier around a cgroup that is not the container's own is refused.")
        if barrier.namespace == own:
            if barrier.scope != CGROUP:
                raise HostError("A barrier that drops all is refused in the host's own network namespace.")
            return []
        if found is None or found[1] != barrier.namespace:
            raise _NamespaceGoneError("the container was restarted, and its network namespace is gone")
        return ["nsenter", f"--net={found[0]}"]


def _is(link: Link, step: LinkDown | LinkUp) -> bool:
    """Whether a link is still the proven one: its number, its peer's, and the namespace the peer is in."""
    cable = step.cable
    found = (link.kind, link.index, link.link_index, link.link_netnsid)
    return found == ("veth", cable.index, cable.inner_index, cable.netnsid)


def _decoded(output: str) -> object:
    try:
        return json.loads(output)
    except ValueError as exc:
        raise HostError(f"ip -j -d link printed no JSON: {output[:200]!r}.") from exc
