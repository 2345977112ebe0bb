# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One container while it is being collected: what the engine said of it, and what the kernel shows."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import Selected
from ansible_collections.cordon.docker.plugins.module_utils._evidence.content import Missing
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import ContainerRef
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import Mount, Overlay, overlay_of
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import Process, Snapshot

_SNAPSHOTS = "io.containerd.snapshotter.v1.overlayfs/snapshots"


@dataclass
class Subject:
    """``processes`` are those of the snapshot that belong to it; ``first`` is its first stats sample."""

    ref: ContainerRef
    inspect: Mapping[str, Any]
    processes: list[Process] = field(default_factory=list)
    mounts: list[Mount] = field(default_factory=list)
    executables: dict[int, Any] = field(default_factory=dict)
    first: dict[str, Any] | None = None

    @classmethod
    def of(cls, selected: Selected, snapshot: Snapshot) -> Subject:
        subject = cls(ContainerRef(selected.id, selected.name), selected.inspect)
        subject.processes = snapshot.of(selected.id, subject.pid)
        init = subject.init
        if init is not None:
            subject.mounts = snapshot.mounts.get(init.mount_namespace, [])
        return subject

    @property
    def state(self) -> str:
        return str((self.inspect.get("State") or {}).get("Status") or "unknown")

    @property
    def pid(self) -> int:
        """The first process by the engine's word, as the host numbers it; 0 where there is none."""
        return int((self.inspect.get("State") or {}).get("Pid") or 0)

    @property
    def init(self) -> Process | None:
        """The first process by the kernel's word."""
        for process in self.processes:
            if process.pid == self.pid:
                return process
        return self.processes[0] if self.processes else None

    @property
    def driver(self) -> str:
        return str((self.inspect.get("GraphDriver") or {}).get("Name") or self.inspect.get("Driver") or "")

    @property
    def started(self) -> str | None:
        return (self.inspect.get("State") or {}).get("StartedAt")

    @property
    def is_here(self) -> bool:
        """Whether the engine that has it is on this host: paths of another host may exist here too, and lie."""
        paths = (self.inspect.get(name) for name in ("HostnamePath", "ResolvConfPath", "LogPath"))
        return bool(self.processes) or any(path and Path(path).parent.is_dir() for path in paths)

    def without_processes(self) -> Missing:
        """Why the kernel shows none."""
        if self.pid == 0:
            return Missing(f"The container is {self.state}: it has no processes.")
        return Missing(
            f"Its process {self.pid} is not in this host's /proc: it has just ended, or the engine runs on another"
            " host or in another PID namespace."
        )

    def overlay(self, engine_folder: str) -> Overlay | Missing:
        """The layers by the engine's word, else by the kernel's: the containerd image store tells none.

        ``engine_folder`` is the engine's root folder, below which some keep their snapshots.
        """
        data = (self.inspect.get("GraphDriver") or {}).get("Data") or {}
        if data.get("UpperDir"):
            return Overlay(str(data["UpperDir"]), tuple(str(data.get("LowerDir") or "").split(":")))
        if self.driver not in ("", "overlayfs", "overlay2"):
            return Missing(f"The storage driver {self.driver} has no layer on disk that could be compared.")
        root = next((mount for mount in reversed(self.mounts) if mount.point == "/"), None)
        found = overlay_of(root) if root else None
        if found is None:
            return Missing(
                "The engine does not tell where the layers are (containerd image store), and "
                + (
                    f"the container is {self.state}, so that no process shows them."
                    if not self.mounts
                    else "the container's root is no overlay."
                )
            )
        return _as_engine_made(found, engine_folder)


def _as_engine_made(overlay: Overlay, engine_folder: str) -> Overlay | Missing:
    """A privileged container can mount what it likes as its root; only a snapshot's layer is taken for one."""
    if overlay.is_relative:
        # containerd names layers relative to their folder where the options would fill a page.
        homes = [
            f"{home}/{_SNAPSHOTS}" for home in (f"{engine_folder}/containerd/daemon", "/var/lib/containerd")
        ]
        home = next((home for home in homes if Path(home, overlay.upper).is_dir()), None)
        if home is None:
            return Missing("The overlay names its layers relative to a folder that the kernel does not tell.")
        overlay = overlay.based_on(home)
    upper = posixpath.normpath(overlay.upper)
    if upper != overlay.upper or "/snapshots/" not in upper or not upper.endswith("/fs"):
        return Missing(f"The container's root is an overlay over {overlay.upper}, which is not the engine's.")
    return overlay
