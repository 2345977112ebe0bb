# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A case on disk as the rules see it: hosts, containers and their items, read when asked for.

Everything below data/ was written by a host that may be the attacker's. Lines that are no JSON object are
counted in `problems` and passed over; nothing here raises for what a file holds, and memory stays bounded.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cached_property
from io import FileIO
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    ContainerName,
    EvidenceRef,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.processes import (
    ProcessTree,
    parse_process,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.sockets import SocketTable, parse_socket

MAX_DOCUMENT_BYTES = 16 << 20
MAX_LINE_BYTES = 1 << 20
BLOCK_BYTES = 1 << 18  # read at once; of a block without any of the wanted pieces no line is looked at
MAX_ROWS = 50_000  # rows of one item kept in memory at a time; streams have no such bound
MAX_CONTAINERS = 10_000

_BAG = re.compile(r"([0-9]{8}T[0-9]{6}Z)-triage(?:-([0-9]{1,6}))?")
_CONTAINER_ID = re.compile(r"[0-9a-f]{12}")
_NAME_IN_BAG_INFO = re.compile(r"^Host: (.{1,255})$", re.MULTILINE)

Row = tuple[int, dict[str, Any]]


class CaseEvidence:
    """The newest triage evidence of each container of each host of a case, or of the one host whose folder is
    named by `only`."""

    def __init__(self, case_dir: Path, only: str | None = None) -> None:
        self.case_dir = case_dir
        self._only = only

    def bags(self) -> Iterator[BagEvidence]:
        """Triage bags by host, the newest first. Raises OSError when the case cannot be listed."""
        for host_dir in self._host_dirs():
            found = [(_BAG.fullmatch(folder.name), folder) for folder in _folders(host_dir)]
            aged = [(name[1], int(name[2] or 1), folder) for name, folder in found if name is not None]
            for _dummy, _dummy, bag_dir in sorted(aged, reverse=True):
                yield BagEvidence(bag_dir, host_dir.name)

    def _host_dirs(self) -> list[Path]:
        if self._only is None:
            return _folders(self.case_dir)
        home = self.case_dir / self._only
        return [home] if home.is_dir() and not home.is_symlink() else []

    @cached_property
    def containers(self) -> list[ContainerEvidence]:
        """One per container of a host, from the newest bag that has it."""
        seen: set[tuple[str, str]] = set()
        found: list[ContainerEvidence] = []
        for bag in self.bags():
            for container in bag.containers(self):
                key = (bag.host_dir, container.id)
                if key not in seen and len(found) < MAX_CONTAINERS:
                    seen.add(key)
                    found.append(container)
        return found

    @cached_property
    def images(self) -> dict[str, int]:
        """How many containers of the case were started from each image, by the image's name."""
        counted: dict[str, int] = {}
        for container in self.containers:
            config = values.record(container.read_document("inspect.json").get("Config"))
            image = values.text(config.get("Image"), 255)
            counted[image] = counted.get(image, 0) + 1
        return counted

    @cached_property
    def cpu_percents(self) -> list[float]:
        """CPU use of every container that has it, in percent of one core, ascending."""
        documents = (container.read_document("stats.json") for container in self.containers)
        read = (values.number(document.get("cpu_percent")) for document in documents)
        return sorted(percent for percent in read if percent is not None)


class BagEvidence:
    """One run on one host."""

    def __init__(self, bag_dir: Path, host_dir: str) -> None:
        self.path = bag_dir
        self.host_dir = host_dir
        self.name = f"{host_dir}/{bag_dir.name}"

    @cached_property
    def host(self) -> str:
        """The name in the inventory as the controller noted it, else the folder's name."""
        try:
            with (self.path / "bag-info.txt").open("rb") as stream:
                written = stream.read(65536).decode("utf-8", "replace")
        except OSError:
            return self.host_dir
        found = _NAME_IN_BAG_INFO.search(written)
        return found.group(1).strip() if found else self.host_dir

    def containers(self, case: CaseEvidence) -> Iterator[ContainerEvidence]:
        try:
            folders = _folders(self.path / "data" / "containers")
        except OSError:
            return
        for folder in folders:
            if _CONTAINER_ID.fullmatch(folder.name):
                yield ContainerEvidence(case, self, folder)


class ContainerEvidence:
    """The items of one container; what rules share is read once and kept until `forget`."""

    def __init__(self, case: CaseEvidence, bag: BagEvidence, folder: Path) -> None:
        self.case = case
        self.bag = bag
        self.folder = folder
        self.id = folder.name
        self.problems: dict[str, int] = {}
        self.of_image: dict[str, bool] = {}  # what rules have looked up about paths

    @cached_property
    def inspect(self) -> dict[str, Any]:
        return self.read_document("inspect.json")

    @cached_property
    def stats(self) -> dict[str, Any]:
        return self.read_document("stats.json")

    @cached_property
    def top(self) -> dict[str, Any]:
        return self.read_document("top.json")

    @cached_property
    def processes(self) -> ProcessTree:
        read = (parse_process(line, row) for line, row in self._first_rows("processes.jsonl"))
        known = (process for process in read if process is not None)
        return ProcessTree(known, self.sockets.listening_pids)

    @cached_property
    def sockets(self) -> SocketTable:
        return SocketTable(parse_socket(line, row) for line, row in self._first_rows("sockets.jsonl"))

    @cached_property
    def name(self) -> ContainerName:
        name = values.text(self.inspect.get("Name"), 255).lstrip("/") or self.id
        config = values.record(self.inspect.get("Config"))
        image = values.text(config.get("Image"), 255) or values.text(self.inspect.get("Image"), 255)
        return ContainerName(self.id, name, image)

    @cached_property
    def started(self) -> float | None:
        """When the container was last started, in seconds since the epoch by the host's clock."""
        return values.moment(values.record(self.inspect.get("State")).get("StartedAt"))

    def forget(self) -> None:
        """Give back the memory of what was read: a case may hold thousands of containers."""
        self.of_image.clear()
        for kept in ("inspect", "stats", "top", "processes", "sockets"):
            self.__dict__.pop(kept, None)

    def ref(self, item: str, line: int | None = None) -> EvidenceRef:
        """A pointer to a line of an item such as logs/hits.jsonl."""
        return EvidenceRef(self.bag.name, f"data/containers/{self.id}/{item}", line)

    def stream(self, item: str, pieces: tuple[bytes, ...] = (), fold: bool = False) -> Iterator[Row]:
        """Line numbers and objects of an item; with `pieces` only of lines that hold one of them as written,
        with `fold` in whatever case (the pieces are in lower case then). Lines without are not parsed: of
        100,000 files in a layer a rule wants a handful."""
        try:
            stream = (self.folder / item).open("rb", buffering=0)
        except OSError:
            return
        with stream:
            for line, raw in self._lines(item, stream, pieces, fold):
                parsed = values.parse(raw)
                if isinstance(parsed, dict):
                    yield line, parsed
                elif raw.strip():
                    self._problem(item)

    def _lines(
        self, item: str, stream: FileIO, pieces: tuple[bytes, ...], fold: bool
    ) -> Iterator[tuple[int, bytes]]:
        """Numbered lines that hold a piece. A line that is too long is a problem, and passed over."""
        number, rest, cut = 1, b"", False
        while True:
            block = _read(stream)
            whole, newline, after = (rest + block).rpartition(b"\n")
            lines = whole.split(b"\n") if newline and _holds(whole, pieces, fold) else []
            for offset, raw in enumerate(lines):
                if (offset or not cut) and _holds(raw, pieces, fold):
                    yield number + offset, raw
            if newline:
                number, cut = number + whole.count(b"\n") + 1, False
            rest = after
            if len(rest) > MAX_LINE_BYTES:
                rest, cut = b"", self._too_long(item, cut)
            if not block:
                break
        if rest and not cut and _holds(rest, pieces, fold):
            yield number, rest

    def _too_long(self, item: str, counted: bool) -> bool:
        if not counted:
            self._problem(item)
        return True

    def read_document(self, item: str) -> dict[str, Any]:
        """A JSON object, empty where there is none; read anew at each call."""
        try:
            with (self.folder / item).open("rb", buffering=0) as stream:
                size = os.fstat(stream.fileno()).st_size
                raw = stream.read(min(size, MAX_DOCUMENT_BYTES) + 1) or b""
        except OSError:
            return {}
        parsed = values.parse(raw) if len(raw) <= MAX_DOCUMENT_BYTES else None
        if not isinstance(parsed, dict):
            self._problem(item)
        return values.record(parsed)

    def _first_rows(self, item: str) -> Iterator[Row]:
        """Rows up to the number that may lie in memory."""
        for count, row in enumerate(self.stream(item)):
            if count == MAX_ROWS:
                self._problem(item)
                return
            yield row

    def _problem(self, item: str) -> None:
        self.problems[item] = self.problems.get(item, 0) + 1


def _read(stream: FileIO) -> bytes:
    try:
        return stream.read(BLOCK_BYTES) or b""
    except OSError:
        return b""


def _holds(text: bytes, pieces: tuple[bytes, ...], fold: bool) -> bool:
    if not pieces:
        return True
    looked_at = text.lower() if fold else text
    return any(piece in looked_at for piece in pieces)


def _folders(path: Path) -> list[Path]:
    """Real folders below the path, by name; links are not followed."""
    with os.scandir(path) as entries:
        names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    return [path / name for name in sorted(names)]
