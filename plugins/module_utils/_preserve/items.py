# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that is preserved of a host, one after the other, the most volatile first."""

from __future__ import annotations

from typing import Callable, Iterable, Iterator, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_line
from ansible_collections.cordon.docker.plugins.module_utils._triage.subject import Subject

from . import capture, executables, image, layer, logs, memory, network, processes, settings, trees
from .choice import HOST, ITEMS, Choice
from .view import Host, Product, View, failed, item, outcome

__all__ = ["Host", "Product", "items", "of_view"]
PerContainer = Callable[[View, Subject], Iterable[Product]]


def items(host: Host, engine: Engine, choice: Choice) -> Iterator[Product]:
    """Items to be read, and outcomes of those that cannot be had. Nothing is read but what tells them apart.

    One item's failure is its row. Raises EngineError where the engine does not even list its containers.
    """
    return of_view(View.of(host, engine, choice))


def of_view(view: View) -> Iterator[Product]:
    """The items of what was seen; for one who needs the view as well."""
    for unknown in view.unknown:
        yield outcome("inspect", None, unknown.error)
    for note in view.notes:
        yield outcome("engine", None, note)
    for note in view.snapshot.notes:
        yield outcome("processes", None, note)
    for name in ITEMS:
        if not view.choice.wants(name):
            continue
        if name == "network":
            yield from _guarded(name, None, lambda: network.host_network(view))
        if name in HOST:
            yield from _guarded(name, None, lambda: _ON_HOST[name](view))  # noqa: B023 - used at once
            continue
        for subject in view.subjects:
            yield from _guarded(name, subject, lambda: _OF_CONTAINER[name](view, subject))  # noqa: B023 - used at once


def _guarded(name: str, subject: Subject | None, make: Callable[[], Iterable[Product]]) -> Iterator[Product]:
    try:
        yield from make()
    except Exception as exc:  # noqa: BLE001 - one item's failure is its row, whatever it is
        yield failed(name, subject.ref if subject else None, exc)


def _inspect(_view: View, subject: Subject) -> Iterator[Product]:
    yield item("inspect", subject.ref, "inspect.json", lambda _notes: (dump_line(subject.inspect),))


_OF_CONTAINER: Mapping[str, PerContainer] = {
    "network": network.network,
    "capture": capture.capture,
    "history": image.history,
    "filesystem": image.filesystem,
    "inspect": _inspect,
    "processes": processes.processes,
    "executables": executables.executables,
    "deleted_files": executables.deleted_files,
    "memory": memory.memory,
    "tmpfs": trees.tmpfs,
    "layer": layer.layer,
    "layer_list": layer.layer_list,
    "layer_diff": layer.layer_diff,
    "volumes": trees.volumes,
    "binds": trees.binds,
    "bind_content": trees.bind_content,
    "logs": logs.logs,
}
_ON_HOST: Mapping[str, Callable[[View], Iterable[Product]]] = {
    "engine": settings.engine,
    "image": image.images,
    "committed_image": image.committed_images,
}
