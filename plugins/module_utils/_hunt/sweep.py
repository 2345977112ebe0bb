# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One sweep of one host: each kind of indicator in each container. Nothing of a container is executed."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError, HostError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.bundle import Deadline
from ansible_collections.cordon.docker.plugins.module_utils._evidence.content import Content, Missing, rows
from ansible_collections.cordon.docker.plugins.module_utils._host import facts, logfiles
from ansible_collections.cordon.docker.plugins.module_utils._host.executables import Inspector
from ansible_collections.cordon.docker.plugins.module_utils._host.files import HashBudget
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import parse_mountinfo
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import (
    Snapshot,
    read_all,
    read_snapshot,
)
from ansible_collections.cordon.docker.plugins.module_utils._host.procfs import parse_passwd
from ansible_collections.cordon.docker.plugins.module_utils._host.volumes import volumes_of
from ansible_collections.cordon.docker.plugins.module_utils._triage.calls import Calls
from ansible_collections.cordon.docker.plugins.module_utils._triage.executables import inspect_executables
from ansible_collections.cordon.docker.plugins.module_utils._triage.kernel import KernelView
from ansible_collections.cordon.docker.plugins.module_utils._triage.subject import Subject

from .files import Hashes, Seen, in_layer, in_volume, look, unopened
from .options import HuntOptions

MAX_HITS = 1000  # of one kind in one container
_PROC = "/proc"
_USUAL_FOLDER = "/var/lib/docker"
_BY_KERNEL = frozenset(("process", "remote", "path", "sha256"))

Hit = Mapping[str, Any]


