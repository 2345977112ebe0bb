# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host's own docker, ps and ss say of containers, as JSON. Runs on the host; shares no code with ours."""

from __future__ import annotations

import json
import re
import subprocess
import sys


def output(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def listeners(pid: int) -> list[int]:
    """Ports on which something listens in the network namespace of a process."""
    lines = output("nsenter", "-t", str(pid), "-n", "ss", "-Hltn").splitlines()
    return sorted({int(line.split()[3].rpartition(":")[2]) for line in lines})


def processes(name: str) -> list[list[str]]:
    """PID, parent and command as the engine's top tells them, which is the host's ps."""
    lines = output("docker", "top", name, "-o", "pid,ppid,comm").splitlines()[1:]
    return sorted(line.split(None, 2) for line in lines)


def peer(pid: int) -> str | None:
    """The host's end of eth0, by the number that the link carries in its namespace."""
    inner = output("nsenter", "-t", str(pid), "-n", "ip", "-o", "link", "show", "eth0")
    match = re.match(r"\d+: eth0@if(\d+):", inner)
    if match is None:
        return None
    outer = re.search(rf"^{match.group(1)}: ([^:@]+)", output("ip", "-o", "link"), re.MULTILINE)
    return outer.group(1) if outer else None


def main() -> None:
    found = {}
    for name in sys.argv[1:]:
        (inspect,) = json.loads(output("docker", "inspect", name))
        pid = inspect["State"]["Pid"]
        changes = [line.split(" ", 1) for line in output("docker", "diff", name).splitlines()]
        entry = {
            "inspect": inspect,
            "changes": sorted(changes),
            "logs": output("docker", "logs", name).splitlines(),
        }
        if pid:
            entry["processes"] = processes(name)
            if inspect["HostConfig"]["NetworkMode"] != "host":
                entry["listeners"] = listeners(pid)
                entry["peer"] = peer(pid)
        found[name] = entry
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
