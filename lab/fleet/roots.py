# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Root file systems from Debian packages: built once, kept under the hash of their recipe."""

from __future__ import annotations

import hashlib
import json
import time
import tomllib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import cgroups
from .settings import CACHE, LAB
from .shell import LabError, remove_tree, run, say

RECIPES = LAB / "roots"
ROOTS = CACHE / "roots"
# Two builds keep two cores busy: one unpacks while the other downloads.
_BUILDERS = 2
_TRIM = (
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/lintian/*",
)


@dataclass(frozen=True)
class Root:
    """A recipe: a Debian suite, packages, and a script that finishes the tree from outside."""

    name: str
    suite: str
    variant: str
    packages: tuple[str, ...]
    finish: str
    image: str = ""
    config: tuple[str, ...] = ()
    # Only for `--scenes all`.
    zoo: bool = False

    @property
    def script(self) -> Path:
        """The finishing script."""
        return RECIPES / self.finish

    @property
    def key(self) -> str:
        """Changes whenever the tree would."""
        parts = (self.suite, self.variant, self.packages, self.script.read_text(), _TRIM)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]

    @property
    def path(self) -> Path:
        """Where the finished tree lies."""
        return ROOTS / f"{self.name}-{self.key}"


def load() -> dict[str, Root]:
    """Every recipe in lab/roots, by name."""
    found = {}
    for path in sorted(RECIPES.glob("*.toml")):
        data = tomllib.loads(path.read_text())
        found[path.stem] = Root(
            name=path.stem,
            suite=data["suite"],
            variant=data["variant"],
            packages=tuple(data["packages"]),
            finish=data["finish"],
            image=data.get("image", ""),
            config=tuple(data.get("config", ())),
            zoo=data.get("zoo", False),
        )
    return found


def ensure(roots: Iterable[Root]) -> None:
    """Build what is not in the cache, and drop what an interrupted build left (the lab's lock is held)."""
    ROOTS.mkdir(parents=True, exist_ok=True)
    for partial in ROOTS.glob("*.partial"):
        remove_tree(partial)
    missing = [root for root in roots if not root.path.is_dir()]
    if not missing:
        return
    source = debian_source()
    names = ", ".join(root.name for root in missing)
    say(f"building {names} from Debian packages, once; this takes a few minutes")
    try:
        with ThreadPoolExecutor(_BUILDERS) as pool:
            for _ in pool.map(lambda root: _build(root, source), missing):
                pass
    finally:
        cgroups.end(cgroups.BUILD)


def debian_source() -> str:
    """The Debian archive this machine itself uses; the lab brings none of its own."""
    for attempt in range(2):
        listing = run(
            ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Identifier: Packages"]
        )
        for line in listing.splitlines():
            origin, label, uri = line.split("|", 2)
            if (origin, label) == ("Debian", "Debian"):
                return uri
        if attempt == 0:
            run(["apt-get", "update", "-qq"], timeout=300)
    raise LabError("apt on this machine has no Debian archive among its sources: add one and try again.")


def _build(root: Root, source: str) -> None:
    started = time.monotonic()
    partial = ROOTS / f"{root.path.name}.partial"
    # forky and sid are served here with metadata past its date; signatures are checked all the same.
    argv: list[str | Path] = [
        *cgroups.inside(cgroups.BUILD),
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--format=directory",
        f"--variant={root.variant}",
        f"--include={','.join(root.packages)}",
        '--aptopt=Acquire::Check-Valid-Until "false"',
        '--aptopt=Acquire::Check-Date "false"',
        '--aptopt=Acquire::Retries "3"',
        # The JDK's packages link their manual pages into a folder that the trimming leaves out.
        '--essential-hook=mkdir -p "$1/usr/share/man/man1"',
    ]
    argv += [f"--dpkgopt={option}" for option in _TRIM]
    try:
        run([*argv, root.suite, partial, source], timeout=900)
        # Not a hook: mmdebstrap calls none at the end of a tree that is only extracted. What the script
        # mounts is seen by nobody else, and gone with it.
        run([*cgroups.inside(cgroups.BUILD), "unshare", "--mount", root.script, partial], timeout=300)
        partial.rename(root.path)
    except LabError as error:
        remove_tree(partial)
        raise LabError(f"Debian {root.suite} could not be installed as {root.name}.\n{error}") from error
    _drop_older(root)
    say(f"built {root.name} in {time.monotonic() - started:.0f} s")


def _drop_older(root: Root) -> None:
    for path in ROOTS.glob(f"{root.name}-????????????"):
        if path != root.path:
            remove_tree(path)