class Sweep:
    """``look_around`` first; then ``collect`` gives the hits of one kind in one container."""

    def __init__(self, options: HuntOptions, calls: Calls, deadline: Deadline) -> None:
        self._options = options
        self._asked = options.indicators
        self._calls = calls
        self._deadline = deadline
        self._snapshot = Snapshot()
        self._files: dict[str, tuple[dict[str, list[Hit]], list[str]]] = {}
        self._hashes = Hashes(HashBudget(options.hash_bytes, options.hash_total_bytes))

    def read_kernel(self) -> None:
        """Processes and sockets, before the engine is asked for anything that takes time."""
        self._info = self._calls.start(self._ask_engine)
        self._host_mounts = parse_mountinfo(_file("/proc/self/mountinfo", 4 << 20))
        if _BY_KERNEL & set(self._asked.kinds):
            try:
                self._snapshot = read_snapshot(_PROC)
            except HostError as exc:
                self._snapshot.notes.append(str(exc))
        users = parse_passwd(_file("/etc/passwd", 1 << 20))
        self._kernel = KernelView(self._snapshot, facts.boot_time(), users)

    def begin(self, selected: Iterable[Any]) -> list[Subject]:
        """The containers to sweep; executables are hashed while they run."""
        subjects = [Subject.of(one, self._snapshot) for one in selected]
        if "sha256" in self._asked.kinds:
            inspector = Inspector(_PROC, self._options.hash_bytes)
            inspect_executables(inspector, subjects, self._snapshot, self._engine_folder)
        return subjects

    def collect(self, kind: str, subject: Subject) -> Content:
        """The hits of a kind, as rows. Raises whatever went wrong."""
        return _SWEEPS[kind](self, subject)

    def engine_info(self) -> dict[str, Any]:
        """The engine's answer to /info, empty where there is none."""
        try:
            return self._info.result()
        except CordonError:
            return {}

    @property
    def _engine_folder(self) -> str:
        return str(self.engine_info().get("DockerRootDir") or _USUAL_FOLDER)

    def _ask_engine(self) -> dict[str, Any]:
        return self._calls.engine.info(timeout=self._calls.timeout())

    def process(self, subject: Subject) -> Content:
        if not subject.processes:
            return subject.without_processes()
        return _bounded(self._processes(subject), list(self._snapshot.notes))

    def _processes(self, subject: Subject) -> Iterator[Hit]:
        for process in subject.processes:
            command = " ".join(process.cmdline) or f"[{process.stat.comm}]"
            found = self._asked.matching("process", command, process.exe or "", process.stat.comm)
            if found is not None:
                row = self._kernel.process_row(subject, process)
                kept = ("pid", "container_pid", "ppid", "uid", "user", "comm", "cmdline", "cwd")
                yield {
                    "indicator": found,
                    "what": command,
                    "time": row["started"],
                    "exe": process.exe,
                    **{name: row[name] for name in kept},
                }

    def remote(self, subject: Subject) -> Content:
        if not subject.processes:
            return subject.without_processes()
        if not any(process.net_namespace for process in subject.processes):
            return Missing("This user may not look into the network namespace of the container; use become.")
        return _bounded(self._remotes(subject), list(self._snapshot.notes))

    def _remotes(self, subject: Subject) -> Iterator[Hit]:
        for row in self._kernel.socket_rows(subject):
            found = self._asked.of_address(row["remote_address"]) if row["remote_port"] else None
            if found is not None:
                remote = f"{row['remote_address']} port {row['remote_port']}"
                yield {"indicator": found, "what": remote, "time": None, **row}

    def image(self, subject: Subject) -> Content:
        hits = []
        for name in self._image_names(subject):
            found = self._asked.matching("image", name)
            if found is not None:
                created = subject.inspect.get("Created")
                hits.append({"indicator": found, "what": name, "time": created})
        return rows(hits[:1], [])

    def _image_names(self, subject: Subject) -> list[str]:
        """All that the image is called: by the container, by its ID, and by its tags and digests."""
        config = subject.inspect.get("Config") or {}
        image = str(subject.inspect.get("Image") or "")
        document = None
        if image:
            call = self._calls.once("image", image, self._ask_image, image)
            document = call.result()
        names = [str(config.get("Image") or ""), image]
        for option in ("RepoTags", "RepoDigests"):
            names += [str(name) for name in (document or {}).get(option) or ()]
        return [name for name in dict.fromkeys(names) if name]

    def _ask_image(self, image: str) -> dict[str, Any] | None:
        return self._calls.engine.image(image, timeout=self._calls.timeout())

    def path(self, subject: Subject) -> Content:
        return self._file_hits("path", subject)

    def sha256(self, subject: Subject) -> Content:
        return self._file_hits("sha256", subject)

    def _file_hits(self, kind: str, subject: Subject) -> Content:
        """One walk answers for both kinds."""
        if subject.ref.id not in self._files:
            hits: dict[str, list[Hit]] = {"path": [], "sha256": []}
            notes: list[str] = []
            for found, hit in self._file_sweep(subject, notes):
                if len(hits[found]) < MAX_HITS:
                    hits[found].append(hit)
                elif not notes or notes[-1] != _more(found):
                    notes.append(_more(found))
            self._files[subject.ref.id] = hits, notes
        hits, notes = self._files[subject.ref.id]
        return rows(hits[kind], list(dict.fromkeys(notes)))

    def _file_sweep(self, subject: Subject, notes: list[str]) -> Iterator[tuple[str, Hit]]:
        yield from self._running(subject)
        if "sha256" in self._asked.kinds:
            yield from self._image_digests(subject)
        for seen in self._names(subject, notes):
            yield from look(seen, self._asked, self._hashes)
        notes.extend(self._hashes.notes())

    def _running(self, subject: Subject) -> Iterator[tuple[str, Hit]]:
        """Executables and open files of processes: also those that no name is left of."""
        for process in subject.processes:
            row = self._kernel.process_row(subject, process)
            exe = row["exe"] or {"path": process.exe, "sha256": None}
            hit = {"time": row["started"], "source": "process", "pid": process.pid, "sha256": exe["sha256"]}
            given = self._asked.hashes.get(exe["sha256"] or "")
            if given is not None:
                yield "sha256", {"indicator": given, "what": exe["path"], **hit}
            opened = [str(file["target"]) for file in process.files]
            for path in dict.fromkeys([process.exe or "", *opened]):
                named = self._asked.matching("path", path) if path.startswith("/") else None
                if named is not None:
                    yield "path", {"indicator": named, "what": path, **hit}

    def _image_digests(self, subject: Subject) -> Iterator[tuple[str, Hit]]:
        for name in self._image_names(subject):
            digest = name.rpartition("sha256:")[2]
            given = self._asked.hashes.get(digest)
            if given is not None:
                time = subject.inspect.get("Created")
                yield "sha256", {"indicator": given, "what": name, "time": time, "source": "image"}
                return

    def _names(self, subject: Subject, notes: list[str]) -> Iterator[Seen]:
        overlay = subject.overlay(self._engine_folder)
        if isinstance(overlay, Missing):
            notes.append(f"its layer was not looked at: {overlay.reason.rstrip('.')}")
        else:
            root = [mount for mount in subject.mounts if mount.point == "/"]
            user = bool(root) and b"userxattr" in root[-1].options.split(b",")
            try:
                yield from in_layer(overlay, user, self._deadline, notes)
            except HostError as exc:
                notes.append(unopened(exc))
        found = volumes_of(list(subject.inspect.get("Mounts") or []))
        if found and not subject.is_here:
            notes.append("the engine runs on another host, and its volumes are there")
            return
        for volume in found:
            yield from in_volume(volume, self._host_mounts, (self._engine_folder,), self._deadline, notes)

    def log(self, subject: Subject) -> Content:
        config = (subject.inspect.get("HostConfig") or {}).get("LogConfig") or {}
        if config.get("Type") == "none":
            return Missing("The container's log driver is none: nothing of what it writes is kept.")
        patterns = [
            logfiles.Pattern.regex(given, ignore_case=True) for given in self._asked.values.get("log", ())
        ]
        report = logfiles.ScanReport()
        options, source = self._options, logfiles.readable(dict(subject.inspect))
        bounds: Any = {"max_matches": MAX_HITS, "deadline": self._deadline.at, "report": report}
        if source is not None:
            found = logfiles.search(
                source, patterns, newest_bytes=options.log_search_bytes, since=options.since, **bounds
            )
        else:
            frames = self._calls.engine.logs(
                subject.ref.id, since=options.since, timeout=self._calls.timeout()
            )
            found = logfiles.search_frames(frames, patterns, **bounds)
        notes: list[str] = []
        return rows(_log_hits(found, report, notes), notes)


def _log_hits(
    lines: Iterable[logfiles.LogLine], report: logfiles.ScanReport, notes: list[str]
) -> Iterator[Hit]:
    for line in lines:
        yield {
            "indicator": line.pattern,
            "what": line.line,
            "time": line.time,
            "stream": line.stream,
            "number": line.number,
        }
    if report.truncated:
        notes.append(report.truncated)


def _bounded(hits: Iterator[Hit], notes: list[str]) -> Content:
    def some() -> Iterator[Hit]:
        for count, hit in enumerate(hits):
            if count == MAX_HITS:
                notes.append(_more("these"))
                return
            yield hit

    return rows(some(), notes)


def _more(kind: str) -> str:
    return f"{MAX_HITS} hits of {kind} are listed, there are more"


def _file(path: str, bound: int) -> bytes:
    try:
        return read_all(path, None, bound)
    except OSError:
        return b""


_SWEEPS: dict[str, Callable[[Sweep, Subject], Content]] = {
    "process": Sweep.process,
    "remote": Sweep.remote,
    "image": Sweep.image,
    "path": Sweep.path,
    "sha256": Sweep.sha256,
    "log": Sweep.log,
}
