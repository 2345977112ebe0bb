# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of the Pythons that hosts may have are on this machine.

Tests of host-side code run on each that is found; one that is missing is named and the tests go on.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# ansible-core 2.19 manages hosts with these.
HOST_PYTHONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
SHIMS = PYENV / "shims"


def answers(python: Path) -> bool:
    """Whether this file is an interpreter that starts; a pyenv shim of a version not selected is not."""
    try:
        probe = subprocess.run([python, "-c", ""], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return probe.returncode == 0


def candidates(version: str) -> list[Path]:
    """Where pythonX.Y may be: on the PATH, or among the versions that pyenv keeps."""
    on_path = [Path(folder) / f"python{version}" for folder in os.get_exec_path()]
    kept = sorted(PYENV.glob(f"versions/{version}.*/bin/python{version}"))
    return [path for path in [*on_path, *kept] if path.is_file() and path.parent != SHIMS]


def find(version: str) -> Path | None:
    """Return the interpreter of that version, or nothing."""
    return next((path for path in candidates(version) if answers(path)), None)


def search_path(first: Path) -> str:
    """PATH on which pythonX.Y starts for each version there is: `first`, the usual, then their folders."""
    found = [path.parent for version in HOST_PYTHONS if (path := find(version))]
    usual = [Path(folder) for folder in os.get_exec_path() if Path(folder) != SHIMS]
    return os.pathsep.join(str(folder) for folder in dict.fromkeys([first, *usual, *found]))


def missing() -> list[str]:
    """Versions that hosts may have and this machine has not."""
    return [version for version in HOST_PYTHONS if find(version) is None]


if __name__ == "__main__":
    print(search_path(Path(sys.executable).parent))
