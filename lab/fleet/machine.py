# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lab asks of the machine it runs on, and how it gets what Debian can give."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .settings import CACHE
from .shell import LabError, run, say

_PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "ip": "iproute2",
    "nc": "netcat-openbsd",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "tar": "tar",
}
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def require_root() -> None:
    """Namespaces, mounts and control groups need root."""
    if os.geteuid() != 0:
        raise LabError("The lab makes namespaces and mounts, which needs root: run it with sudo.")


def require_packages() -> None:
    """Install what is missing from Debian, or say what to install."""
    missing = {package for program, package in _PROGRAMS.items() if shutil.which(program) is None}
    if not _KEYRING.exists():
        missing.add("debian-archive-keyring")
    if not missing:
        return
    names = sorted(missing)
    if shutil.which("apt-get") is None:
        raise LabError(f"The lab needs {', '.join(names)}: install them (this machine has no apt-get).")
    say(f"installing {', '.join(names)} from Debian packages")
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    run(["apt-get", "update", "-qq"], timeout=300)
    run(["apt-get", "install", "-qq", "--yes", "--no-install-recommends", *names], timeout=600)


def require_file_system() -> None:
    """An engine's overlay needs a file system of disk below it, not another overlay or memory."""
    CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    kind = run(["stat", "--file-system", "--format=%T", CACHE]).strip()
    if kind in ("overlayfs", "tmpfs", "nfs"):
        raise LabError(
            f"{CACHE} lies on {kind}, where an engine cannot stack its layers: "
            "set CORDON_LAB_CACHE to a folder on ext4, xfs or btrfs."
        )
    if "overlay" not in Path("/proc/filesystems").read_text():
        raise LabError("This kernel has no overlay file system: load it with `modprobe overlay`.")
