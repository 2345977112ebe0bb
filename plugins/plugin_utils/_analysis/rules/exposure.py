# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would let an intruder out of the container: settings, mounts, devices. They accuse nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values, wording
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import EvidenceRef
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge import escapes
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge.escapes import Way
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import Sign


def privileges(container: ContainerEvidence) -> Iterator[Sign]:
    """--privileged, or the capabilities that were added one by one."""
    config = _host_config(container)
    if config.get("Privileged") is True:
        yield _sign(container, "privileged", "", "The container is privileged", escapes.PRIVILEGED)
        return
    for name in sorted({_capability(word) for word in values.texts(config.get("CapAdd"), 64)}):
        way = escapes.CAPABILITIES.get(name)
        if way is None:
            continue
        if config.get(escapes.WITH_HOST_NAMESPACE.get(name, "")) == "host":
            way = Way("high", way.allows)
        yield _sign(container, "capability", name, f"The container was given CAP_{name}", way)


def namespaces(container: ContainerEvidence) -> Iterator[Sign]:
    """Namespaces shared with the host."""
    config = _host_config(container)
    for key, way in escapes.HOST_NAMESPACES.items():
        if config.get(key) == "host":
            what = f"The container shares the host's {_SHARED[key]}"
            yield _sign(container, "host-namespace", key, what, way)


def mounts(container: ContainerEvidence) -> Iterator[Sign]:
    """The engine's socket and host paths."""
    for mount in values.items(container.inspect.get("Mounts")):
        source = values.text(values.record(mount).get("Source"))
        if values.record(mount).get("Type") != "bind" or not source.startswith("/"):
            continue
        path = source.rstrip("/") or "/"
        writable = mount.get("RW") is not False
        shown = wording.plain(path, 120)
        if path.rpartition("/")[2] in escapes.ENGINE_SOCKETS:
            what = f"The container has the engine's socket ({shown})"
            yield _sign(container, "engine-socket", path, what, escapes.ENGINE_SOCKET)
            continue
        known = _host_path(path)
        if known is not None:
            way = escapes.HOST_PATHS[known][0 if writable else 1]
            what = f"The container has {shown} of the host{'' if writable else ', read-only'}"
            yield _sign(container, "host-path", path, what, way)


def devices(container: ContainerEvidence) -> Iterator[Sign]:
    """Devices of the host, and rules that allow to make them."""
    config = _host_config(container)
    for entry in values.items(config.get("Devices"), 100):
        path = values.text(values.record(entry).get("PathOnHost"))
        for prefixes, way in escapes.DEVICES:
            if path.startswith(prefixes):
                what = f"The container has the device {wording.plain(path)}"
                yield _sign(container, "device", path, what, way)
                break
    for rule in values.texts(config.get("DeviceCgroupRules"), 100):
        if rule.startswith(("a ", "b ")):
            what = f"The container may use devices by the rule {wording.plain(rule)}"
            yield _sign(container, "device", rule, what, escapes.BLOCK_DEVICES)


def confinement(container: ContainerEvidence) -> Iterator[Sign]:
    """Protections that were taken away; a privileged container has none of them anyway."""
    config = _host_config(container)
    if config.get("Privileged") is True:
        return
    options = [option.replace(":", "=", 1) for option in values.texts(config.get("SecurityOpt"), 64)]
    for option, way in escapes.SECURITY_OPTIONS.items():
        if option in options:
            yield _sign(container, "unconfined", option, f"The container was started with {option}", way)
    if config.get("MaskedPaths") == [] and "systempaths=unconfined" not in options:
        what = "No path below /proc is masked in the container"
        yield _sign(container, "unconfined", "systempaths=unconfined", what, escapes.UNMASKED)


def unexpected_capabilities(container: ContainerEvidence) -> Iterator[Sign]:
    """Processes that may do more than the container was given: `docker exec --privileged`, or worse."""
    config = _host_config(container)
    given = {_capability(word) for word in values.texts(config.get("CapAdd"), 64)}
    if config.get("Privileged") is True or "ALL" in given:
        return
    for process in container.processes:
        mask = process.capabilities or 0
        names = [
            name for bit, name in escapes.CAPABILITY_BITS.items() if mask >> bit & 1 and name not in given
        ]
        if names and not container.processes.is_engine_start(process):
            way = escapes.CAPABILITIES[names[0]]
            program = wording.plain(process.program, 40)
            what = f"{program} (PID {process.pid}) has CAP_{names[0]}, which it was not given and"
            refs = [container.ref("processes.jsonl", process.line), container.ref("inspect.json")]
            yield _sign(container, "unexpected-capability", f"{process.kind} {names[0]}", what, way, refs)


_SHARED = {
    "PidMode": "processes",
    "NetworkMode": "network",
    "IpcMode": "shared memory",
    "UTSMode": "host name",
    "UsernsMode": "users",
}


def _host_config(container: ContainerEvidence) -> dict[str, Any]:
    return values.record(container.inspect.get("HostConfig"))


def _capability(word: str) -> str:
    return word.upper().removeprefix("CAP_")


def _host_path(path: str) -> str | None:
    """The entry of HOST_PATHS that speaks of the path."""
    if path in escapes.HOST_PATHS:
        return path
    if f"{path}/".startswith(escapes.HARMLESS_PARTS):
        return None
    trees = (tree for tree in escapes.HOST_TREES if path.startswith(f"{tree}/"))
    return max(trees, key=len, default=None)


def _sign(
    container: ContainerEvidence,
    rule: str,
    key: str,
    what: str,
    way: Way,
    evidence: list[EvidenceRef] | None = None,
) -> Sign:
    joined = f"{what} which allows" if what.endswith(" and") else f"{what}, which allows"
    return Sign(
        rule=rule,
        key=key,
        severity=way.severity,
        confidence="high",
        sentence=f"{joined} {way.allows}.",
        technique="T1611",
        evidence=evidence or [container.ref("inspect.json")],
        module="container_info",
        kind="exposure",
    )
