# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the engine is set up: its own answers, and its files."""

from __future__ import annotations

import os
from typing import Any, Callable, Iterable, Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_line
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import read_all

from .notes import Notes
from .view import Product, View, item, outcome

# As packages of Docker, of Debian and of Podman lay them out; the folder is that of rootless engines' users as well.
FILES = (
    "/etc/docker/daemon.json",
    "/etc/default/docker",
    "/etc/sysconfig/docker",
    "/etc/containerd/config.toml",
    "/etc/subuid",
    "/etc/subgid",
    "/lib/systemd/system/docker.service",
    "/etc/systemd/system/docker.service",
    "/lib/systemd/system/docker.socket",
)
FOLDERS = ("/etc/systemd/system/docker.service.d", "/lib/systemd/system/docker.service.d")
_BYTES = 1 << 20


def engine(view: View) -> Iterator[Product]:
    """The engine's version, info, networks and containers, and each of its files that is there."""
    asked: dict[str, Callable[[], Any]] = {
        "version": view.engine.version,
        "info": view.engine.info,
        "networks": view.engine.networks,
        "containers": view.engine.containers,
    }
    for name, ask in asked.items():
        yield item("engine", None, f"engine/{name}.json", _document(ask))
    found = [path for path in _files() if os.path.isfile(path)]  # noqa: PTH113
    for number, path in enumerate(found, 1):
        name = f"engine/files/{number}-{os.path.basename(path)}"  # noqa: PTH119
        yield item("engine", None, name, _file(path), note=f"The host's {path}.")
    if "/etc/docker/daemon.json" not in found:
        yield outcome("engine", None, "There is no /etc/docker/daemon.json on the host.", "empty")


def _files() -> Iterator[str]:
    yield from FILES
    for folder in FOLDERS:
        try:
            names = sorted(os.listdir(folder))[:50]  # noqa: PTH208
        except OSError:
            continue
        yield from (f"{folder}/{name}" for name in names if name.endswith(".conf"))


def _document(ask: Callable[[], Any]) -> Callable[[Notes], Iterable[bytes]]:
    return lambda _notes: (dump_line(ask()),)


def _file(path: str) -> Callable[[Notes], Iterable[bytes]]:
    def read(notes: Notes) -> Iterable[bytes]:
        try:
            content = read_all(path, None, _BYTES)
        except FileNotFoundError as exc:
            raise HostError(f"{path} is gone.") from exc
        if len(content) == _BYTES:
            notes.add(f"{path} is cut at {_BYTES} bytes")
        return (content,)

    return read
