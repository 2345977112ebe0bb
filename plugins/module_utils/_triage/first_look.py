# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel shows before anything else is done, the engine's SDK being loaded included.

Sockets and processes are what vanishes first; and the time until the second stats sample passes meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError
from ansible_collections.cordon.docker.plugins.module_utils._host import cgroups, facts
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import Mount, parse_mountinfo
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import (
    Snapshot,
    read_all,
    read_snapshot,
)

PROC = "/proc"
_MOUNTINFO_BYTES = 4 << 20


@dataclass
class FirstLook:
    """``booted`` is in seconds since 1970; ``samples`` are stats by the PID of what seems a first process."""

    booted: float
    mounts: list[Mount]
    snapshot: Snapshot = field(default_factory=Snapshot)
    samples: dict[int, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def take(cls) -> FirstLook:
        """A /proc that cannot be read is said in each item's outcome."""
        look = cls(facts.boot_time(), _host_mounts())
        try:
            look.snapshot = read_snapshot(PROC)
        except HostError as exc:
            look.snapshot.notes.append(str(exc))
        look._sample()
        return look

    @property
    def hierarchies(self) -> cgroups.Hierarchies:
        return cgroups.Hierarchies.of(self.mounts)

    def _sample(self) -> None:
        """Which process the engine started first is not known yet; nearly always it has the lowest number."""
        hierarchies, seen = self.hierarchies, set()
        for process in self.snapshot.processes:  # in the order of their numbers
            if process.container_id is not None and process.container_id not in seen:
                seen.add(process.container_id)
                self.samples[process.pid] = cgroups.sample(hierarchies, process.cgroup, process.pid, PROC)


def _host_mounts() -> list[Mount]:
    try:
        return parse_mountinfo(read_all(f"{PROC}/self/mountinfo", None, _MOUNTINFO_BYTES))
    except OSError:
        return []
