# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory: how Ansible reaches the fleet from this machine's ordinary namespace."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from .keys import Keys
from .network import inside
from .scenes import Scene
from .settings import INVENTORY, RUN, Host


def write(fleet: Sequence[Host], placed: Mapping[str, Sequence[Scene]], versions: Mapping[str, str]) -> None:
    """Write lab/inventory.yml; JSON strings are YAML strings, so no name can break out of its place."""
    keys = Keys()
    relay = f"{' '.join(inside())} nc %h %p"
    arguments = " ".join(
        [
            f'-o ProxyCommand="{relay}"',
            f"-o UserKnownHostsFile={keys.known_hosts}",
            "-o GlobalKnownHostsFile=/dev/null",
            "-o StrictHostKeyChecking=yes",
            "-o IdentitiesOnly=yes",
        ]
    )
    common = {
        "ansible_user": "responder",
        "ansible_become": True,
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_private_key_file": str(keys.identity),
        "ansible_ssh_common_args": arguments,
        # Two labs have the same addresses: a connection that is kept open must not serve the other one.
        "ansible_control_path_dir": str(RUN / "ssh"),
    }
    lines = [
        "# Written by lab/lab up; gone with lab/lab down.",
        "---",
        "all:",
        "  vars:",
        *(f"    {name}: {json.dumps(value)}" for name, value in common.items()),
        "  children:",
        "    fleet:",
        "      hosts:",
    ]
    for host in fleet:
        lines += _host(host, placed[host.name], versions[host.name])
    lines += ["    compromised:", "      hosts:"]
    broken = [host for host in fleet if any(scene.is_breach for scene in placed[host.name])]
    lines += [f"        {host.name}:" for host in broken]
    INVENTORY.write_text("\n".join(lines) + "\n")


def _host(host: Host, scenes: Sequence[Scene], version: str) -> list[str]:
    facts = {
        "ansible_host": host.address,
        "lab_engine": host.engine.token,
        "lab_engine_version": version,
        "lab_scenes": {scene.name: {"kind": scene.kind, "expect": list(scene.expect)} for scene in scenes},
    }
    lines = [f"          {name}: {json.dumps(value)}" for name, value in facts.items()]
    return [f"        {host.name}:", *lines]
