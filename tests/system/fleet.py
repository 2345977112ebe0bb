# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test of the whole fleet needs: its hosts, a root shell on them, and our playbooks as a responder types
them.

The lab's root shell goes around Ansible and SSH: it is the independent oracle of these tests.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "lab" / "lab"
BIN = ROOT / ".venv" / "bin"
RUN_SECONDS = 300
# As lab/lab does: a second lab beside the first has another name, and namespaces of its own.
LAB_NAME = os.environ.get("CORDON_LAB_NAME", "cordon-lab")


def lab_inventory() -> Path:
    """Of the lab that CORDON_LAB_NAME names, or the usual one."""
    return Path(subprocess.run([LAB, "inventory"], check=True, capture_output=True, text=True).stdout.strip())


@dataclass(frozen=True)
class Run:
    """One finished command: exit code and what it printed, both streams together in order."""

    code: int
    output: str


@dataclass(frozen=True)
class Fleet:
    """The lab's fleet as the inventory names it."""

    inventory: Path = field(default_factory=lab_inventory)

    @cached_property
    def hostvars(self) -> dict[str, dict[str, Any]]:
        """Host variables by host name, as Ansible reads them from the inventory."""
        done = subprocess.run(
            [BIN / "ansible-inventory", "-i", self.inventory, "--list"],
            check=True,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        return dict(json.loads(done.stdout)["_meta"]["hostvars"])

    @property
    def hosts(self) -> list[str]:
        return sorted(self.hostvars)

    def scenes(self, host: str, kind: str) -> dict[str, dict[str, Any]]:
        """The scenes of a host that are of ``kind`` (breach or neighbour), by container name."""
        staged: dict[str, dict[str, Any]] = self.hostvars[host]["lab_scenes"]
        return {name: scene for name, scene in staged.items() if scene["kind"] == kind}

    def shell(self, host: str, *command: str, check: bool = True) -> str:
        """Run a command as root on a lab host, not through Ansible; its standard output."""
        done = subprocess.run(
            [LAB, "shell", host, *command],
            check=check,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=RUN_SECONDS,
        )
        return done.stdout

    def around(self, host: str | None = None) -> list[str]:
        """The words before a command that is to run in a host's network namespace, or in that of the bridge between
        the hosts, and otherwise here."""
        return ["nsenter", f"--net=/run/netns/{LAB_NAME}{f'.{host}' if host else ''}", "--"]

    def container(self, host: str, name: str, *options: str, image: str = "acme/base:1") -> str:
        """Start a container on a lab host in place of one of the same name; its full ID."""
        self.remove(host, name)
        return self.shell(host, "docker", "run", "--detach", "--name", name, *options, image).strip()

    def remove(self, host: str, *names: str) -> None:
        self.shell(host, "docker", "rm", "--force", "--volumes", *names, check=False)

    def module(
        self, name: str, arguments: dict[str, Any], hosts: list[str], results: Path, check: bool = False
    ) -> dict[str, dict[str, Any]]:
        """Run one of our modules on hosts; what it returned, by host. ``results`` is a folder to leave it in."""
        command = [str(BIN / "ansible"), "-i", str(self.inventory), ",".join(hosts)]
        command += ["-m", f"cordon.docker.{name}", "-a", json.dumps(arguments)]
        command += ["--tree", str(results), *(["--check"] if check else [])]
        done = subprocess.run(
            command,
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=RUN_SECONDS,
            check=False,
        )
        found = {host: results / host for host in hosts}
        assert all(path.exists() for path in found.values()), done.stdout + done.stderr
        return {host: dict(json.loads(path.read_text())) for host, path in found.items()}

    def playbook(self, verb: str, *arguments: str, cwd: Path, inventory: Path | None = None) -> Run:
        """``ansible-playbook playbooks/<verb>.yml -i … <arguments>``, run in the folder ``cwd``."""
        done = subprocess.run(
            [
                BIN / "ansible-playbook",
                ROOT / "playbooks" / f"{verb}.yml",
                "-i",
                inventory or self.inventory,
                *arguments,
            ],
            cwd=cwd,
            # The configuration is named, since the tests run in a folder of their own.
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=RUN_SECONDS,
            check=False,
        )
        return Run(done.returncode, done.stdout)
