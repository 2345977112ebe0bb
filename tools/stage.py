# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lay out build/ansible_collections/cordon/docker, the copy of the checkout that ansible-test works in.

ansible-test insists on that path and resolves symbolic links, so the files are copied: those that git knows
or would take, less the rooms that are no part of the collection or of ansible-test's own tests.
"""

from __future__ import annotations

import filecmp
import shutil
import subprocess
from pathlib import Path

from tools import get_pip

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
LEFT_OUT = (
    ".ansible-lint",
    ".ci/",
    "bench/",
    "lab/",
    "noxfile.py",
    "tests/browser/",
    "tests/system/",
    "tools/",
)
# What ansible-test and the integration step make inside the copy.
KEPT = (".git", "tests/output", "tests/integration/integration_config.yml")
# The get-pip versions that ansible-core 2.17 to 2.22 ask for.
GET_PIP_VERSIONS = ("23_1_2", "24_2", "25_2")


def wanted_files() -> list[Path]:
    """Paths, relative to the checkout, of what belongs in the copy."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = sorted(name for name in set(listed.split("\0")) if name and not name.startswith(LEFT_OUT))
    return [Path(name) for name in names if (ROOT / name).is_file()]


def copy_changed(files: list[Path], staged: Path) -> None:
    """Copy what differs, leaving other files and their times alone, which keeps caches warm."""
    for name in files:
        source, target = ROOT / name, staged / name
        if target.is_file() and filecmp.cmp(source, target, shallow=False):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def remove_others(files: list[Path], staged: Path) -> None:
    """Remove what is no longer in the checkout, and folders that this leaves empty."""
    wanted = {name.as_posix() for name in files}
    for path in sorted(staged.rglob("*"), reverse=True):
        name = path.relative_to(staged).as_posix()
        if name in wanted or name.startswith(KEPT):
            continue
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        elif not any(path.iterdir()):
            path.rmdir()


def provide_get_pip() -> None:
    """Put the stand-in where ansible-test looks before it downloads; a real one that is there stays."""
    cache = Path.home() / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in GET_PIP_VERSIONS:
        target = cache / f"get_pip_{version}.py"
        if not target.exists():
            shutil.copyfile(get_pip.__file__, target)


def stage(collections: Path = BUILD) -> Path:
    """Bring the copy under `collections` up to date and return where it is."""
    staged = collections / "ansible_collections" / "cordon" / "docker"
    staged.mkdir(parents=True, exist_ok=True)
    files = wanted_files()
    remove_others(files, staged)
    copy_changed(files, staged)
    # A repository of its own: else ansible-test would ask the checkout's, which ignores build/.
    subprocess.run(["git", "init", "--quiet", str(staged)], check=True)
    provide_get_pip()
    return staged


if __name__ == "__main__":
    print(stage().relative_to(ROOT))
