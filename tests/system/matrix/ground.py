# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One lab host with the whole matrix on it: its networks, its containers, and the states they are brought into.

Everything here is done with docker and ip, as an administrator would, and nothing with our collection.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fleet import Fleet
from matrix.rows import BESIDE, EXITED, PAUSED, PREFIX, RESTARTING, RUNNING, Row, on

LAB_ADDRESS = "10.213.7.1"
LAB_ADDRESS6 = "fd00:c0de::1"
TCP, DNS = 7001, 7002
# All that a container does, by one binary: a web server, an established flow, and questions to DNS servers.
BEACON = f"""
[ -z "$GATE" ] || [ -e "$GATE" ] || exit 1
B=/bin/busybox
beat() {{ while :; do $B nslookup -type=a "$ROW.mx" $1; $B sleep 1; done; }}
exec >/dev/null 2>&1
$B mkdir -p /www; echo "$ROW" > /www/name; $B httpd -p "$PORT" -h /www
while :; do $B nc {LAB_ADDRESS} {TCP} -e $B sh -c "echo $ROW; exec $B cat"; $B sleep 1; done &
[ -z "$SIX" ] || beat "[{LAB_ADDRESS6}]:{DNS}" &
[ -z "$NAMED" ] || beat &
beat "{LAB_ADDRESS}:{DNS}"
"""
OVERLAY = "172.30.94."
_ORACLE = Path(__file__).with_name("oracle.py").read_text()
_PATIENCE = 60.0
_DECOYS = "mxdecoy"


