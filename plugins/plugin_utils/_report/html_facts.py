# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a container is and may do, and what it used, out of the engine's and the kernel's answers. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_case import short

_MANY = 50


def facts(inspect: dict[str, Any]) -> dict[str, Any]:
    """What the card says above the evidence. Of environment variables the names alone: values are secrets."""
    config = values.record(inspect.get("Config"))
    host = values.record(inspect.get("HostConfig"))
    state = values.record(inspect.get("State"))
    known = {
        "id": short(inspect.get("Id"), 64),
        "image": short(config.get("Image"), 255),
        "image_id": short(inspect.get("Image"), 128),
        "created": short(inspect.get("Created"), 40),
        "started": short(state.get("StartedAt"), 40),
        "finished": _when(state.get("FinishedAt")),
        "state": short(state.get("Status"), 32),
        "exit_code": short(state.get("ExitCode")) if state.get("Running") is False else None,
        "restarts": short(inspect.get("RestartCount")),
        "restart_policy": short(values.record(host.get("RestartPolicy")).get("Name"), 32),
        "command": _words(config.get("Entrypoint")) + _words(config.get("Cmd")),
        "user": short(config.get("User"), 64),
        "hostname": short(config.get("Hostname"), 255),
        "environment": sorted(word.partition("=")[0] for word in values.texts(config.get("Env"), _MANY)),
        "networks": _networks(inspect),
        "ports": _ports(inspect),
        "mounts": _mounts(inspect),
        "rights": _rights(host),
        "log_driver": short(values.record(host.get("LogConfig")).get("Type"), 32),
    }
    return {name: value for name, value in known.items() if value not in (None, "", [])}


def _when(value: Any) -> str | None:
    return values.text(value, 40) if values.moment(value) is not None else None


def _words(value: Any) -> list[str]:
    return [word[:1000] for word in values.texts(value, _MANY)]


def _networks(inspect: dict[str, Any]) -> list[str]:
    known = values.record(values.record(inspect.get("NetworkSettings")).get("Networks"))
    found = []
    for name, settings in list(known.items())[:_MANY]:
        ends = values.record(settings)
        addresses = [values.text(ends.get(key), 64) for key in ("IPAddress", "GlobalIPv6Address")]
        found.append(" ".join([name[:255], *(address for address in addresses if address)]))
    return found


def _ports(inspect: dict[str, Any]) -> list[str]:
    known = values.record(values.record(inspect.get("NetworkSettings")).get("Ports"))
    found = []
    for inside, bindings in list(known.items())[:_MANY]:
        ends = [values.record(entry) for entry in values.items(bindings, 8)]
        outside = [
            f"{values.text(end.get('HostIp'), 64)}:{values.text(end.get('HostPort'), 8)}" for end in ends
        ]
        found.append(f"{', '.join(outside)} → {inside[:32]}" if outside else inside[:32])
    return found


def _mounts(inspect: dict[str, Any]) -> list[str]:
    found = []
    for entry in values.items(inspect.get("Mounts"), _MANY):
        mount = values.record(entry)
        kind, source = values.text(mount.get("Type"), 16), values.text(mount.get("Source"), 1024)
        what = values.text(mount.get("Name"), 255) if kind == "volume" else source
        mode = "read-only" if mount.get("RW") is False else "read-write"
        found.append(f"{kind} {what} → {values.text(mount.get('Destination'), 1024)} ({mode})")
    return found


def _rights(host: dict[str, Any]) -> list[str]:
    """What the container may do beyond the usual, as docker's own options."""
    found = ["--privileged"] if host.get("Privileged") is True else []
    for key, option in (
        ("PidMode", "--pid"),
        ("NetworkMode", "--network"),
        ("IpcMode", "--ipc"),
        ("UTSMode", "--uts"),
        ("UsernsMode", "--userns"),
    ):
        mode = values.text(host.get(key), 128)
        if mode == "host" or mode.startswith("container:"):
            found.append(f"{option} {mode}")
    found += [f"--cap-add {word[:64]}" for word in values.texts(host.get("CapAdd"), _MANY)]
    found += [f"--security-opt {word[:255]}" for word in values.texts(host.get("SecurityOpt"), _MANY)]
    for entry in values.items(host.get("Devices"), _MANY):
        device = values.record(entry)
        found.append(f"--device {values.text(device.get('PathOnHost'), 255)}")
    found += [f"--device-cgroup-rule {word[:64]}" for word in values.texts(host.get("DeviceCgroupRules"), 8)]
    return found


def figures(stats: dict[str, Any]) -> dict[str, Any]:
    """What a container used when it was looked at: percent of one core, and bytes. Empty where nobody knows."""
    network, block = values.record(stats.get("network")), values.record(stats.get("block"))
    second = values.record(stats.get("second"))
    known = {
        "time": _when(second.get("time")) or _when(second.get("read")),
        "cpu": values.number(stats.get("cpu_percent")),
        "cores": values.number(stats.get("cpus_online")),
        "memory": values.number(stats.get("memory_bytes")),
        "memory_limit": values.number(stats.get("memory_limit_bytes")),
        "pids": values.number(stats.get("pids")),
        "received": values.number(network.get("rx_bytes")),
        "sent": values.number(network.get("tx_bytes")),
        "read": values.number(block.get("read_bytes")),
        "written": values.number(block.get("write_bytes")),
    }
    return {name: value for name, value in known.items() if value is not None}
