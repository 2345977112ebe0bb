# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""correlations.jsonl: what several containers of the fleet have in common, who had it first, and the likely path.

What an innocent container has as well is no clue by itself. So a value counts where a sign of a break-in names it, and
then also the containers that nobody suspects yet; or where two suspicious containers share it and no other has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.clocks import Clock, clock_of, micros
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import (
    CaseEvidence,
    ContainerEvidence,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    ContainerName,
    EvidenceRef,
    severity_level,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.found import Found, read_findings
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.observations import (
    Observation,
    Observer,
    ordinary_hashes,
    own_addresses,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.sorting import replaced
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.timeline_lines import written
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.wording import plain

CORRELATIONS = "correlations.jsonl"
KINDS = ("remote", "file-hash", "ssh-key", "cron", "command-line", "image", "path")
_SHARED_QUIETLY = frozenset(
    ("file-hash", "ssh-key", "cron")
)  # kinds that count without being named by a finding
_MOST_CANDIDATES = 200_000
_MOST_MEMBERS = 500
_MOST_LINES = 5000
_HIGH = severity_level("high")

Key = tuple[str, str]


@dataclass(frozen=True)
class Member:
    """One container that has the value, with when and where that is seen."""

    host: str
    container: ContainerName
    us: int | None
    ref: EvidenceRef
    strong: bool
    suspicious: bool
    what: str
    way: str = ""

    @property
    def key(self) -> Key:
        return self.host, self.container.id

    @property
    def order(self) -> tuple[bool, int, str, str]:
        return self.us is None, self.us or 0, self.host, self.container.id

    def node(self) -> dict[str, Any]:
        return {"host": self.host, "container": _named(self.container)}

    def to_json(self) -> dict[str, Any]:
        return {
            **self.node(),
            "container": {**_named(self.container), "image": plain(self.container.image, 255)},
            "time": None if self.us is None else written(self.us),
            "suspicious": self.suspicious,
            "evidence": self.ref.to_json(),
        }


@dataclass
class _Fleet:
    """What is known of all containers. `own` are addresses of the containers and of their networks, `ordinary` are
    hashes of programs that run from images."""

    accused: set[Key]
    strong: frozenset[EvidenceRef]
    ways_out: dict[Key, Found]
    clocks: dict[str, Clock] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    ordinary: set[str] = field(default_factory=set)
    by_address: dict[tuple[str, str], ContainerName] = field(default_factory=dict)
    images: dict[str, list[Member]] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Iterable[Found]) -> _Fleet:
        kept = list(found)
        accusing = [finding for finding in kept if finding.accuses]
        accused = {(finding.host, finding.container.id) for finding in accusing}
        ways_out: dict[Key, Found] = {}
        for finding in kept:
            grave = severity_level(finding.severity) >= _HIGH and finding.suppressed is None
            if finding.kind == "exposure" and grave:
                ways_out.setdefault((finding.host, finding.container.id), finding)
        strong = frozenset(ref for finding in accusing for ref in finding.evidence)
        return cls(accused, strong, {key: ways_out[key] for key in sorted(ways_out) if key in accused})

    def note(self, container: ContainerEvidence) -> None:
        """Take in what of a container concerns all: its addresses, and its image."""
        host, name = container.bag.host, container.name
        clock = self.clocks.setdefault(container.bag.name, clock_of(container.bag.path))
        for address, its in own_addresses(container):
            self.own.add(address)
            if its:
                self.by_address[host, address] = name
        self.ordinary.update(ordinary_hashes(container))
        image = values.text(container.inspect.get("Image"), 128)
        if image:
            created = micros(container.inspect.get("Created"))
            us = None if created is None else created - clock.ahead_us
            suspicious = (host, name.id) in self.accused
            ref = container.ref("inspect.json")
            member = Member(host, name, us, ref, suspicious, suspicious, name.image)
            self.images.setdefault(image, []).append(member)


def write_correlations(case_dir: Path) -> Path:
    """Write correlations.jsonl (0600) into the case, whole or not at all, and return its path. Raises OSError.

    The findings are those of findings.jsonl: write that first.
    """
    target = case_dir / CORRELATIONS
    with replaced(target) as stream:
        for row in correlations(case_dir):
            stream.write((json.dumps(row, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))
    return target


def correlations(case_dir: Path) -> list[dict[str, Any]]:
    """The lines, the strongest kinds first and of each the most widespread."""
    fleet = _Fleet.of(read_findings(case_dir))
    if not fleet.accused:
        return []
    containers = CaseEvidence(case_dir).containers
    candidates: dict[Key, bool] = {}
    for container in containers:
        fleet.note(container)
        if (container.bag.host, container.id) in fleet.accused:
            for seen in _observed(container, fleet):
                if (quiet := seen.kind in _SHARED_QUIETLY) or seen.strong:
                    _add(candidates, seen, quiet)
        container.forget()
    members: dict[Key, dict[Key, Member]] = {}
    for container in containers:
        for seen in _observed(container, fleet):
            if (seen.kind, seen.value) in candidates and not _own(seen, fleet):
                _join(members.setdefault((seen.kind, seen.value), {}), container, seen, fleet)
        container.forget()
    rows = [*_shared(members), *_images(fleet), *_paths(members, fleet), *_between(containers, fleet)]
    return sorted(rows, key=_rank)[:_MOST_LINES]


def _observed(container: ContainerEvidence, fleet: _Fleet) -> Iterator[Observation]:
    return Observer(container, fleet.clocks[container.bag.name], fleet.strong).all()


def _add(candidates: dict[Key, bool], seen: Observation, quiet: bool) -> None:
    if seen.strong or (quiet and len(candidates) < _MOST_CANDIDATES):
        candidates[seen.kind, seen.value] = candidates.get((seen.kind, seen.value), False) or seen.strong


def _own(seen: Observation, fleet: _Fleet) -> bool:
    """Whether an address is one of the engine's networks, or a file a program that images have anyway."""
    return seen.value in {"remote": fleet.own, "file-hash": fleet.ordinary}.get(seen.kind, ())


def _join(known: dict[Key, Member], container: ContainerEvidence, seen: Observation, fleet: _Fleet) -> None:
    """One member a container: the first time it is seen, and the evidence of a finding before any other."""
    key = (container.bag.host, container.id)
    suspicious = key in fleet.accused
    member = Member(
        *(key[0], container.name, seen.us, seen.ref, seen.strong, suspicious, seen.what), way=seen.way
    )
    other = known.get(key)
    if other is None or (not member.strong, *member.order) < (not other.strong, *other.order):
        known[key] = member


def _shared(members: Mapping[Key, Mapping[Key, Member]]) -> Iterator[dict[str, Any]]:
    for (kind, value), by_container in members.items():
        group = sorted(by_container.values(), key=lambda member: member.order)
        if len(group) >= 2 and _tells(kind, value, group):
            yield _line(kind, value, group)


def _tells(kind: str, value: str, group: list[Member]) -> bool:
    innocent = [member for member in group if not member.suspicious]
    if not any(member.strong for member in group):
        return kind in _SHARED_QUIETLY and not innocent
    if kind == "command-line" and innocent:
        # `sh` and `sleep 5` are run by everybody; what only a few innocent ones run may be the intruder's there too.
        return " " in value.strip() and len(innocent) <= sum(member.strong for member in group)
    return True


def _line(kind: str, value: str, group: list[Member], total: int | None = None) -> dict[str, Any]:
    first = group[0]
    others = group[1:] if kind != "image" else []
    edges = [_edge(first.node(), member.node(), member.us, kind) for member in others[:_MOST_MEMBERS]]
    if kind == "remote":
        edges = [_peer_edge(member, value) for member in group[:_MOST_MEMBERS]]
    return {
        "kind": kind,
        "value": plain(value, 1000),
        "sentence": _sentence(kind, value, group, total),
        "first": {**first.node(), "time": None if first.us is None else written(first.us)},
        "members": [member.to_json() for member in group[:_MOST_MEMBERS]],
        "edges": edges,
    }


def _sentence(kind: str, value: str, group: list[Member], total: int | None) -> str:
    hosts = len({member.host for member in group})
    first = group[0]
    what = {
        "file-hash": f"The same file ({plain(first.what, 60)}, sha256 {value[:12]}…)",
        "remote": f"The same remote address {value}",
        "ssh-key": f"The same SSH key ({plain(value, 40)})",
        "cron": f"The same timed job ({plain(value, 60)})",
        "command-line": f"The same command line ({plain(value, 60)})",
        "image": f"The same image ({plain(first.what, 60)})",
    }[kind]
    where = f"{len(group)} containers on {hosts} {'host' if hosts == 1 else 'hosts'}"
    if kind == "image":
        return (
            f"{what} runs in {where} with signs of a break-in, of {total} containers that were made from it."
        )
    quiet = sum(not member.suspicious for member in group)
    unknown = f"; {quiet} of them gave no other sign" if quiet else ""
    seen = (
        "" if first.us is None else f", first in {plain(first.container.name, 60)} on {plain(first.host, 60)}"
    )
    return f"{what} is met in {where}{seen}{unknown}."


def _images(fleet: _Fleet) -> Iterator[dict[str, Any]]:
    for image, everyone in fleet.images.items():
        group = sorted((m for m in everyone if m.suspicious), key=lambda member: member.order)
        if len(group) >= 2:
            yield _line("image", image, group, len(everyone))


def _paths(members: Mapping[Key, Mapping[Key, Member]], fleet: _Fleet) -> Iterator[dict[str, Any]]:
    """Steps of the likely path that one container alone shows: to or from a peer, and out to the host."""
    named: dict[Key, ContainerName] = {}
    for (kind, value), by_container in members.items():
        if kind == "remote" and len(by_container) == 1:
            (member,) = by_container.values()
            yield _path(member, _peer_edge(member, value))
    for everyone in fleet.images.values():
        named.update({member.key: member.container for member in everyone})
    for key, finding in fleet.ways_out.items():
        name = named.get(key, finding.container)
        ref = finding.evidence[0] if finding.evidence else EvidenceRef("", "findings.jsonl", finding.line)
        member = Member(key[0], name, None, ref, True, True, finding.rule)
        edge = _edge(member.node(), {"host": key[0], "container": None}, None, finding.rule)
        yield _path(member, edge)


def _between(containers: Iterable[ContainerEvidence], fleet: _Fleet) -> Iterator[dict[str, Any]]:
    """Steps from a container to a neighbour on the same host, by connections that are evidence."""
    told: set[tuple[Key, str]] = set()
    for container in containers:
        host = container.bag.host
        if (host, container.id) not in fleet.accused:
            continue
        for seen in Observer(container, fleet.clocks[container.bag.name], fleet.strong).connections():
            other = fleet.by_address.get((host, seen.value))
            if other is None or other.id == container.id or ((host, container.id), other.id) in told:
                continue
            told.add(((host, container.id), other.id))
            member = Member(host, container.name, seen.us, seen.ref, True, True, seen.what, seen.way)
            ends = [member.node(), {"host": host, "container": _named(other)}]
            if seen.way == "in":
                ends.reverse()
            yield _path(member, _edge(ends[0], ends[1], seen.us, "connection"))
        container.forget()


def _path(member: Member, edge: dict[str, Any]) -> dict[str, Any]:
    begin, end = (_told(edge[name]) for name in ("from", "to"))
    return {
        "kind": "path",
        "value": f"{begin} -> {end}",
        "sentence": f"The likely path leads from {begin} to {end} ({plain(member.what, 80)}).",
        "first": {**member.node(), "time": edge["time"]},
        "members": [member.to_json()],
        "edges": [edge],
    }


def _told(node: Mapping[str, Any]) -> str:
    if "peer" in node:
        return str(node["peer"])
    container = node["container"]
    return plain(node["host"], 60) if container is None else f"{plain(node['host'], 60)}/{container['name']}"


def _peer_edge(member: Member, address: str) -> dict[str, Any]:
    ends: list[dict[str, Any]] = [member.node(), {"peer": address}]
    if member.way == "in":
        ends.reverse()
    return _edge(ends[0], ends[1], member.us, "connection")


def _edge(begin: dict[str, Any], end: dict[str, Any], us: int | None, why: str) -> dict[str, Any]:
    return {"from": begin, "to": end, "time": None if us is None else written(us), "why": why}


def _named(container: ContainerName) -> dict[str, str]:
    return {"id": container.id, "name": plain(container.name, 255)}


def _rank(row: Mapping[str, Any]) -> tuple[int, int, str]:
    return KINDS.index(row["kind"]), -len(row["members"]), str(row["value"])
