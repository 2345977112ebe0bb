# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what the engine answers to named values. Pure: no calls, and nothing an engine says makes it raise."""

from __future__ import annotations

from typing import Any, Dict, Iterable

Document = Dict[str, Any]
_KINDS = {0: "C", 1: "A", 2: "D"}
# How ps titles its columns, and what the values are called here.
_COLUMNS = {
    "PID": "pid",
    "PPID": "ppid",
    "UID": "user",
    "USER": "user",
    "CMD": "command",
    "COMMAND": "command",
    "ARGS": "command",
    "C": "cpu",
    "%CPU": "cpu_percent",
    "%MEM": "memory_percent",
    "STIME": "started",
    "START": "started",
    "STARTED": "started",
    "TIME": "cpu_time",
    "TTY": "tty",
    "TT": "tty",
    "STAT": "state",
    "S": "state",
}


def container_view(inspect: Document, row: Document | None = None) -> Document:
    """What ``docker ps`` (``row``, where there is one) and ``docker inspect`` say, by name.

    Times are RFC 3339 UTC as the engine wrote them, null for what has not happened.
    """
    state, config, host = (mapping(inspect.get(key)) for key in ("State", "Config", "HostConfig"))
    row = row or {}
    return {
        "image": config.get("Image"),
        "image_id": inspect.get("Image"),
        "created": moment(inspect.get("Created")),
        "started": moment(state.get("StartedAt")),
        "finished": moment(state.get("FinishedAt")),
        "status": row.get("Status") or state.get("Status"),
        "state": state.get("Status"),
        "exit_code": state.get("ExitCode"),
        "pid": state.get("Pid") or None,
        "command": [inspect.get("Path"), *items(inspect.get("Args"))] if inspect.get("Path") else [],
        "entrypoint": items(config.get("Entrypoint")),
        "user": config.get("User") or None,
        "hostname": config.get("Hostname"),
        "labels": mapping(config.get("Labels")),
        "ports": ports(inspect),
        "networks": networks(inspect),
        "mounts": mounts(inspect),
        "network_mode": host.get("NetworkMode"),
        "pid_mode": host.get("PidMode") or None,
        "privileged": bool(host.get("Privileged")),
        "capabilities_added": items(host.get("CapAdd")),
        "security_options": items(host.get("SecurityOpt")),
        "restart_policy": restart_policy(host),
        "auto_remove": bool(host.get("AutoRemove")),
        "log_driver": mapping(host.get("LogConfig")).get("Type"),
        "log_path": inspect.get("LogPath") or None,
    }


def ports(inspect: Document) -> list[Document]:
    """Each published port, and each that is only exposed with neither address nor port of the host."""
    published = mapping(mapping(inspect.get("NetworkSettings")).get("Ports"))
    return [
        _port(key, mapping(binding))
        for key in sorted(published, key=_port_order)
        for binding in items(published[key]) or [{}]
    ]


def _port(key: str, binding: Document) -> Document:
    port, _slash, protocol = key.partition("/")
    return {
        "host_ip": binding.get("HostIp") or None,
        "host_port": number(binding.get("HostPort")),
        "container_port": number(port),
        "protocol": protocol or "tcp",
    }


def networks(inspect: Document) -> list[Document]:
    """Each network the container is on, by name; addresses are null while it does not run."""
    attached = mapping(mapping(inspect.get("NetworkSettings")).get("Networks"))
    return [_network(name, mapping(attached[name])) for name in sorted(attached)]


def _network(name: str, endpoint: Document) -> Document:
    return {
        "name": name,
        "id": endpoint.get("NetworkID") or None,
        "ip_address": endpoint.get("IPAddress") or None,
        "prefix_length": endpoint.get("IPPrefixLen") or None,
        "gateway": endpoint.get("Gateway") or None,
        "ipv6_address": endpoint.get("GlobalIPv6Address") or None,
        "ipv6_prefix_length": endpoint.get("GlobalIPv6PrefixLen") or None,
        "ipv6_gateway": endpoint.get("IPv6Gateway") or None,
        "mac_address": endpoint.get("MacAddress") or None,
        "aliases": items(endpoint.get("Aliases")),
    }


def mounts(inspect: Document) -> list[Document]:
    """Each mount by destination, with the path on the host; what --tmpfs makes is only in HostConfig."""
    found = [_mount(mapping(entry)) for entry in items(inspect.get("Mounts"))]
    known = {entry["destination"] for entry in found}
    temporary = mapping(mapping(inspect.get("HostConfig")).get("Tmpfs"))
    for destination, options in temporary.items():
        if destination not in known:
            found.append(
                {
                    "type": "tmpfs",
                    "name": None,
                    "source": None,
                    "destination": destination,
                    "mode": str(options),
                    "rw": "ro" not in str(options).split(","),
                    "propagation": None,
                }
            )
    return sorted(found, key=lambda entry: str(entry["destination"]))


def _mount(entry: Document) -> Document:
    return {
        "type": entry.get("Type"),
        "name": entry.get("Name") or None,
        "source": entry.get("Source") or None,
        "destination": entry.get("Destination"),
        "mode": entry.get("Mode") or "",
        "rw": bool(entry.get("RW")),
        "propagation": entry.get("Propagation") or None,
    }


def restart_policy(host: Document) -> Document:
    policy = mapping(host.get("RestartPolicy"))
    return {"name": policy.get("Name") or "no", "maximum_retries": policy.get("MaximumRetryCount") or 0}


def top_view(answer: Document) -> list[Document]:
    """A process an entry. The engine names columns as the host's ps does, or as ``ps_args`` asked.

    Podman gives whole lines where the engine gives columns; these are split here.
    """
    titles = [str(title) for title in items(answer.get("Titles"))]
    names = [_COLUMNS.get(title.upper(), title.lower()) for title in titles]
    found = []
    for row in items(answer.get("Processes")):
        cells = [str(cell) for cell in items(row)]
        if len(cells) == 1 < len(names):
            cells = cells[0].split(None, len(names) - 1)
        process: Document = {"pid": None, "ppid": None, "user": None, "command": None}
        process.update(zip(names, cells))
        process.update({name: number(process[name]) for name in ("pid", "ppid")})
        found.append(process)
    return found


def change_view(change: Document) -> Document:
    """``A`` for added, ``C`` for changed, ``D`` for deleted, as ``docker diff`` prints them."""
    return {"path": change.get("Path"), "kind": _KINDS.get(change.get("Kind", -1), "?")}


def changes_view(changes: Iterable[Document]) -> list[Document]:
    """All changes, by path."""
    return sorted(map(change_view, changes), key=lambda change: str(change["path"]))


def count_kinds(changes: Iterable[Document]) -> dict[str, int]:
    counts = {"added": 0, "changed": 0, "deleted": 0}
    names = {"A": "added", "C": "changed", "D": "deleted"}
    for change in changes:
        if change["kind"] in names:
            counts[names[change["kind"]]] += 1
    return counts


def mapping(value: Any) -> Document:
    """The value where it is an object; engines write null for empty ones."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def moment(value: Any) -> str | None:
    """The engine's year 1 means that it has not happened."""
    return value if isinstance(value, str) and value and not value.startswith("0001-") else None


def _port_order(key: str) -> tuple[int, str]:
    return number(key.partition("/")[0]) or 0, key
