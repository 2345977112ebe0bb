# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""indicators.stix.json: what signs of a break-in name, as indicators of STIX 2.1 for others to look for.

Names of one's own hosts and containers stay out of it, so that it can be passed on.
"""

from __future__ import annotations

import ipaddress
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.clocks import clock_of
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import CaseEvidence
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
from ansible_collections.cordon.docker.plugins.plugin_utils._exchange.library import stix

BUNDLE = "indicators.stix.json"
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://galaxy.ansible.com/cordon/docker#stix")
_CONFIDENCE = {"low": 15, "medium": 50, "high": 85}
_LEAST_COMMAND = 16  # shorter command lines, such as `sh -i`, are everybody's
_MOST = 5000


@dataclass
class _Seen:
    """One value over all containers; `us` is when it was first seen, `found` are the findings that name it."""

    kind: str
    value: str
    us: int | None = None
    made: int = 0
    containers: set[tuple[str, str]] = field(default_factory=set)
    found: dict[str, Found] = field(default_factory=dict)


def write_stix(case_dir: Path) -> Path:
    """Write indicators.stix.json (0600) into the case, whole or not at all, and return its path.

    The findings are those of findings.jsonl: write that first. The same case gives the same bytes, ids included.
    Raises OSError, and CordonError where the Python package stix2 is missing.
    """
    library = stix()
    target = case_dir / BUNDLE
    objects = [member for seen in _collected(case_dir)[:_MOST] for member in _objects(library, seen)]
    unique = {member.id: member for member in objects}
    ordered = [json.loads(unique[name].serialize()) for name in sorted(unique)]
    whole = {
        "type": "bundle",
        "id": f"bundle--{uuid.uuid5(_SPACE, json.dumps(ordered, sort_keys=True))}",
        "objects": ordered,
    }
    with replaced(target) as stream:
        stream.write(json.dumps(whole, indent=1, sort_keys=True).encode() + b"\n")
    return target


def _collected(case_dir: Path) -> list[_Seen]:
    accusing = [finding for finding in read_findings(case_dir) if finding.accuses]
    naming: dict[Any, list[Found]] = {}
    for finding in accusing:
        for ref in finding.evidence:
            naming.setdefault(ref, []).append(finding)
    accused = {(finding.host, finding.container.id) for finding in accusing}
    known: dict[tuple[str, str], _Seen] = {}
    own: set[str] = set()
    ordinary: set[str] = set()
    for container in CaseEvidence(case_dir).containers:
        key = (container.bag.host, container.id)
        own.update(address for address, _its in own_addresses(container))
        ordinary.update(ordinary_hashes(container))
        if key in accused:
            clock = clock_of(container.bag.path)
            for one in Observer(container, clock, frozenset(naming)).all():
                if one.strong and _worth(one):
                    seen = known.setdefault((one.kind, one.value), _Seen(one.kind, one.value))
                    _take(seen, one, key, naming.get(one.ref, []))
                    seen.made = max(seen.made, clock.collected_us or 0)
        container.forget()
    everybodys = {"remote": own, "file-hash": ordinary}
    kept = (seen for seen in known.values() if seen.value not in everybodys.get(seen.kind, ()))
    return sorted(kept, key=lambda seen: (seen.kind, seen.value))


def _take(seen: _Seen, one: Observation, key: tuple[str, str], found: list[Found]) -> None:
    times = [us for us in (seen.us, one.us) if us is not None]
    seen.us = min(times, default=None)
    seen.containers.add(key)
    seen.found.update({finding.rule: finding for finding in found})


def _worth(one: Observation) -> bool:
    """Whether others can make use of it."""
    if one.kind == "command-line":
        return len(one.value) >= _LEAST_COMMAND and " " in one.value and one.value.isprintable()
    return one.kind in ("file-hash", "remote") or one.value.startswith("sha256:")


def pattern_of(kind: str, value: str) -> str:
    """The pattern of an observation. Pure."""
    text = value.replace("\\", "\\\\").replace("'", "\\'")
    if kind == "remote":
        version = ipaddress.ip_address(value).version
        return f"[ipv{version}-addr:value = '{text}']"
    if kind == "command-line":
        return f"[process:command_line = '{text}']"
    return f"[file:hashes.'SHA-256' = '{text.removeprefix('sha256:')}']"


def _objects(library: Any, seen: _Seen) -> Iterator[Any]:
    pattern = pattern_of(seen.kind, seen.value)
    made = written(seen.made)
    rules = sorted(seen.found)
    best = max(
        (finding.confidence for finding in seen.found.values()), key=_CONFIDENCE.__getitem__, default="low"
    )
    number = len(seen.containers)
    where = "1 container" if number == 1 else f"{number} containers"
    indicator = library.Indicator(
        id=f"indicator--{uuid.uuid5(_SPACE, pattern)}",
        created=made,
        modified=made,
        name=plain(f"{seen.kind} {seen.value}", 120),
        description=f"Seen in {where} with {', '.join(rules) or 'signs of a break-in'}.",
        indicator_types=["malicious-activity"],
        pattern=pattern,
        pattern_type="stix",
        pattern_version="2.1",
        valid_from=made if seen.us is None else written(min(seen.us, seen.made or seen.us)),
        confidence=_CONFIDENCE[best],
    )
    yield indicator
    for technique in sorted({finding.technique for finding in seen.found.values() if finding.technique}):
        yield from _technique(library, indicator, technique)


def _technique(library: Any, indicator: Any, technique: str) -> Iterator[Any]:
    """The technique, under an id of ours, and what binds the indicator to it."""
    begun = written(0)
    attack = library.AttackPattern(
        id=f"attack-pattern--{uuid.uuid5(_SPACE, technique)}",
        created=begun,
        modified=begun,
        name=technique,
        external_references=[
            {
                "source_name": "mitre-attack",
                "external_id": technique,
                "url": f"https://attack.mitre.org/techniques/{technique.replace('.', '/')}",
            }
        ],
    )
    yield attack
    yield library.Relationship(
        id=f"relationship--{uuid.uuid5(_SPACE, f'{indicator.id} {attack.id}')}",
        created=indicator.created,
        modified=indicator.modified,
        relationship_type="indicates",
        source_ref=indicator.id,
        target_ref=attack.id,
    )
