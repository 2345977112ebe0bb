# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers as a run sees them, made of real folders and of real processes of the test's own."""

from __future__ import annotations

import os
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any, Iterable, Iterator

from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import ContainerRef, Outcome
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import Mount, parse_mountinfo
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import Process, Snapshot
from ansible_collections.cordon.docker.plugins.module_utils._host.procfs import (
    namespace_inode,
    parse_stat,
    parse_status,
)
from ansible_collections.cordon.docker.plugins.module_utils._preserve.choice import (
    Choice,
    choice_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._preserve.item import Item
from ansible_collections.cordon.docker.plugins.module_utils._preserve.view import Host, Product, View
from ansible_collections.cordon.docker.plugins.module_utils._triage.subject import Subject

ID = "c" * 64


def no_command(_command: Any) -> tuple[int, str, str]:
    return 127, "", "there is no such command here"


def choice(**given: Any) -> Choice:
    defaults = {name: spec.get("default") for name, spec in choice_argument_spec().items()}
    return Choice.from_params({"containers": None, "select": None, **defaults, **given})


class ScriptedEngine:
    """Answers from a script; what is not in it is not there."""

    address = "unix:///nowhere.sock"
    api_version = "1.51"
    engine_version = "28.5.2"

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def __getattr__(self, name: str) -> Any:
        answer = self.answers.get(name)
        if callable(answer):
            return answer
        return lambda *_given, **_more: answer


def view(subject: Subject | None = None, engine: Any = None, run: Any = no_command, **given: Any) -> View:
    found = [] if subject is None else [subject]
    snapshot = Snapshot(processes=[process for one in found for process in one.processes])
    for one in found:
        for process in one.processes:
            snapshot.mounts[process.mount_namespace] = one.mounts
    engine = engine or ScriptedEngine()
    info = given.pop("info", {})
    host_mounts: list[Mount] = given.pop("host_mounts", [])
    return View(Host(run), engine, choice(**given), snapshot, found, [], info, host_mounts)


def subject(
    inspect: dict[str, Any] | None = None,
    processes: Iterable[Process] = (),
    mounts: Iterable[Mount] = (),
    state: str = "running",
) -> Subject:
    found = list(processes)
    pid = found[0].pid if found else 0
    document = {"Id": ID, "Name": "/web", "State": {"Status": state, "Pid": pid}, **(inspect or {})}
    return Subject(ContainerRef(ID, "web"), document, found, list(mounts))


def process_of(pid: int) -> Process:
    """A process of the test's own, as if it were a container's."""
    folder = Path(f"/proc/{pid}")
    return Process(
        pid=pid,
        container_id=ID,
        stat=parse_stat((folder / "stat").read_bytes()),
        status=parse_status((folder / "status").read_bytes()),
        cgroup=(folder / "cgroup").read_bytes(),
        pid_namespace=1,
        net_namespace=namespace_inode(os.readlink(folder / "ns" / "net")) or 0,
        mount_namespace=7,
        cmdline=[],
        environment=[],
        cwd=None,
        exe=os.readlink(folder / "exe"),
    )


def mounts_of(pid: int) -> list[Mount]:
    return parse_mountinfo(Path(f"/proc/{pid}/mountinfo").read_bytes())


def content(item: Product) -> bytes:
    """The whole stream of an item, whose chunks are checked to be small."""
    if isinstance(item, Outcome):
        raise AssertionError(f"{item.item} is {item.status}: {item.reason}")
    return b"".join(chunks(item))


def chunks(item: Item) -> Iterator[bytes]:
    for part in item.open():
        piece = part if isinstance(part, bytes) else b"".join(part.open())
        if isinstance(part, bytes) and len(part) > 1 << 20:
            raise AssertionError(f"a chunk of {len(part)} bytes")
        yield piece


def members(raw: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=BytesIO(raw)) as archive:
        return {member.name: member for member in archive}


def extracted(raw: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=BytesIO(raw)) as archive:
        file = archive.extractfile(name)
        return b"" if file is None else file.read()
