# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies in a case: bags, encrypted bags, blobs, and all other files, which a seal lists by their hashes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from . import manifest
from .archives import SUFFIX
from .chain import CUSTODY
from .reading import measured, walk

SEALS = "seals"
CONTROLLERS = "controllers"  # the logs of others that share the case
PARTIAL = "partial"  # what a preservation that was stopped goes on with: no evidence yet
_BLOB = re.compile(r"(?:.*/)?([0-9a-f]{64})")


@dataclass
class Survey:
    """Paths relative to the case. `loose` are the files that only a seal vouches for; `blobs` are called by
    their SHA-256. What begins with a dot at the top is the machinery of a run under way, and is left out."""

    bags: list[str] = field(default_factory=list)
    archives: list[str] = field(default_factory=list)
    blobs: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)


def survey(case: Path, known: frozenset[str] = frozenset()) -> Survey:
    """`known` are the bags that the log names. Raises OSError where the case cannot be listed."""
    found = Survey()
    with os.scandir(case) as entries:
        top = sorted(entries, key=lambda entry: entry.name)
    for entry in top:
        if entry.name.startswith(".") or entry.name in (CUSTODY, PARTIAL):
            continue
        if entry.is_dir(follow_symlinks=False):
            _room(case, entry.name, known, found)
        else:
            found.loose.append(entry.name)
    return found


def _room(case: Path, name: str, known: frozenset[str], found: Survey) -> None:
    with os.scandir(case / name) as entries:
        folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    bags = [
        folder
        for folder in folders
        if f"{name}/{folder}" in known or (case / name / folder / "bagit.txt").is_file()
    ]
    found.bags += (f"{name}/{bag}" for bag in sorted(bags))
    for path, _regular in walk(case / name, frozenset(bags)):
        place = f"{name}/{path}"
        if place.endswith(SUFFIX):
            found.archives.append(place)
        elif _BLOB.fullmatch(place):
            found.blobs.append(place)
        else:
            found.loose.append(place)


def seal_list(case: Path, number: int) -> bytes:
    """What the seal of that number lists: every loose file but its own. Raises OSError and Unreadable."""
    names = (name for name in survey(case).loose if seal_of(name) != number)
    return manifest.render({name: measured(case / name)[0] for name in names})


def seal_of(name: str) -> int | None:
    """The number of the seal that a file belongs to."""
    match = re.fullmatch(rf"{SEALS}/([1-9][0-9]{{0,8}})\.(?:files|sha256|sig|tsr)", name)
    return int(match.group(1)) if match else None
