# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bag against its manifests, its outcomes, and the hash that the custody log has of it."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from . import manifest
from .reading import measure, opened, walk
from .results import Unreadable, counted, listed

TAGMANIFEST = "tagmanifest-sha256.txt"
MANIFEST = "manifest-sha256.txt"
OUTCOMES = "data/outcomes.jsonl"
_KEPT = (TAGMANIFEST, MANIFEST, OUTCOMES)
_MOST_BYTES = 256 << 20  # of a file that is read as a whole
_MAX_PROBLEMS = 20


@dataclass
class Content:
    """What a bag holds: SHA-256 and size by path, the bytes of the files that list others, and the names of
    what is no regular file."""

    files: dict[str, tuple[str, int]] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)

    def add(self, name: str, stream: IO[bytes]) -> None:
        if name not in _KEPT:
            self.files[name] = measure(stream)
            return
        text = stream.read(_MOST_BYTES)
        while len(text) < _MOST_BYTES and (more := stream.read(_MOST_BYTES - len(text))):
            text += more
        if len(text) == _MOST_BYTES:
            self.strange.append(name)  # no bag of ours has one as long
        self.texts[name] = text
        self.files[name] = (hashlib.sha256(text).hexdigest(), len(text))


def in_folder(folder: Path) -> Content:
    """The bag that is a folder. Raises OSError where that cannot be listed."""
    found = Content()
    for name, regular in walk(folder):
        try:
            if not regular:
                raise Unreadable("It is no regular file.")
            with opened(folder / name) as stream:
                found.add(name, stream)
        except Unreadable:
            found.strange.append(name)
    return found


def in_archive(stream: IO[bytes], root: str) -> Content:
    """The bag of that name in a tar archive, nothing of which is written anywhere. Raises tarfile.TarError."""
    found = Content()
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            name = member.name[len(root) + 1 :] if member.name.startswith(f"{root}/") else ""
            if member.isdir():
                continue
            source = archive.extractfile(member) if member.isreg() and name else None
            if source is None or name in found.files:
                found.strange.append(member.name)
            else:
                found.add(name, source)
    return found


def problems(bag: Content, seal: str | None) -> list[str]:
    """What is wrong with a bag, a sentence each. `seal` is the SHA-256 of its tag manifest by the custody log."""
    return list(_problems(bag, seal))[:_MAX_PROBLEMS]


def _problems(bag: Content, seal: str | None) -> Iterator[str]:
    if bag.strange:
        yield f"{_files(len(bag.strange))} not readable, or no regular file: {listed(bag.strange)}."
    if TAGMANIFEST not in bag.files:
        yield f"{TAGMANIFEST} is missing, and nothing else can vouch for the bag."
        return
    if seal is not None and bag.files[TAGMANIFEST][0] != seal:
        yield f"{TAGMANIFEST} is not the one that the custody log sealed."
    tags = {name for name in bag.files if not name.startswith("data/")} - {TAGMANIFEST}
    payload = {name for name in bag.files if name.startswith("data/")}
    yield from _against(bag, TAGMANIFEST, tags)
    yield from _against(bag, MANIFEST, payload)
    yield from _outcomes(bag)


def _against(bag: Content, name: str, present: set[str]) -> Iterator[str]:
    if name not in bag.texts:
        return  # the tag manifest says that it is missing
    try:
        expected = manifest.parse(bag.texts[name])
    except Unreadable as exc:
        yield f"{name} cannot be used. {exc}"
        return
    changed = sorted(path for path in present & set(expected) if bag.files[path][0] != expected[path])
    # What is no regular file has been named already.
    missing = sorted(set(expected) - present - set(bag.strange))
    added = sorted(present - set(expected))
    for paths, what in ((changed, "changed"), (missing, "missing"), (added, "added")):
        if paths:
            yield f"{_files(len(paths))} {what}: {listed(paths)}."


def _outcomes(bag: Content) -> Iterator[str]:
    """Each file that an outcome names is there, and is what it says."""
    for number, line in enumerate(bag.texts.get(OUTCOMES, b"").splitlines(), 1):
        try:
            row: Any = json.loads(line)
            path, told = row["path"], (row["sha256"], row["bytes"])
        except (ValueError, RecursionError, LookupError, TypeError):
            yield f"Row {number} of {OUTCOMES} is no outcome."
            continue
        found = bag.files.get(f"data/{path}")
        if path is not None and found != told:
            what = "is not what that says" if found else "is missing"
            yield f"Row {number} of {OUTCOMES} names {listed([str(path)])}, which {what}."


def _files(number: int) -> str:
    return f"{counted(number, 'file')} {'is' if number == 1 else 'are'}"
