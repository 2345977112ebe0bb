# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first block of report.html: what a responder sees before any evidence is looked at. Pure over a case."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import (
    CaseEvidence,
    ContainerEvidence,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.ranking import RankedContainer, rank
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, records
from ansible_collections.cordon.docker.plugins.plugin_utils._report import html_case, html_products
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_blocks import Blocks
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_case import (
    MAX_FINDINGS,
    Found,
    HostState,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_container import (
    Digest,
    Marked,
    container_rows,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_facts import figures
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_hosts import (
    Outcomes,
    host_rows,
    outcomes,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_lines import Told, lines
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.chain import CUSTODY
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.results import Unreadable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_OLDER = 50  # earlier runs of which the figures are shown

Key = tuple[str, str]


class Command(Protocol):
    """Makes a command to paste."""

    def __call__(self, case: Path, limit: str, verb: str, *, extra: Sequence[str] = ()) -> str: ...


def typed(case: Path, limit: str, verb: str, *, extra: Sequence[str] = ()) -> str:
    """The command where nobody knows which inventory is the responder's."""
    given = [word for value in (f"case={case.name}", *extra) for word in ("-e", value)]
    return shlex.join(["ansible-playbook", f"cordon.docker.{verb}", "-i", "INVENTORY", "-l", limit, *given])


@dataclass
class Shown:
    """A container of the report: from findings, from evidence, or from both."""

    host: str
    id: str
    name: str = ""
    image: str = ""
    ranked: RankedContainer | None = None
    position: int = MAX_FINDINGS
    block: str | None = None
    told: dict[str, Any] = field(default_factory=dict)


def overview(case_dir: Path, blocks: Blocks, command: Command) -> dict[str, Any]:
    """Write the blocks of evidence and return what the first block says."""
    found = list(html_case.findings(case_dir))
    hosts = html_case.host_states(case_dir)
    case = CaseEvidence(case_dir)
    digests: dict[Key, Digest] = {}
    containers = _containers(found)
    host_blocks: dict[str, str] = {}
    per_host = _by_host(case)
    for evidence in per_host:
        host = evidence[0].bag.host
        asked = outcomes(evidence[0].bag.path)
        host_blocks[host] = blocks.name()
        blocks.add(host_blocks[host], host_rows(case_dir, evidence[0].bag, asked))
        for container in evidence:
            key = (host, container.id)
            shown = containers.setdefault(key, Shown(*key))
            digests[key] = _container_block(case_dir, blocks, container, shown, found, asked)
    undo, notices = _undo(case_dir, sorted({*hosts, *host_blocks}), command)
    ordered = sorted(containers.values(), key=_urgency)
    numbers = {(one.host, one.id): number for number, one in enumerate(ordered)}
    listed = [_listed(one, numbers, digests) for one in found]
    products = html_products.add(case_dir, blocks, listed)
    told = Told(
        ranked=[one.ranked for one in ordered if one.ranked],
        hosts=list(hosts.values()),
        seen=len(host_blocks),
        containers=len(ordered),
        times=[row["time"] for row in listed if row.get("time") and _counts(row)],
        undo=undo,
        suppressed=sum(one.suppressed is not None for one in found),
        shared=products["shared"],
        gaps=sum(int(one.told.get("gaps", 0)) for one in ordered),
    )
    return {
        "case": case_dir.name,
        "lines": lines(told),
        "hosts": [_host(state, host_blocks) for state in _all_hosts(hosts, host_blocks)],
        "containers": [_container(one) for one in ordered],
        "findings": listed,
        "undo": undo,
        "chain": _chain(case_dir),
        "notices": [*notices, *products["notices"]],
        **products["blocks"],
    }


def _counts(row: dict[str, Any]) -> bool:
    return row["kind"] == "intrusion" and not row.get("suppressed") and row["severity"] not in ("info", "low")


def _containers(found: list[Found]) -> dict[Key, Shown]:
    ranked = rank(one.finding for one in found if one.suppressed is None)
    shown: dict[Key, Shown] = {}
    for one in found:
        named = one.finding.container
        key = (one.finding.host, named.id)
        shown.setdefault(key, Shown(*key, named.name, named.image))
    for position, entry in enumerate(ranked):
        told = shown[entry.host, entry.container.id]
        told.ranked, told.position = entry, position
    return shown


def _by_host(case: CaseEvidence) -> Iterator[list[ContainerEvidence]]:
    """The newest evidence of each container, a host after the other."""
    group: list[ContainerEvidence] = []
    for container in case.containers:
        if group and group[0].bag.host_dir != container.bag.host_dir:
            yield group
            group = []
        group.append(container)
    if group:
        yield group


def _container_block(
    case_dir: Path,
    blocks: Blocks,
    container: ContainerEvidence,
    shown: Shown,
    found: list[Found],
    asked: Outcomes,
) -> Digest:
    digest, marked = Digest(), _marked(found, shown, container)
    shown.block = blocks.name()
    own = asked if asked.bag == container.bag.path.name else outcomes(container.bag.path)
    asked_rows = own.of(container.id)

    def rows() -> Iterator[dict[str, Any]]:
        yield from container_rows(container, _older(case_dir, container), marked, digest)
        yield from asked_rows

    blocks.add(shown.block, rows())
    named, stats = container.name, figures(container.stats)
    state = container.inspect.get("State")
    shown.name, shown.image = named.name, named.image
    shown.told = {
        "bag": container.bag.name,
        "state": html_case.short(state.get("Status"), 32) if isinstance(state, dict) else None,
        "cpu": stats.get("cpu"),
        "memory": stats.get("memory"),
        "counts": digest.counts,
        "unreadable": sum(container.problems.values()),
        "gaps": sum(row["status"] in ("failed", "truncated") for row in asked_rows),
    }
    container.forget()
    return digest


def _marked(found: list[Found], shown: Shown, container: ContainerEvidence) -> Marked:
    """The lines of this container's items, in this bag, that a finding points at."""
    marked: Marked = {}
    prefix = f"data/containers/{container.id}/"
    for one in found:
        if (one.finding.host, one.finding.container.id) != (shown.host, shown.id):
            continue
        for reference in one.finding.evidence:
            if reference.bag == container.bag.name and reference.path.startswith(prefix) and reference.line:
                marked.setdefault(reference.path.removeprefix(prefix), set()).add(reference.line)
    return marked


def _older(case_dir: Path, container: ContainerEvidence) -> Iterator[ContainerEvidence]:
    """The same container in earlier bags of its host, the newest first."""
    count = 0
    case = CaseEvidence(case_dir, container.bag.host_dir)
    for bag in case.bags():
        folder = bag.path / "data" / "containers" / container.id
        if bag.name < container.bag.name and folder.is_dir() and not folder.is_symlink() and count < _OLDER:
            count += 1
            yield ContainerEvidence(case, bag, folder)


def _urgency(one: Shown) -> tuple[int, str, str, str]:
    """As `rank` orders them; those without findings come last, by name."""
    return (one.position, one.host, one.name, one.id)


def _listed(one: Found, numbers: dict[Key, int], digests: dict[Key, Digest]) -> dict[str, Any]:
    finding = one.finding
    key = (finding.host, finding.container.id)
    row = {**finding.to_json(), "c": numbers[key], "suppressed": one.suppressed, "extra": one.extra}
    times = digests[key].times if key in digests else {}
    prefix = f"data/containers/{finding.container.id}/"
    seen = [times.get((ref.path.removeprefix(prefix), ref.line or 0)) for ref in finding.evidence]
    # The first reference is what the finding is about; others, such as a parent, only belong to it.
    row["time"] = next((time for time in seen if time), None)
    return row


def _container(one: Shown) -> dict[str, Any]:
    ranked = one.ranked
    return {
        "host": one.host,
        "id": one.id,
        "name": one.name or one.id,
        "image": one.image,
        "block": one.block,
        "severity": ranked.severity if ranked else None,
        "intrusion": ranked.intrusion if ranked else None,
        "suspicious": bool(ranked and ranked.suspicious),
        "exposed": bool(ranked and ranked.exposed),
        **one.told,
    }


def _all_hosts(hosts: dict[str, HostState], blocks: dict[str, str]) -> list[HostState]:
    """Those that were asked, and those of which a bag lies here without a row."""
    known = dict(hosts)
    for name in blocks:
        known.setdefault(name, HostState(name, status="collected"))
    return [known[name] for name in sorted(known)]


def _host(state: HostState, blocks: dict[str, str]) -> dict[str, Any]:
    return {**vars(state), "block": blocks.get(state.name)}


def _undo(case_dir: Path, hosts: list[str], command: Command) -> tuple[list[dict[str, Any]], list[str]]:
    """What is outstanding on each host by the case's undo records, and what could not be read of them."""
    found: list[dict[str, Any]] = []
    notices: list[str] = []
    for host in hosts:
        try:
            outstanding = records.of_host(case_dir, host)
        except EvidenceError as exc:
            notices.append(str(exc))
            continue
        for record in outstanding:
            # A host's own words are no part of a command.
            chosen = record.name if _NAME.fullmatch(record.name) else record.container[:12]
            found.append(
                {
                    "host": host,
                    "id": record.container[:12],
                    "name": html_case.short(record.name, 255),
                    "steps": [
                        {"sentence": change.step.sentence(), "state": change.state, "time": change.time}
                        for change in record.changes
                    ],
                    "command": command(case_dir, host, "release", extra=(f"containers={chosen}",)),
                }
            )
    return found, notices


def _chain(case_dir: Path) -> list[str]:
    """What is wrong with the custody log."""
    try:
        return [f"{CUSTODY}: {problem}" for problem in custody.verify_chain(case_dir)[:20]]
    except (OSError, Unreadable) as exc:
        return [f"{CUSTODY}: {exc}"]
