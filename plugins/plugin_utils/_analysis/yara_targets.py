# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is to scan in a case: files of bags, members of archives while they stream by, heads of code.

Archives came from a host: none of their members is written anywhere, and a header cannot make memory grow.
"""

from __future__ import annotations

import io
import os
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import (
    BagEvidence,
    CaseEvidence,
    ContainerEvidence,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import EvidenceRef

MAX_MEMBERS = 2_000_000
_MAX_READ = 64 << 20  # at once; a header that announces more is a lie or an attack
_BAG = re.compile(r"([0-9]{8}T[0-9]{6}Z)-([a-z]{1,16})(?:-([0-9]{1,6}))?")
_CONTAINER_ID = re.compile(r"[0-9a-f]{12}")
_HEADS = ("layer.jsonl", "volumes.jsonl")
_IS_CODE = (b'"head":"', b'"head": "')
_NOT_CONTENT = frozenset({"network.tar", "processes.tar"})
_TEXTS = (".json", ".jsonl", ".pcap", ".txt")


@dataclass(frozen=True)
class Target:
    """One thing to scan. `shown` is its name for reading, `told` the name of the file of evidence it lies in."""

    container: ContainerEvidence
    item: str
    shown: str
    open: Callable[[], AbstractContextManager[IO[bytes]]]
    line: int | None = None

    @property
    def ref(self) -> EvidenceRef:
        return self.container.ref(self.item, self.line)

    @property
    def told(self) -> str:
        ref = self.ref
        return f"{ref.bag}/{ref.path}" + (
            "" if self.shown in (self.item, ref.path) else f": {self.shown[:300]}"
        )

    @property
    def is_process(self) -> bool:
        return self.item.startswith("processes/")


def targets(case_dir: Path, rows: list[dict[str, Any]]) -> Iterator[Target]:
    """Everything, host by host. An archive that breaks off is told in `rows`."""
    case = CaseEvidence(case_dir)
    for container in case.containers:
        yield from _heads(container)
    for container in _preserved(case):
        for path in _files(container.folder):
            item = path.relative_to(container.folder).as_posix()
            if path.suffix == ".tar" and path.name not in _NOT_CONTENT:
                yield from _members(container, item, path, rows)
            elif path.suffix != ".tar" and path.suffix not in _TEXTS and not item.startswith("logs/"):
                yield Target(container, item, item, _opener(path))


def _opener(path: Path) -> Callable[[], AbstractContextManager[IO[bytes]]]:
    return lambda: os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


def _heads(container: ContainerEvidence) -> Iterator[Target]:
    for item in _HEADS:
        for line, row in container.stream(item, _IS_CODE):
            head = values.text(row.get("head"), 65536)
            if head:
                raw = head.encode("utf-8", "backslashreplace")
                shown = values.text(row.get("path")) or item
                yield Target(container, item, shown, lambda raw=raw: io.BytesIO(raw), line)  # type: ignore[misc]


def _preserved(case: CaseEvidence) -> Iterator[ContainerEvidence]:
    """Containers of all bags that hold more than triage brings, newest first."""
    for host in _folders(case.case_dir):
        bags = [
            (match.group(1), folder)
            for folder in _folders(host)
            for match in [_BAG.fullmatch(folder.name)]
            if match
        ]
        for _time, folder in sorted(bags, reverse=True):
            if "-triage" in folder.name:
                continue
            bag = BagEvidence(folder, host.name)
            for home in _folders(folder / "data" / "containers"):
                if _CONTAINER_ID.fullmatch(home.name):
                    yield ContainerEvidence(case, bag, home)


def _folders(path: Path) -> list[Path]:
    try:
        with os.scandir(path) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _files(folder: Path) -> Iterator[Path]:
    for home, _folders_there, names in os.walk(folder):
        for name in sorted(names):
            path = Path(home, name)
            if path.is_file() and not path.is_symlink():
                yield path


class _Careful(io.RawIOBase):
    """A file of which not more than so much is read at once."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > _MAX_READ:
            raise ValueError("a header announces more than can be")
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


def _members(
    container: ContainerEvidence, item: str, path: Path, rows: list[dict[str, Any]]
) -> Iterator[Target]:
    """The regular files of an archive. Each has to be scanned before the next is asked for."""
    ref = container.ref(item)
    try:
        with _opener(path)() as stream, tarfile.TarFile(fileobj=_Careful(stream), errorlevel=0) as archive:
            for _number in range(MAX_MEMBERS):
                member = archive.next()
                if member is None:
                    return
                vars(archive)["members"] = []  # it would remember them all
                if member.isreg() and member.size:
                    yield Target(
                        container, item, f"/{member.name.lstrip('./')}", _member_opener(archive, member)
                    )
            rows.append(
                {"file": f"{ref.bag}/{ref.path}", "reason": f"It has more than {MAX_MEMBERS} members."}
            )
    except (
        tarfile.TarError,
        OSError,
        ValueError,
        EOFError,
        KeyError,
        IndexError,
        RecursionError,
        OverflowError,
    ) as exc:
        reason = f"The archive breaks off: {type(exc).__name__}: {str(exc)[:200]}"
        rows.append({"file": f"{ref.bag}/{ref.path}", "reason": reason})


def _member_opener(
    archive: tarfile.TarFile, member: tarfile.TarInfo
) -> Callable[[], AbstractContextManager[IO[bytes]]]:
    def opened() -> IO[bytes]:
        stream = archive.extractfile(member)
        if stream is None:
            raise ValueError("no file")
        return stream

    return opened