@dataclass(frozen=True)
class Ground:
    """A host of the fleet; ``address`` is its IPv4 address, whose last number is its own."""

    fleet: Fleet
    host: str
    engine: str
    address: str

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        return on(self.engine)

    @property
    def number(self) -> int:
        return int(self.address.rpartition(".")[2])

    @property
    def address6(self) -> str:
        return f"fd00:c0de::{self.number}"

    @property
    def subnet6(self) -> str:
        return f"fd00:c0de:{self.number}::/64"

    def shell(self, script: str, check: bool = True) -> str:
        return self.fleet.shell(self.host, "sh", "-c", script, check=check)

    def raise_networks(self) -> None:
        live = 96 + 16 * (self.number % 9)
        self.shell(f"""set -e
            mkdir -p /run/mx/live /run/mx/lone/bin
            cp /etc/resolv.conf /run/mx/resolv.conf
            echo 'nameserver 127.0.0.1' > /etc/resolv.conf
            ip address add {self.address6}/64 dev eth0 nodad
            docker swarm init --advertise-addr {self.address}
            docker network create --subnet 172.30.91.0/24 {PREFIX}user
            docker network create --subnet 172.30.92.0/24 {PREFIX}second
            docker network create --ipv6 --subnet 172.30.93.0/24 --subnet {self.subnet6} {PREFIX}six
            docker network create -d macvlan -o parent=eth0 --subnet 10.213.7.0/24 --gateway {LAB_ADDRESS} \
                --ip-range 10.213.7.{live}/28 {PREFIX}macvlan
            docker network create -d overlay --attachable --subnet {OVERLAY}0/24 {PREFIX}overlay
            docker create --name {PREFIX}seed acme/base:1
            docker cp {PREFIX}seed:/bin/busybox /run/mx/lone/bin/busybox
            docker rm {PREFIX}seed
            tar -C /run/mx/lone -c bin | docker import - {PREFIX}lone:1
        """)

    def raise_containers(self) -> None:
        """All running, whatever state their rows are about."""
        rows = (*self.rows, *BESIDE)
        own = [row for row in rows if not row.joins and not row.service]
        joining = [row for row in rows if row.joins]
        lines = [f"BEACON={shlex.quote(BEACON)}", *(self._creation(row) for row in own)]
        lines += [
            f"docker network connect --alias second {row.second} {row.container}"
            for row in rows
            if row.second
        ]
        lines += [
            _each("docker start", own),
            *(self._creation(row) for row in joining),
            _each("docker start", joining),
        ]
        self.shell("set -e\n" + "\n".join(lines))

    def _creation(self, row: Row) -> str:
        command = ["docker", "service" if row.service else "create"]
        if row.service:
            command += ["create", "--detach", "--no-resolve-image", "--container-label", _label(row)]
            command += ["--publish", f"mode=host,target={row.port},published={row.port}"]
        else:
            ports = [row.port] if row.published else []
            ports += [one.port for one in self.rows if one.joins and row.container in " ".join(one.options)]
            command += [word for port in ports for word in ("--publish", f"{port}:{port}")]
            command += ["--label", _label(row)]
        if row.state == RESTARTING:
            command += ["--volume", "/run/mx/live:/live:ro", "--env", f"GATE=/live/{row.name}"]
        for name, value in (
            ("ROW", self.told(row)),
            ("PORT", str(row.port)),
            ("SIX", "1" if "datagram6" in row.carries else ""),
            ("NAMED", "1" if "resolver" in row.carries else ""),
        ):
            command += ["--env", f"{name}={value}"]
        command += [
            "--name",
            row.container,
            "--entrypoint",
            "/bin/busybox",
            *row.options,
            row.image,
            "sh",
            "-c",
        ]
        gate = f"touch /run/mx/live/{row.name}; " if row.state == RESTARTING else ""
        return gate + shlex.join(command) + ' "$BEACON"'

    def told(self, row: Row) -> str:
        """What the row's container calls itself: rows are the same on all hosts."""
        return f"{row.name}.{self.host}"

    def raise_service(self) -> None:
        lines = [self._creation(row) for row in self.rows if row.service]
        self.shell("\n".join([f"BEACON={shlex.quote(BEACON)}", *lines]))

    def container(self, row: Row) -> str:
        """The name of the row's container: Swarm gives its own."""
        if not row.service:
            return row.container
        label = f"com.docker.swarm.service.name={row.container}"
        return self.shell(f"docker ps --filter label={label} --format '{{{{.Names}}}}' | head -1").strip()

    @cached_property
    def names(self) -> dict[str, str]:
        """Containers by row, once all run."""
        return {row.name: self.container(row) for row in (*self.rows, *BESIDE)}

    def settle(self, rows: Iterable[Row]) -> None:
        """Bring those that run into the states that their rows are about, and wait until they are."""
        rows = [row for row in rows if row.state != RUNNING]
        restarting = _in(RESTARTING, rows)
        flags = " ".join(f"/run/mx/live/{row.name}" for row in restarting)
        self.shell(f"""
            {_each("docker kill", _in(EXITED, rows))}
            rm -f {flags}
            kill -9 $(docker inspect -f '{{{{.State.Pid}}}}' {_names(restarting)} | grep -v '^0$')
            true
        """)
        ends = time.monotonic() + _PATIENCE
        while rows and (states := self._states(rows)) != [row.state for row in rows]:
            assert time.monotonic() < ends, f"{self.host}: {[row.name for row in rows]} are {states}"
            # On cgroup version 1 runc gives up freezing what forks faster than it looks: tried again.
            awake = [
                row
                for row, state in zip(rows, states, strict=True)
                if (row.state, state) == (PAUSED, RUNNING)
            ]
            self.shell(_each("docker pause", awake), check=False)

    def _states(self, rows: Sequence[Row]) -> list[str]:
        return self.shell(f"docker inspect -f '{{{{.State.Status}}}}' {_names(rows)}").split()

    def rest(self, rows: Iterable[Row]) -> None:
        """What was woken while it was contained: back to how it was left."""
        rows = tuple(rows)
        self.shell(f"{_each('docker pause', _in(PAUSED, rows))}; {_each('docker kill', _ended(rows))}", False)

    def wake(self, rows: Iterable[Row]) -> None:
        """Let all run that do not, as an administrator would, or an intruder with the engine's socket."""
        rows = tuple(rows)
        flags = " ".join(f"/run/mx/live/{row.name}" for row in _in(RESTARTING, rows))
        self.shell(f"""
            [ -z "{flags}" ] || touch {flags}
            {_each("docker unpause", _in(PAUSED, rows))}
            {_each("docker start", _ended(rows))}
        """)

    def raise_decoys(self) -> None:
        """Links whose numbers are easily mistaken for those of containers, in the bridge and up.

        For a link 29: 129 and 290, with the same other end's number. For the overlay's link, whose peer is in a
        namespace of the engine's: a link of the host with that very number.
        """
        near = {"bridge-running": ("1{}", "{}0"), "overlay-running": ("{}",)}
        seen = self.see([row for row in self.rows if row.name in near])["inside"]
        lines: list[str] = []
        for row, forms in near.items():
            link = next(one for one in seen[self.names[row]]["links"] if one["ifname"] == "eth0")
            for form in forms:
                name, number = f"{_DECOYS}{len(lines)}", form.format(link["link_index"])
                lines.append(f"""ip netns add {name}
                    ip link add {name} index {number} type veth peer name eth0 index {link["ifindex"]} netns {name}
                    ip link set {name} master docker0 up
                    ip -n {name} link set eth0 up""")
        self.shell("\n".join(lines))

    def decoys(self, seen: dict[str, Any]) -> dict[str, dict[str, Any]]:
        return {one["ifname"]: one for one in seen["links"] if one["ifname"].startswith(_DECOYS)}

    def see(self, rows: Sequence[Row] = ()) -> dict[str, Any]:
        """The host's own word on the containers: see oracle.py."""
        names = [self.names[row.name] for row in rows or (*self.rows, *BESIDE) if row.name in self.names]
        found = json.loads(self.fleet.shell(self.host, "python3", "-c", _ORACLE, *names))
        return dict(found)

    def urls(self) -> dict[str, str]:
        """Where each row that answers from outside does so, by row and channel."""
        found = {}
        form = f'{{{{.Name}}}} {{{{(index .NetworkSettings.Networks "{PREFIX}macvlan").IPAddress}}}}'
        bare_ones = _names(row for row in self.rows if row.bare)
        own = dict(
            line.split() for line in self.shell(f"docker inspect -f '{form}' {bare_ones}").splitlines()
        )
        for row in (*self.rows, *BESIDE):
            bare = own.get(f"/{row.container}")
            if "inbound" in row.carries:
                found[f"{row.name} inbound"] = f"http://{bare or self.address}:{row.port}/name"
            if "inbound6" in row.carries:
                found[f"{row.name} inbound6"] = f"http://[{self.address6}]:{row.port}/name"
        return found

    def raise_all(self) -> None:
        self.raise_service()
        self.raise_containers()
        ends = time.monotonic() + _PATIENCE
        while not all(self.container(row) for row in self.rows if row.service):
            assert time.monotonic() < ends, f"{self.host}: Swarm starts no task"
            time.sleep(0.5)
        self.raise_decoys()

    def lower(self) -> None:
        """Remove all of it, whatever became of it."""
        self.shell(
            f"""
            docker service rm $(docker service ls --quiet --filter name={PREFIX})
            docker unpause $(docker ps --quiet --filter status=paused --filter name={PREFIX})
            docker rm --force --volumes $(docker ps --all --quiet --filter name={PREFIX})
            docker network rm $(docker network ls --quiet --filter name={PREFIX})
            docker swarm leave --force
            docker network rm docker_gwbridge
            docker rmi --force {PREFIX}lone:1
            for name in $(ip -br link | sed -n 's/^\\({_DECOYS}[0-9]*\\)@.*/\\1/p'); do
                ip link delete "$name"; ip netns delete "$name"
            done
            ip address delete {self.address6}/64 dev eth0
            [ ! -e /run/mx/resolv.conf ] || cat /run/mx/resolv.conf > /etc/resolv.conf
            rm -rf /run/mx /run/cordon
            """,
            check=False,
        )


def _label(row: Row) -> str:
    if row in BESIDE:
        return "mx=beside"
    return "mx=killed" if row.killed else "mx=contained"


def _in(state: str, rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.state == state]


def _ended(rows: Iterable[Row]) -> list[Row]:
    """Those that a containment leaves exited."""
    return [row for row in rows if row.state in (EXITED, RESTARTING)]


def _names(rows: Iterable[Row]) -> str:
    return " ".join(row.container for row in rows)


def _each(command: str, rows: Sequence[Row]) -> str:
    """Four at once: the engine spends half of the time waiting."""
    return f"echo {_names(rows)} | xargs -r -n 1 -P 4 {command}"
