# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of a test's own to be contained, and whether anything gets out of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fleet import Fleet

SH = "/bin/sh"
INTRUDER = "cp /bin/busybox /tmp/busybox; /tmp/busybox sleep 9999 & sleep 0.3; rm /tmp/busybox; wait"


@dataclass(frozen=True)
class Beacon:
    """A container that calls another one on its host again and again."""

    fleet: Fleet
    host: str
    name: str
    ear: str

    def calls(self, seconds: float = 2.0) -> int:
        """How many calls got through in that time; those on their way at its start do not count."""
        time.sleep(0.5)
        before = self._heard()
        time.sleep(seconds)
        return self._heard() - before

    def inspect(self) -> dict[str, Any]:
        return inspect(self.fleet, self.host, self.name)

    def _heard(self) -> int:
        # The server tells of each request on its standard error.
        said = self.fleet.shell(self.host, "sh", "-c", f"docker logs {self.ear} 2>&1")
        return said.count("url:/hostname")


@contextmanager
def beacons(fleet: Fleet, hosts: list[str], name: str, *options: str) -> Iterator[dict[str, Beacon]]:
    """One on each host, by host."""
    found = {}
    try:
        for host in hosts:
            ear = f"{name}-ear"
            run(fleet, host, ear, "/bin/busybox", "httpd", "-f", "-vv", "-p", "80", "-h", "/etc")
            address = inspect(fleet, host, ear)["NetworkSettings"]["IPAddress"]
            loop = f"while :; do timeout 1 wget -q -O- http://{address}/hostname; sleep 0.1; done"
            run(fleet, host, name, SH, "-c", loop, options=options)
            found[host] = Beacon(fleet, host, name, ear)
        yield found
    finally:
        for host in hosts:
            clear(fleet, host, name, f"{name}-ear")


def run(fleet: Fleet, host: str, name: str, *command: str, options: tuple[str, ...] = ()) -> str:
    """Start a container in place of one of the same name; its full ID."""
    clear(fleet, host, name)
    words = ("docker", "run", "--detach", "--name", name, *options, "acme/base:1", *command)
    return fleet.shell(host, *words).strip()


def clear(fleet: Fleet, host: str, *names: str) -> None:
    for name in names:
        fleet.shell(host, "docker", "unpause", name, check=False)
        fleet.remove(host, name)


def inspect(fleet: Fleet, host: str, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(fleet.shell(host, "docker", "inspect", name))[0]
    return document


def images(fleet: Fleet, host: str, container_id: str) -> list[str]:
    """The images that were made of a container."""
    label = f"label=cordon.docker.container={container_id}"
    return fleet.shell(host, "docker", "images", "--quiet", "--filter", label).split()
