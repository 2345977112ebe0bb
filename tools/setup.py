# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make .venv with the pinned tools, once for each state of the requirements.

Run by the machine's own python3 before anything is installed, so it uses the standard library alone and
only syntax that an older Python can parse before it is told that it is too old.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "setup.stamp"
INPUTS = (
    "requirements.txt",
    "requirements-controller.txt",
    "requirements-dev.txt",
    "constraints.txt",
    "tools/setup.py",
)
SUPPORTED = ((3, 11), (3, 12), (3, 13))


class SetupError(Exception):
    """Set-up cannot go on; the message says what to do."""


def wanted_stamp() -> str:
    """Fingerprint of what is to be installed, by which Python, and where (a moved .venv does not work)."""
    digest = hashlib.sha256()
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    return f"{digest.hexdigest()} {sys.version_info[:2]} {VENV}\n"


def is_current() -> bool:
    """Whether .venv is what a fresh set-up would make."""
    return STAMP.is_file() and STAMP.read_text() == wanted_stamp() and (VENV / "bin" / "python").exists()


def require_python() -> None:
    """Raise SetupError when this Python cannot run the pinned ansible-core."""
    if sys.version_info[:2] not in SUPPORTED:
        found = ".".join(str(number) for number in sys.version_info[:3])
        raise SetupError(
            f"make setup needs Python 3.11 to 3.13 and found {found} as {sys.executable}. "
            "Name another one: make setup PYTHON=/path/to/python3.11"
        )


def require_venv() -> None:
    """Install Debian's package with the venv module when it is missing and we are root, else raise SetupError."""
    if importlib.util.find_spec("ensurepip"):
        return
    install = ["apt-get", "install", "--yes", "-qq", "python3-venv"]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SetupError(f"make setup needs the venv module of Python. On Debian: {' '.join(install)}")
    print("Installing python3-venv from Debian packages …", flush=True)
    subprocess.run(["apt-get", "update", "-qq"], check=True, stdin=subprocess.DEVNULL)
    subprocess.run(install, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def create() -> None:
    """Make .venv anew and install the pinned versions into it."""
    if VENV.exists():
        shutil.rmtree(VENV)
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    install = [str(VENV / "bin" / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    install += ["--requirement", "requirements-dev.txt", "--constraint", "constraints.txt"]
    subprocess.run(install, cwd=ROOT, check=True)


def link_collection() -> None:
    """Let .venv's Python and Ansible find this checkout as the collection cordon.docker."""
    collections = VENV / "collections"
    link = collections / "ansible_collections" / "cordon" / "docker"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(ROOT, link.parent))
    for packages in VENV.glob("lib/python3*/site-packages"):
        (packages / "cordon_docker.pth").write_text(f"{collections}\n")


def main() -> None:
    """Set up unless .venv is current."""
    if is_current():
        return
    require_python()
    require_venv()
    print("Making .venv with the pinned versions (about half a minute) …", flush=True)
    create()
    link_collection()
    STAMP.write_text(wanted_stamp())


if __name__ == "__main__":
    try:
        main()
    except SetupError as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(f"make setup failed: {' '.join(error.cmd)} ended with {error.returncode}")
