# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The executables of all processes, looked at while they run."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.cordon.docker.plugins.module_utils._host import guarded
from ansible_collections.cordon.docker.plugins.module_utils._host.executables import (
    UNKNOWN,
    Executable,
    Inspector,
)
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import Overlay
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import Process, Snapshot

from .subject import Subject

_PATIENCE = 5.0  # seconds for one executable


def inspect_executables(
    inspector: Inspector, subjects: Sequence[Subject], snapshot: Snapshot, engine_folder: str
) -> None:
    """Fill in ``executables`` of each container, by PID."""
    work = [(subject, process) for subject in subjects for process in subject.processes]
    overlays: dict[str, Overlay | None] = {}
    for subject in subjects:
        overlay = subject.overlay(engine_folder)
        overlays[subject.ref.id] = overlay if isinstance(overlay, Overlay) else None

    def look(one: tuple[Subject, Process]) -> Executable:
        subject, process = one
        mounts = snapshot.mounts.get(process.mount_namespace, [])
        init = subject.init
        # Another mount namespace than the container's may have any root: its layers are not known.
        same = init is not None and init.mount_namespace == process.mount_namespace
        return inspector.inspect(process, mounts, overlays[subject.ref.id] if same else None)

    for answer in guarded.each(work, look, _PATIENCE):
        subject, process = answer.item
        found = answer.result
        if found is None:
            reason = (
                f"did not let itself be read within {_PATIENCE:g} s" if answer.stuck else str(answer.error)
            )
            found = Executable(process.exe, UNKNOWN, hash_reason=reason)
        subject.executables[process.pid] = found
