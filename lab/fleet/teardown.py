# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking the fleet down, in whatever state it is: running, crashed, or cut short by a restart."""

from __future__ import annotations

from pathlib import Path

from . import cgroups, network
from .settings import CACHE, INVENTORY, RUN, STATE, TEMPLATES, Host
from .shell import LabError, remove_tree, succeeds


def sweep() -> None:
    """Leave no process, mount, namespace, control group or state of the lab behind."""
    cgroups.end()
    cgroups.end(cgroups.BUILD)
    network.remove()
    _unmount()
    for path in (RUN, STATE, *TEMPLATES.glob("*.partial")):
        remove_tree(path)
    INVENTORY.unlink(missing_ok=True)


def one(host: Host) -> None:
    """End a single host."""
    cgroups.end(host.cgroup)
    network.disconnect(host)


def leftovers() -> list[str]:
    """What is still there of the lab, one phrase each; empty after a sweep."""
    found = [f"process {pid}" for pid in sorted(cgroups.processes())]
    found += [f"namespace {name}" for name in network.left()]
    found += [f"mount {path}" for path in _mounts()]
    found += [f"control group {path}" for path in cgroups.left()]
    return found


def _mounts() -> list[str]:
    # A host's mounts die with its mount namespace; only a half-made one can show here.
    places = [f"{CACHE}/", f"{RUN}/"]
    mounted = [line.split(" ")[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [path for path in reversed(mounted) if any(path.startswith(place) for place in places)]


def _unmount() -> None:
    for path in _mounts():
        if not succeeds(["umount", "-l", path]):
            raise LabError(f"{path} cannot be unmounted: end what uses it and try again.")
