# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's network: a bridge in a namespace of its own, and one namespace per host."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from .settings import GATEWAY, INTRUDER, NAME, SUBNET, Host
from .shell import run, succeeds

_NETNS = Path("/run/netns")
_BRIDGE = "lab0"


def inside(namespace: str = NAME) -> list[str]:
    """The words before a command that is to run in a network namespace and nowhere else new."""
    return ["nsenter", f"--net={_NETNS / namespace}", "--"]


def make_bridge() -> None:
    """The bridge, with the gateway's and the intruder's address on it."""
    run(["ip", "netns", "add", NAME])
    commands = [
        "link set lo up",
        f"link add {_BRIDGE} type bridge forward_delay 0",
        f"addr add {GATEWAY}/24 dev {_BRIDGE}",
        f"addr add {INTRUDER}/32 dev {_BRIDGE}",
        f"link set {_BRIDGE} up",
    ]
    _batch(NAME, commands)
    # An address with nobody behind it is told apart in 0.3 s instead of 3: "No route to host".
    settings = Path(f"/proc/sys/net/ipv4/neigh/{_BRIDGE}")
    script = f"echo 1 > {settings}/mcast_solicit; echo 300 > {settings}/retrans_time_ms"
    run([*inside(), "sh", "-c", script])


def connect(host: Host) -> None:
    """A namespace for the host, on the bridge."""
    run(["ip", "netns", "add", host.namespace])
    _batch(
        NAME,
        [
            f"link add {host.name} type veth peer name eth0 netns {host.namespace}",
            f"link set {host.name} master {_BRIDGE} up",
        ],
    )
    # The same MAC address at every run keeps the neighbours' caches right.
    _batch(
        host.namespace,
        [
            "link set lo up",
            f"link set eth0 address 02:c0:4d:{SUBNET.split('.')[-1]}:00:{10 + host.number:02x} up",
            f"addr add {host.address}/24 dev eth0",
            f"route add default via {GATEWAY}",
        ],
    )


def isolate(host: Host) -> None:
    """A namespace with nothing but its loopback, for an engine that only builds images."""
    run(["ip", "netns", "add", host.namespace])
    _batch(host.namespace, ["link set lo up"])


def disconnect(host: Host) -> None:
    """Remove one host's namespace; its end of the bridge goes with it."""
    _delete(_NETNS / host.namespace)


def remove() -> None:
    """Remove every namespace of the lab, also those a crash or a reboot left as plain files."""
    for path in _ours():
        _end_visitors(path)
        _delete(path)


def left() -> list[str]:
    """The names of the lab's namespaces that are there."""
    return [path.name for path in _ours()]


def _ours() -> list[Path]:
    found = [_NETNS / NAME, *_NETNS.glob(f"{NAME}.*")]
    return [path for path in found if path.exists()]


def _delete(path: Path) -> None:
    if not succeeds(["ip", "netns", "delete", path.name]):
        succeeds(["umount", "-l", str(path)])
        path.unlink(missing_ok=True)


def _end_visitors(path: Path) -> None:
    """End what entered a namespace from outside, such as the relay of an open SSH connection."""
    here = path.stat()
    own = Path("/proc/self/ns/net").stat()
    if (here.st_dev, here.st_ino) == (own.st_dev, own.st_ino):
        return
    for link in Path("/proc").glob("[0-9]*/ns/net"):
        with contextlib.suppress(OSError):
            found = link.stat()
            if (found.st_dev, found.st_ino) == (here.st_dev, here.st_ino):
                os.kill(int(link.parts[2]), signal.SIGKILL)


def _batch(namespace: str, commands: list[str]) -> None:
    run(["ip", "-n", namespace, "-batch", "-"], stdin="\n".join(commands) + "\n")
