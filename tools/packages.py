# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the checks need of the machine and pip cannot bring. The lab sees to its own."""

from __future__ import annotations

import os
import shutil
import subprocess

from tools.commands import StepError, environment

PROGRAMS = {
    "chromium": "chromium",
    "git": "git",
    "openssl": "openssl",
    "readelf": "binutils",
    "shellcheck": "shellcheck",
    "skopeo": "skopeo",
    "ssh": "openssh-client",
    "tcpdump": "tcpdump",
}


def require() -> None:
    """Install what is missing from Debian packages when root, else raise StepError with what to type."""
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if not missing:
        return
    install = ["apt-get", "install", "--yes", "-qq", "--no-install-recommends", *missing]
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise StepError(f"The checks need {', '.join(missing)}. On Debian: {' '.join(install)}")
    print(f"Installing {', '.join(missing)} from Debian packages …", flush=True)
    for command, seconds in ((["apt-get", "update", "-qq"], 300), (install, 600)):
        done = subprocess.run(
            command,
            env=environment({"DEBIAN_FRONTEND": "noninteractive"}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            raise StepError(f"{done.stdout}\n`{' '.join(command)}` ended with {done.returncode}")
