# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a container can be met again elsewhere: hashes, addresses, command lines, keys, timed jobs.

An observation is strong where the line it comes from is evidence of a sign of a break-in.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.clocks import MICRO, Clock, micros
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import EvidenceRef
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.found import read_rows
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.jndi import find_lookups

Kind = Literal["file-hash", "remote", "command-line", "ssh-key", "cron"]
Way = Literal["out", "in", ""]

LOGS = ("logs/hits.jsonl", "logs/tail.jsonl")
_LEAST_BYTES = 16  # shorter files, such as those that hold a PID, are alike by accident
_FOREIGN = frozenset(("upper", "volume", "deleted", "memfd"))
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CRON = re.compile(r"/(?:etc/crontab|etc/cron\.[a-z]{1,16}/|var/spool/cron/|etc/periodic/)")
_KEYS = re.compile(r"/authorized_keys2?\Z")
_KEY = re.compile(r"\b((?:ssh|ecdsa|sk)-[a-z0-9@.-]{3,60} [A-Za-z0-9+/]{40,2000}={0,3})")
_CLIENT = re.compile(r"\[?([0-9a-fA-F:.]{3,45})\]?(?::[0-9]{1,5})?\s")
_MOST_LINES = 50  # of one list of timed jobs or keys


@dataclass(frozen=True)
class Observation:
    """`us` is when, by the clock of the fleet; `what` is for people; `way` says of an address who turned to whom."""

    kind: Kind
    value: str
    us: int | None
    ref: EvidenceRef
    strong: bool
    what: str = ""
    way: Way = ""


class Observer:
    """Looks through one container; `strong` are the lines that signs of a break-in name."""

    def __init__(self, container: ContainerEvidence, clock: Clock, strong: frozenset[EvidenceRef]) -> None:
        self._container = container
        self._clock = clock
        self._strong = strong
        self._started: dict[int, tuple[int | None, bool]] = {}

    def all(self) -> Iterator[Observation]:
        """Everything, processes first: who holds a connection is known then."""
        yield from self._processes()
        yield from self._connections()
        for item in ("layer.jsonl", "volumes.jsonl"):
            yield from self._files(item)
        for item in LOGS:
            yield from self._requests(item)

    def connections(self) -> Iterator[Observation]:
        """The connections alone."""
        for _dummy in self._processes():
            pass
        yield from self._connections()

    def _seen(
        self, kind: Kind, value: str, us: int | None, ref: EvidenceRef, what: str = "", way: Way = ""
    ) -> Observation:
        return Observation(kind, value, us, ref, ref in self._strong, what, way)

    def _time(self, value: Any) -> int | None:
        us = micros(value)
        return None if us is None else us - self._clock.ahead_us

    def _processes(self) -> Iterator[Observation]:
        for line, row in self._container.stream("processes.jsonl"):
            ref, us = self._container.ref("processes.jsonl", line), self._time(row.get("started"))
            pid = values.integer(row.get("pid"))
            if pid is not None and len(self._started) < 100_000:
                self._started[pid] = (us, ref in self._strong)
            command = " ".join(values.texts(row.get("cmdline"), 64)).strip()[: values.MAX_TEXT]
            if command:
                yield self._seen("command-line", command, us, ref, command)
            exe = values.record(row.get("exe"))
            digest = values.text(exe.get("sha256"), 64)
            if exe.get("state") in _FOREIGN and _SHA256.fullmatch(digest):
                yield self._seen("file-hash", digest, us, ref, values.text(exe.get("path")))

    def _connections(self) -> Iterator[Observation]:
        """Only those that a sign of a break-in names, or that a process it names holds."""
        table = self._container.sockets
        for socket in table.sockets:
            ref = self._container.ref("sockets.jsonl", socket.line)
            began, held = self._started.get(socket.pid or -1, (None, False))
            address = usable(socket.remote_address)
            if socket.is_connected and address and (held or ref in self._strong):
                way: Way = "out" if table.is_outbound(socket) else "in"
                yield Observation("remote", address, began, ref, True, socket.remote, way)

    def _files(self, item: str) -> Iterator[Observation]:
        started = self._container.started
        for line, row in self._container.stream(item, (b'"sha256":"', b'"sha256": "')):
            digest, path = values.text(row.get("sha256"), 64), values.text(row.get("path"))
            ref, us = self._container.ref(item, line), self._time(row.get("ctime"))
            if not _SHA256.fullmatch(digest) or not self._is_new(item, row, started):
                continue
            kind = _special(path)
            if kind is not None:
                for value in _contents(kind, row, digest):
                    yield self._seen(kind, value, us, ref, path)
            elif ref in self._strong or _matters(row):
                yield self._seen("file-hash", digest, us, ref, path)

    def _is_new(self, item: str, row: dict[str, Any], started: float | None) -> bool:
        """Whether the file is not the image's, and not what a volume held before the container came."""
        if item == "layer.jsonl":
            return row.get("kind") in ("A", "C") or row.get("content_changed") is True
        changed = max(micros(row.get("ctime")) or 0, micros(row.get("mtime")) or 0)
        return started is None or changed > started * MICRO

    def _requests(self, item: str) -> Iterator[Observation]:
        """Who asked, and the servers that lookups name, in lines that are evidence."""
        base = self._container.ref(item)
        lines = frozenset(
            ref.line for ref in self._strong if (ref.bag, ref.path) == (base.bag, base.path) and ref.line
        )
        for line, row in read_rows(self._container.folder / item, lines) if lines else ():
            text, us = values.text(row.get("line"), 16_384), self._time(row.get("time"))
            ref = self._container.ref(item, line)
            client = _CLIENT.match(text)
            asked: list[tuple[str, Way]] = [(client.group(1), "in")] if client else []
            asked += [(lookup.server.strip("[]"), "out") for lookup in find_lookups(text) if lookup.server]
            for name, way in asked:
                address = usable(name)
                if address:
                    yield self._seen("remote", address, us, ref, address, way)


