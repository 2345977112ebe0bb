# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's hosts as the benchmarks reach them: through its root shell, and through ssh as Ansible would."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BENCH = ROOT / "bench"
BIN = ROOT / ".venv" / "bin"
LAB = ROOT / "lab" / "lab"
INVENTORY = ROOT / "lab" / "inventory.yml"
IMAGE = "acme/base:1"
ENV = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}


def all_hostvars(inventory: Path) -> dict[str, dict[str, Any]]:
    """Host variables by host, as Ansible reads them."""
    listing: list[str | Path] = [BIN / "ansible-inventory", "-i", inventory, "--list"]
    done = subprocess.run(listing, check=True, capture_output=True)
    return dict(json.loads(done.stdout)["_meta"]["hostvars"])


def ssh(hostvars: dict[str, Any], command: str) -> list[str]:
    """The ssh command that Ansible would use, with one master connection kept open as Ansible keeps one."""
    return [
        "ssh",
        *("-o", "ControlMaster=auto", "-o", "ControlPersist=60s", "-o", "ControlPath=/tmp/cordon-bench-%C"),
        *shlex.split(hostvars["ansible_ssh_common_args"]),
        *("-i", hostvars["ansible_ssh_private_key_file"]),
        f"{hostvars['ansible_user']}@{hostvars['ansible_host']}",
        command,
    ]


def shell(host: str, *command: str, stdin: bytes = b"") -> str:
    """Run a command as root on a lab host; its standard output. Raises CalledProcessError."""
    done = subprocess.run([LAB, "shell", host, *command], check=True, input=stdin, stdout=subprocess.PIPE)
    return done.stdout.decode()
