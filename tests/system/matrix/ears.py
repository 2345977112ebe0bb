# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is heard of the containers from outside: beside the hosts, and at the resolver of each host.

The listeners are this machine's own processes in the namespaces of the lab's bridge and hosts: see outside.py.
"""

from __future__ import annotations

import itertools
import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from fleet import Fleet
from matrix.ground import DNS, LAB_ADDRESS6, TCP, Ground

_OUTSIDE = Path(__file__).with_name("outside.py")
_BRIDGE = "lab0"
_SECONDS_TO_ANSWER = 2.0
SSH_EVERY = 0.25


@dataclass(frozen=True)
class Beat:
    """A sign of life; ``flow`` numbers an established connection."""

    time: float
    host: str
    row: str
    channel: str
    flow: int


class Ears:
    """Context manager: listens, and keeps an SSH session to each host going."""

    def __init__(self, fleet: Fleet, grounds: Iterable[Ground], folder: Path) -> None:
        self._fleet = fleet
        self._grounds = tuple(grounds)
        self._folder = folder
        self._processes: list[subprocess.Popen[str]] = []
        self._sessions: dict[str, subprocess.Popen[str]] = {}
        self._read: dict[Path, int] = {}
        self._beats: list[Beat] = []
        self._reading = threading.Lock()

    def __enter__(self) -> Ears:
        self._addresses("add")
        self._start(None, str(DNS), str(TCP))
        for ground in self._grounds:
            self._start(ground.host, "53")
            self._open_ssh(ground)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()
        self._addresses("delete")

    def beats(self, host: str, since: float, until: float | None = None) -> list[Beat]:
        """The host's beats between two moments, as far as they are written by now."""
        with self._reading:
            for path, read in self._read.items():
                self._read[path] = self._take(path, read)
            return [
                beat
                for beat in self._beats
                if beat.host == host and since <= beat.time and (until is None or beat.time <= until)
            ]

    def ssh_silence(self, host: str) -> float:
        """The longest time between two signs of life over the open SSH session, in seconds."""
        times = [float(line) for line in self._ssh(host).read_text().split()]
        return max(later - earlier for earlier, later in itertools.pairwise(times))

    def ssh_lives(self, host: str) -> bool:
        return self._sessions[host].poll() is None

    def ask(self, urls: dict[str, str]) -> dict[str, str | None]:
        """What each URL answers from beside the hosts; null for nothing."""
        done = subprocess.run(
            [*self._fleet.around(), sys.executable, _OUTSIDE, "ask", str(_SECONDS_TO_ANSWER)],
            input=json.dumps(urls),
            capture_output=True,
            text=True,
            check=True,
        )
        return dict(json.loads(done.stdout))

    def _take(self, path: Path, read: int) -> int:
        with path.open() as file:
            file.seek(read)
            for line in iter(file.readline, ""):
                if not line.endswith("\n"):
                    break
                read += len(line.encode())
                found: dict[str, Any] = json.loads(line)
                row, _dot, host = found["row"].partition(".")
                self._beats.append(Beat(found["time"], host, row, found["channel"], found["flow"]))
        return read

    def _start(self, host: str | None, *ports: str) -> None:
        path = self._folder / f"heard-{host or 'outside'}.jsonl"
        path.touch()
        self._read[path] = 0
        command = [*self._fleet.around(host), sys.executable, str(_OUTSIDE), "listen", str(path), *ports]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self._processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", f"no listener at {host or 'the bridge'}"

    def _ssh(self, host: str) -> Path:
        return self._folder / f"ssh-{host}"

    def _open_ssh(self, ground: Ground) -> None:
        facts = self._fleet.hostvars[ground.host]
        command = ["ssh", "-i", facts["ansible_ssh_private_key_file"], "-o", "ControlPath=none"]
        command += [*shlex.split(facts["ansible_ssh_common_args"]), "-o", f"HostName={ground.address}"]
        command += [f"responder@{ground.host}", f"while sleep {SSH_EVERY}; do date +%s.%N; done"]
        with self._ssh(ground.host).open("w") as output:
            session = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, text=True)
        self._sessions[ground.host] = session
        self._processes.append(session)

    def _addresses(self, verb: str) -> None:
        """The bridge's IPv6 address, and the way to each host's containers."""
        commands = [f"address {verb} {LAB_ADDRESS6}/64 dev {_BRIDGE}"]
        if verb == "add":
            commands[0] += " nodad"
            commands += [f"route replace {one.subnet6} via {one.address6}" for one in self._grounds]
        for command in commands:
            subprocess.run([*self._fleet.around(), "ip", "-6", *command.split()], check=verb == "add")