def ordinary_hashes(container: ContainerEvidence) -> Iterator[str]:
    """Hashes of programs that run from the image. A copy of one under another name is odd, but its hash is a clue to
    nothing: everybody has the original."""
    for _dummy, row in container.stream("processes.jsonl"):
        exe = values.record(row.get("exe"))
        digest = values.text(exe.get("sha256"), 64)
        if exe.get("state") == "image" and _SHA256.fullmatch(digest):
            yield digest


def own_addresses(container: ContainerEvidence) -> Iterator[tuple[str, bool]]:
    """Addresses of a container and of its gateways, and whether each is the container's own."""
    settings = values.record(container.inspect.get("NetworkSettings"))
    for network in map(values.record, [settings, *values.record(settings.get("Networks")).values()]):
        for option in ("IPAddress", "GlobalIPv6Address", "Gateway", "IPv6Gateway"):
            address = usable(values.text(network.get(option), 64))
            if address:
                yield address, "Gateway" not in option


def usable(text: str) -> str | None:
    """The address in its usual spelling where it is that of another machine, else None."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return None if address.is_loopback or address.is_unspecified or address.is_multicast else str(address)


def _special(path: str) -> Kind | None:
    if _KEYS.search(path):
        return "ssh-key"
    return "cron" if _CRON.match(path) else None


def _contents(kind: Kind, row: dict[str, Any], digest: str) -> list[str]:
    """The keys or jobs themselves where the evidence has the file's head, else the hash of the file."""
    head = row.get("head")
    lines = [line.strip() for line in head.split("\n")[:_MOST_LINES]] if isinstance(head, str) else []
    if kind == "ssh-key":
        found = [match.group(1) for line in lines for match in _KEY.finditer(line[: values.MAX_TEXT])]
    else:
        # Without the settings at the top of each such file: those are the same everywhere.
        found = [line[:1000] for line in lines if re.match(r"[0-9*@]", line)]
    return list(dict.fromkeys(found)) or ([f"sha256:{digest}"] if (row.get("bytes") or 0) != 0 else [])


def _matters(row: dict[str, Any]) -> bool:
    size = values.integer(row.get("bytes")) or 0
    return size >= _LEAST_BYTES and (row.get("executable") is True or isinstance(row.get("code"), str))
