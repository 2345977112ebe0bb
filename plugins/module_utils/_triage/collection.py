# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one run has seen so far, and how each item of a container is made of it."""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import Selected
from ansible_collections.cordon.docker.plugins.module_utils._engine.stats import stats_view
from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.bundle import Deadline
from ansible_collections.cordon.docker.plugins.module_utils._evidence.content import (
    Content,
    Missing,
    document,
    rows,
)
from ansible_collections.cordon.docker.plugins.module_utils._host import cgroups, facts, netns
from ansible_collections.cordon.docker.plugins.module_utils._host.executables import Inspector
from ansible_collections.cordon.docker.plugins.module_utils._host.links import Link
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import Overlay
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import (
    read_all,
)
from ansible_collections.cordon.docker.plugins.module_utils._host.procfs import parse_passwd

from . import disk
from .calls import Call, Calls, answer, change_rows
from .executables import inspect_executables
from .first_look import PROC, FirstLook
from .kernel import KernelView, links
from .logs import Logs
from .options import TriageOptions
from .subject import Subject

_BETWEEN_SAMPLES = 0.25  # seconds: shorter, and the ticks of the clock show in the CPU's share
_USUAL_FOLDER = "/var/lib/docker"


class Collection:
    """Filled by ``begin``; then ``collect`` makes one item at a time."""

    def __init__(
        self, options: TriageOptions, run: netns.Run, look: FirstLook, calls: Calls, deadline: Deadline
    ) -> None:
        self._options = options
        self._run = run
        self._look = look
        self._snapshot = look.snapshot
        self._calls = calls
        self._deadline = deadline
        self._logs = Logs(calls.engine, options, deadline)
        self._about = {name: calls.start(self._ask_engine, name) for name in ("version", "info")}
        self._sampled = 0.0
        self.subjects: list[Subject] = []
        self.engine_version = {
            "version": calls.engine.engine_version,
            "api_version": calls.engine.api_version,
        }

    def begin(self, selected: list[Selected]) -> None:
        """Executables while they run, what the first look has no sample of, and all calls that can be under way."""
        self._known = {name: one.id for one in selected for name in (one.id, one.name)}
        self.subjects = [Subject.of(one, self._snapshot) for one in selected]
        self._hierarchies = self._look.hierarchies
        for subject in self.subjects:
            self._first_sample(subject)
        self._links = self._calls.start(self._read_links) if "links" in self._options.items else None
        self._begin_calls()
        if "processes" in self._options.items:
            inspector = Inspector(PROC, self._options.hash_bytes)
            inspect_executables(inspector, self.subjects, self._snapshot, self._engine_folder)
        users = parse_passwd(_file("/etc/passwd", 1 << 20))
        self._kernel = KernelView(self._snapshot, self._look.booted, users)

    def collect(self, item: str, subject: Subject) -> Content:
        """One item of one container. Raises whatever went wrong with it."""
        return _COLLECTORS[item](self, subject)

    def wait_for_second_sample(self) -> None:
        """Waits no longer than the rest of a quarter of a second, and begins the samples that calls give."""
        time.sleep(max(0.0, min(self._sampled + _BETWEEN_SAMPLES - time.monotonic(), _BETWEEN_SAMPLES)))
        for subject in self.subjects:
            if subject.pid != 0 and subject.first is None:
                self._stats("second", subject)

    def engine_answers(self) -> dict[str, Any]:
        """Raw answers to /version and /info."""
        return {name: call.result() for name, call in self._about.items()}

    def engine_answers_or_none(self) -> dict[str, Any] | None:
        try:
            return self.engine_answers()
        except CordonError:
            return None

    @property
    def _engine_folder(self) -> str:
        """The engine's root folder by its own word, the usual one where it gives none."""
        answers = self.engine_answers_or_none() or {}
        return str(answers.get("info", {}).get("DockerRootDir") or _USUAL_FOLDER)

    def _ask_engine(self, name: str) -> dict[str, Any]:
        ask = self._calls.engine.version if name == "version" else self._calls.engine.info
        return ask(timeout=self._calls.timeout())

    def _begin_calls(self) -> None:
        for subject in self.subjects:
            if "top" in self._options.items and self._top_by_engine(subject):
                self._top(subject)
            if {"history", "image"} & self._options.items:
                self._image("image", subject)
                self._image("history", subject)

    def _first_sample(self, subject: Subject) -> None:
        if "stats" not in self._options.items or subject.pid == 0:
            return
        init = subject.init
        if init is not None:
            early = self._look.samples.get(init.pid)
            subject.first = early or cgroups.sample(self._hierarchies, init.cgroup, init.pid, PROC)
            self._sampled = max(self._sampled, subject.first["monotonic"])
        else:
            self._stats("first", subject)
            self._sampled = time.monotonic()

    def _stats(self, which: str, subject: Subject) -> Call[Any]:
        engine = self._calls.engine
        return self._calls.once(
            f"stats {which}",
            subject.ref.id,
            lambda: {
                "monotonic": time.monotonic(),
                "raw": engine.stats(subject.ref.id, timeout=self._calls.timeout()),
            },
        )

    def stats(self, subject: Subject) -> Content:
        if subject.pid == 0:
            return Missing(f"The container is {subject.state}: it uses nothing.")
        init = subject.init
        if init is None or subject.first is None:
            first, second = self._stats("first", subject).result(), self._stats("second", subject).result()
            view = stats_view(first["raw"], second["raw"])
            seconds = round(second["monotonic"] - first["monotonic"], 6)
            return document(
                {
                    "source": "engine",
                    "first": first["raw"],
                    "second": second["raw"],
                    "seconds": seconds,
                    **view,
                }
            )
        second = cgroups.sample(self._hierarchies, init.cgroup, init.pid, PROC)
        if len(second) <= 2:
            return Missing("Its cgroup is gone: it has ended, or its cgroups are not mounted on this host.")
        own = init.net_namespace != self._snapshot.own_net_namespace
        values = cgroups.figures(subject.first, second, facts.total_memory(PROC), own)
        return document({"source": "cgroup", "first": subject.first, "second": second, **values})

    def processes(self, subject: Subject) -> Content:
        return self._kernel.processes(subject)

    def sockets(self, subject: Subject) -> Content:
        return self._kernel.sockets(subject)

    def inspect(self, subject: Subject) -> Content:
        return document(subject.inspect)

    def _read_links(self) -> tuple[list[Link], dict[int, list[Link]], dict[int, int]]:
        """The host's links, and by namespace: links, and the number the host's namespace knows it by."""
        inits = [subject.init for subject in self.subjects]
        namespaces = {init.pid: init.net_namespace for init in inits if init is not None}
        chosen = netns.owners(namespaces)
        chosen.pop(self._snapshot.own_net_namespace or 0, None)
        host_links, by_pid = netns.read_links(self._run, list(chosen.values()))
        numbers = netns.netnsids(list(chosen.values()))
        by_namespace = {space: by_pid[pid] for space, pid in chosen.items() if pid in by_pid}
        return (
            host_links,
            by_namespace,
            {space: numbers[pid] for space, pid in chosen.items() if pid in numbers},
        )

    def links(self, subject: Subject) -> Content:
        if subject.init is None or self._links is None:
            return subject.without_processes()
        host_links, by_namespace, numbers = self._links.result()
        return links(
            subject, self._known, self._snapshot.own_net_namespace, host_links, by_namespace, numbers
        )

    def _top_by_engine(self, subject: Subject) -> bool:
        return subject.pid != 0 and (self._options.engine_views or not subject.processes)

    def _top(self, subject: Subject) -> Call[Any]:
        engine = self._calls.engine
        return self._calls.once(
            "top", subject.ref.id, lambda: engine.top(subject.ref.id, timeout=self._calls.timeout())
        )

    def top(self, subject: Subject) -> Content:
        if self._top_by_engine(subject):
            return document({**self._top(subject).result(), "source": "engine"})
        return self._kernel.top(subject, time.time())

    def changes(self, subject: Subject) -> Content:
        overlay = self._overlay(subject)
        if self._options.engine_views or isinstance(overlay, Missing):
            return rows(change_rows(self._engine_changes(subject)), [])
        content = disk.changes(overlay, self._user_attributes(subject))
        if isinstance(content, Missing):
            return rows(change_rows(self._engine_changes(subject)), [])
        return content

    def _engine_changes(self, subject: Subject) -> Any:
        return self._calls.engine.iter_changes(subject.ref.id, timeout=self._calls.timeout())

    def layer(self, subject: Subject) -> Content:
        overlay = self._overlay(subject)
        if isinstance(overlay, Missing):
            return overlay
        seen = None
        if self._options.engine_views:
            seen = {disk.path_key(str(row.get("Path"))) for row in self._engine_changes(subject)}
        return disk.layer(overlay, self._options.hash_bytes, self._user_attributes(subject), seen)

    def _overlay(self, subject: Subject) -> Overlay | Missing:
        return subject.overlay(self._engine_folder)

    def _user_attributes(self, subject: Subject) -> bool:
        root = [mount for mount in subject.mounts if mount.point == "/"]
        return bool(root) and b"userxattr" in root[-1].options.split(b",")

    def volumes(self, subject: Subject) -> Content:
        return disk.volumes(subject, self._options.hash_bytes, self._look.mounts, (self._engine_folder,))

    def log_tail(self, subject: Subject) -> Content:
        return self._logs.tail(subject)

    def log_hits(self, subject: Subject) -> Content:
        return self._logs.hits(subject)

    def _image(self, kind: str, subject: Subject) -> Call[Any]:
        engine = self._calls.engine
        ask: Callable[..., Any] = engine.image if kind == "image" else engine.image_history
        name = str(subject.inspect.get("Image"))
        return self._calls.once(kind, name, lambda: ask(name, timeout=self._calls.timeout()))

    def history(self, subject: Subject) -> Content:
        return answer(self._image("history", subject), "The image")

    def image(self, subject: Subject) -> Content:
        return answer(self._image("image", subject), "The image")


_COLLECTORS: Mapping[str, Callable[[Collection, Subject], Content]] = {
    "processes": Collection.processes,
    "sockets": Collection.sockets,
    "stats": Collection.stats,
    "links": Collection.links,
    "inspect": Collection.inspect,
    "top": Collection.top,
    "changes": Collection.changes,
    "layer": Collection.layer,
    "volumes": Collection.volumes,
    "log_tail": Collection.log_tail,
    "log_hits": Collection.log_hits,
    "history": Collection.history,
    "image": Collection.image,
}


def _file(name: str, bound: int) -> bytes:
    try:
        return read_all(name if name.startswith("/") else f"{PROC}/{name}", None, bound)
    except OSError:
        return b""
