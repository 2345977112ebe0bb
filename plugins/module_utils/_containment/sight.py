# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at containers before anything is decided: the engine's word and the kernel's. Reads, changes
nothing.

Only what the wanted action needs is read, and for all containers at once: a cut must not wait for the rest.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Iterable, Mapping, Optional, Sequence, Tuple

from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError, describe
from ansible_collections.cordon.docker.plugins.module_utils._host.links import Link
from ansible_collections.cordon.docker.plugins.module_utils._host.netns import netnsids, read_links

from . import cables, whereabouts
from .images import CONTAINER_LABEL, STATE_LABEL
from .means_host import Run
from .seen import NOT_THERE, HostFacts, Namespace, Sight, Wanted, engine_bridges

_NEEDS_LINKS = frozenset(("isolate", "link_down", "link_up"))
_NEEDS_SHARERS = frozenset(("isolate", "link_down", "link_up", "disconnect"))
_NEEDS_IMAGES = frozenset(("kill", "commit"))
_SBIN = "/usr/sbin:/sbin:/usr/local/sbin"
Seen = Tuple[Optional[Namespace], str]


class Watch:
    """One host and its engine, for one wanted action."""

    def __init__(self, engine: Engine, run: Run, wanted: Wanted, evidence: Iterable[str] = ()) -> None:
        self._engine = engine
        self._run = run
        self._wanted = wanted
        self._evidence = frozenset(evidence)
        self.facts = self._host_facts()

    def look(self, inspects: Sequence[Mapping[str, Any]]) -> list[Sight]:
        """Raises EngineError, HostError where the host itself cannot be looked at."""
        verb = self._wanted.verb
        networks = self._engine.networks() if verb in _NEEDS_LINKS or self._names_networks else []
        sharers = self._sharers() if verb in _NEEDS_SHARERS else {}
        seen = self._namespaces(inspects, engine_bridges(networks)) if verb in _NEEDS_LINKS else {}
        known = {str(item.get(key)): str(item.get("Id")) for item in networks for key in ("Name", "Id")}
        return [self._sight(inspect, seen, sharers, known) for inspect in inspects]

    @property
    def _names_networks(self) -> bool:
        return self._wanted.verb == "connect" and bool(self._wanted.networks)

    def _sight(
        self,
        inspect: Mapping[str, Any],
        seen: Mapping[int, Seen],
        sharers: Mapping[str, list[str]],
        known: Mapping[str, str],
    ) -> Sight:
        container, name = str(inspect.get("Id")), str(inspect.get("Name", "")).lstrip("/")
        pid = int((inspect.get("State") or {}).get("Pid") or 0)
        namespace, unseen = seen.get(pid, (None, ""))
        commits = self._commits(container) if self._wanted.verb in _NEEDS_IMAGES else {}
        return Sight(
            id=container,
            name=name,
            inspect=inspect,
            host=self.facts,
            namespace=namespace,
            unseen=unseen,
            cgroup=whereabouts.cgroup_of(pid, container) if namespace else None,
            sharers=tuple(sorted({*sharers.get(container, ()), *sharers.get(name, ())})),
            preserved=bool(commits) or bool(self._evidence & {container, container[:12], name}),
            state_token=self._token(inspect) if self._wanted.verb == "commit" else "",
            known_networks=known,
            commits=commits,
        )

    def _sharers(self) -> dict[str, list[str]]:
        """Names of running containers by the one whose network they live in, as their mode names it."""
        found: dict[str, list[str]] = {}
        for row in self._engine.containers(all=False):
            kind, _colon, owner = str((row.get("HostConfig") or {}).get("NetworkMode")).partition(":")
            if kind == "container":
                name = str((row.get("Names") or [row.get("Id")])[0]).lstrip("/")
                found.setdefault(owner, []).append(name)
        return found

    def _commits(self, container: str) -> dict[str, str]:
        """Images that were made of the container, by the state that they hold."""
        found = {}
        for image in self._engine.images(f"{CONTAINER_LABEL}={container}"):
            labels = image.get("Labels") or {}
            if labels.get(CONTAINER_LABEL) == container:
                found[str(labels.get(STATE_LABEL, ""))] = str((image.get("RepoTags") or [image.get("Id")])[0])
        return found

    def _token(self, inspect: Mapping[str, Any]) -> str:
        """A name for a state that holds still: of a paused container, or of one that does not run."""
        state = inspect.get("State") or {}
        started = str(state.get("StartedAt"))
        if not state.get("Running"):
            return f"{started} {state.get('FinishedAt')}"
        pid = int(state.get("Pid") or 0)
        if not state.get("Paused") or not whereabouts.belongs(pid, str(inspect.get("Id"))):
            return ""
        used = whereabouts.processor_time(pid)
        return f"{started} {used}" if used else ""

    def _namespaces(self, inspects: Sequence[Mapping[str, Any]], bridges: frozenset[str]) -> dict[int, Seen]:
        """What is in the network namespace of each running container, by its PID."""
        pids: dict[int, str] = {}
        for inspect in inspects:
            pid = int((inspect.get("State") or {}).get("Pid") or 0)
            if pid:
                pids[pid] = str(inspect.get("Id"))
        why = self._cannot_look()
        if why or not pids:
            return dict.fromkeys(pids, (None, why))
        own = whereabouts.own_namespace()
        inodes = {pid: whereabouts.namespace_of(pid, container) for pid, container in pids.items()}
        inside = [pid for pid, inode in inodes.items() if inode not in (None, own)]
        try:
            host_links, links = read_links(lambda command: self._run(command, None), inside)
        except CordonError as exc:
            return {pid: (None, describe(exc)) for pid in pids}
        numbers = netnsids(inside)
        found: dict[int, Seen] = {}
        for pid, container in pids.items():
            # Asked again after looking: had the container been restarted, what was read could be another's.
            same = inodes[pid] is not None and whereabouts.namespace_of(pid, container) == inodes[pid]
            found[pid] = self._seen(
                inodes[pid], own, links.get(pid), host_links, numbers.get(pid), bridges, same
            )
        return found

    def _seen(
        self,
        inode: int | None,
        own: int,
        links: list[Link] | None,
        host_links: list[Link],
        number: int | None,
        bridges: frozenset[str],
        same: bool,
    ) -> Seen:
        if inode is None or not same:
            return None, NOT_THERE
        if inode != own and links is None:
            return None, "Its network namespace could not be entered."
        return cables.namespace(inode, own, links or (), host_links, number, bridges), ""

    def _cannot_look(self) -> str:
        facts = self.facts
        if not facts.local:
            return "The engine is reached over TCP: its containers' links are on its own host."
        if not facts.root:
            return "Only root can look into its network namespace (become: true)."
        if not facts.ip or not facts.nsenter:
            return "The host lacks ip or nsenter (Debian: iproute2, util-linux)."
        return ""

    def _host_facts(self) -> HostFacts:
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), _SBIN))
        socket = self._engine.options.socket_path
        rootless, version = self._rootless(socket) if self._wanted.verb in ("pause", "commit") else (False, 2)
        return HostFacts(
            root=os.geteuid() == 0,
            local=socket is not None,
            rootless=rootless,
            ip=shutil.which("ip", path=path) is not None,
            nft=shutil.which("nft", path=path) is not None,
            nsenter=shutil.which("nsenter", path=path) is not None,
            cgroup_version=version,
            cgroups=whereabouts.unified_mount(),
        )

    def _rootless(self, socket: str | None) -> tuple[bool, int]:
        """Whether the engine is some user's, and its cgroup version; root's own socket needs no question."""
        try:
            if socket is not None and Path(socket).stat().st_uid == 0:
                return False, 2
        except OSError:
            pass
        info = self._engine.info()
        options = [str(option) for option in info.get("SecurityOptions") or ()]
        return any("rootless" in option for option in options), int(info.get("CgroupVersion") or 1)
