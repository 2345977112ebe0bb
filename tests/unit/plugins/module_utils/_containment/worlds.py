# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that is only pretended: an engine behind its API, links, and nftables, all of which can fail.

It is raised from a recorded container, so that plans are real ones, and compared as a whole before and after.
"""

from __future__ import annotations

import contextlib
import copy
import json
import re
from typing import Any, Iterator, Mapping, Sequence
from urllib.parse import unquote

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._containment import whereabouts
from ansible_collections.cordon.docker.plugins.module_utils._containment.seen import Sight
from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.cordon.docker.plugins.module_utils._engine.options import EngineOptions
from ansible_collections.cordon.docker.plugins.module_utils._errors import EngineError

OWN = 4026531840
BEFORE, AFTER, SILENT = "before", "after", "silent"
_HOOK = r"chain (\w+) \{ type filter hook (\w+) (?:device \"\S+\" )?priority (-?\d+); policy (\w+);(.*)\}"
_CHAIN = re.compile(_HOOK)


class World:
    """``fail_at``: which change fails, counted from 1; ``how``: before it is done, after, or silently."""

    def __init__(self, seen: Sight, recording: Mapping[str, Any]) -> None:
        self.container = seen.id
        self.inspect: dict[str, Any] = copy.deepcopy(dict(seen.inspect))
        self.before = copy.deepcopy(self.inspect)
        self.networks = {str(network["Id"]): str(network["Name"]) for network in recording["networks"]}
        self.namespace = seen.namespace.inode if seen.namespace else 0
        cables = [nic.cable for nic in (seen.namespace.nics if seen.namespace else ()) if nic.cable]
        self.links: dict[str, dict[str, Any]] = {cable.name: {"cable": cable, "up": True} for cable in cables}
        self.tables: dict[tuple[int, str, str], str] = {}
        self.images: dict[str, Any] = {}
        self.changes = 0
        self.fail_at: int | None = None
        self.how = BEFORE
        self.failed_pauses = 0

    def state(self) -> Any:
        """Everything that can be compared. Addresses that were asked for may become fixed ones."""
        inspect = copy.deepcopy(self.inspect)
        for endpoint in inspect["NetworkSettings"]["Networks"].values():
            endpoint.pop("IPAMConfig", None)
        links = {name: link["up"] for name, link in self.links.items()}
        return json.dumps([inspect, links, sorted(map(str, self.tables))], sort_keys=True)

    def change(self, do: Any) -> bool:
        """Do it, or fail as was asked for; whether it is told to have worked."""
        self.changes += 1
        failing = self.fail_at is not None and self.changes == self.fail_at
        if not failing or self.how == AFTER:
            do()
        return not failing or self.how == SILENT

    # The engine

    def document(self, path: str, *_more: Any) -> Any:
        if path.startswith("/images/"):
            return self.images[unquote(path.split("/")[2])]
        return copy.deepcopy(self.inspect)

    def send(self, path: str, _query: Any, body: Any, _timeout: Any = None) -> Any:
        answer: dict[str, Any] = {}

        def do() -> None:
            answer.update(self._do(path.strip("/").split("/"), body or {}) or {})

        if not self.change(do):
            self.failed_pauses += path.endswith("/pause")
            raise EngineError(f"The engine failed at {path}.")
        return answer

    def _do(self, path: list[str], body: Mapping[str, Any]) -> Any:
        state, what = self.inspect["State"], path[-1]
        if what in ("pause", "unpause"):
            state.update(Paused=what == "pause", Status="paused" if what == "pause" else "running")
        elif what == "kill":
            state.update(Running=False, Paused=False, Restarting=False, Status="exited", Pid=0)
        elif what == "update":
            self.inspect["HostConfig"]["RestartPolicy"] = dict(body["RestartPolicy"])
        elif what == "disconnect":
            self._attached().pop(self.networks[path[1]])
        elif what == "connect":
            self._join(path[1], body["EndpointConfig"])
        elif what == "commit":
            labels = body["Labels"]
            self.images["sha256:1"] = {
                "Id": "sha256:1",
                "Config": {"Labels": labels},
                "RootFS": {"Layers": []},
            }
            return {"Id": "sha256:1"}
        return {}

    def _attached(self) -> dict[str, Any]:
        networks: dict[str, Any] = self.inspect["NetworkSettings"]["Networks"]
        return networks

    def _join(self, network: str, asked: Mapping[str, Any]) -> None:
        before = self.before["NetworkSettings"]["Networks"][self.networks[network]]
        short = self.container[:12]
        # Engines before 25 add the short ID to the aliases by themselves.
        aliases = [
            *(asked.get("Aliases") or ()),
            *(name for name in before["Aliases"] or () if name == short),
        ]
        joined = dict(before, IPAMConfig=asked.get("IPAMConfig"), Aliases=aliases or before["Aliases"])
        self._attached()[self.networks[network]] = joined

    # The host's commands

    def run(self, command: Sequence[str], given: str | None) -> tuple[int, str, str]:
        inside, words = self.namespace, list(command)
        if words[0] == "nsenter":
            assert words[1] == f"--net=held-open-{self.namespace}", words
            words = words[2:]
        elif words[0] == "nft":
            inside = OWN
        if words[0] == "ip":
            return self._ip(words)
        assert words[0] == "nft", words
        return self._nft(words, inside, given or "")

    def _ip(self, words: list[str]) -> tuple[int, str, str]:
        if words[1:4] == ["link", "set", "dev"]:
            link = self.links[words[4]]
            worked = self.change(lambda: link.update(up=words[5] == "up"))
            return (0, "", "") if worked else (2, "", "RTNETLINK answers: Operation not permitted")
        link = self.links[words[-1]]
        cable = link["cable"]
        shown = {
            "ifname": cable.name,
            "ifindex": cable.index,
            "link_index": cable.inner_index,
            "link_netnsid": cable.netnsid,
            "linkinfo": {"info_kind": "veth"},
            "flags": ["BROADCAST", "UP"] if link["up"] else ["BROADCAST"],
        }
        return 0, json.dumps([shown]), ""

    def _nft(self, words: list[str], inside: int, given: str) -> tuple[int, str, str]:
        if words[1] == "-f":
            worked = self.change(lambda: self._load(inside, given))
            return (0, "", "") if worked else (1, "", "Error: Could not process rule: Out of memory")
        table = self.tables.get((inside, words[4], words[5]))
        return (1, "", "Error: No such file or directory") if table is None else (0, listing(table), "")

    def _load(self, inside: int, given: str) -> None:
        for statement in re.split(r"\n(?=table|delete)", given.strip()):
            words = statement.split()
            at = 1 if words[0] == "delete" else 0
            key = (inside, words[at + 1], words[at + 2])
            if words[0] == "delete":
                self.tables.pop(key)
            else:
                self.tables[key] = statement

    @contextlib.contextmanager
    def opened(self, pid: int, container: str) -> Iterator[Any]:
        yield (f"held-open-{self.namespace}", self.namespace) if pid and container == self.container else None


def listing(table: str) -> str:
    """What ``nft -j list table`` prints of such a table."""
    items: list[Any] = [{"metainfo": {"version": "1.0.6"}}]
    for name, hook, priority, policy, rules in _CHAIN.findall(table):
        items.append({"chain": {"name": name, "hook": hook, "prio": int(priority), "policy": policy}})
        for rule in filter(None, (part.strip() for part in rules.split(";"))):
            words = rule.split()
            expressions: list[Any] = [{words[-1]: None}]
            if words[0] == "socket":
                match = {"op": "==", "left": {"socket": {"key": "cgroupv2"}}, "right": words[4].strip('"')}
                expressions.insert(0, {"match": match})
            items.append({"rule": {"chain": name, "expr": expressions}})
    return json.dumps({"nftables": items})


def raise_world(seen: Sight, recording: Mapping[str, Any], patch: pytest.MonkeyPatch) -> tuple[World, Engine]:
    """The world, and an engine to reach it by."""
    world = World(seen, recording)
    patch.setattr(whereabouts, "opened", world.opened)
    patch.setattr(whereabouts, "own_namespace", lambda: OWN)
    patch.setattr(whereabouts, "belongs", lambda pid, container: pid > 0 and container == world.container)
    patch.setattr(whereabouts, "frozen", lambda _pid: bool(world.inspect["State"]["Paused"]))
    patch.setattr(whereabouts, "processes", lambda _container: ())
    options = EngineOptions()
    transport: Any = world
    return world, Engine(options, transport, "1.51", "28.5.2")
