# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of a barrier, written for nft and read back from its JSON. Pure.

Priority -300 comes before connection tracking and before every rewriting of addresses, so that established
flows, and what is on its way to the engine's resolver at 127.0.0.11, are dropped as well.
"""

from __future__ import annotations

import json
from typing import Any

from .values import CGROUP, Barrier

RESOLVER = "127.0.0.11"


def rules(table: str, barrier: Barrier, raw: bool = True) -> str:
    """What ``nft -f -`` is given: one transaction, which also replaces what is left of an earlier one.

    With ``raw``, frames that never pass the layers above are dropped on each device too (kernel 5.16 on).
    """
    lines = [f"table inet {table}", f"delete table inet {table}", f"table inet {table} {{"]
    if barrier.scope == CGROUP:
        match = f'socket cgroupv2 level {barrier.level} "{barrier.path}" drop'
        lines += [_chain(hook, "accept", match) for hook in ("input", "output")]
    else:
        lines += [
            _chain("input", "drop", 'iifname "lo" accept'),
            _chain("output", "drop", f'ip daddr {RESOLVER} drop; oifname "lo" accept'),
            _chain("forward", "drop", ""),
        ]
    lines.append("}")
    if raw and barrier.devices:
        lines += [f"table netdev {table}", f"delete table netdev {table}", f"table netdev {table} {{"]
        for number, device in enumerate(barrier.devices):
            for hook in ("ingress", "egress"):
                lines.append(
                    f'  chain {hook}{number} {{ type filter hook {hook} device "{device}" priority -500;'
                    " policy drop; }"
                )
        lines.append("}")
    return "\n".join(lines) + "\n"


def _chain(hook: str, policy: str, rule: str) -> str:
    end = f" {rule};" if rule else ""
    return f"  chain {hook} {{ type filter hook {hook} priority -300; policy {policy};{end} }}"


def removal(table: str, families: tuple[str, ...]) -> str:
    """Declaring a table first makes its deletion succeed where it is gone already."""
    return "".join(f"table {family} {table}\ndelete table {family} {table}\n" for family in families)


def complete(listing: str, barrier: Barrier) -> bool:
    """Whether ``nft -j list table inet …`` shows every chain with its policy, every rule, and no other."""
    found = _objects(listing)
    if found is None:
        return False
    chains = {(chain.get("hook"), chain.get("policy"), chain.get("prio")) for chain in found["chain"]}
    wanted = [(rule.get("chain"), _verdicts(rule)) for rule in found["rule"]]
    if barrier.scope == CGROUP:
        dropped = all(_about(rule, barrier.path) for rule in found["rule"])
        expected = {("input", "accept", -300), ("output", "accept", -300)}
        return dropped and chains == expected and sorted(wanted) == [("input", "drop"), ("output", "drop")]
    expected = {("input", "drop", -300), ("output", "drop", -300), ("forward", "drop", -300)}
    return chains == expected and sorted(wanted) == [
        ("input", "accept"),
        ("output", "accept"),
        ("output", "drop"),
    ]


def raw_complete(listing: str, barrier: Barrier) -> bool:
    """The same for ``nft -j list table netdev …``: two chains a device, each dropping all."""
    found = _objects(listing)
    if found is None:
        return False
    hooks = [chain.get("hook") for chain in found["chain"] if chain.get("policy") == "drop"]
    return all(hooks.count(hook) == len(barrier.devices) for hook in ("ingress", "egress"))


def _objects(listing: str) -> dict[str, list[dict[str, Any]]] | None:
    try:
        items = json.loads(listing)["nftables"]
    except (ValueError, KeyError, TypeError):
        return None
    return {kind: [item[kind] for item in items if kind in item] for kind in ("chain", "rule")}


def _verdicts(rule: dict[str, Any]) -> str:
    return ",".join(key for part in rule.get("expr") or () for key in part if key in ("accept", "drop"))


def _about(rule: dict[str, Any], path: str) -> bool:
    matches = (part.get("match") or {} for part in rule.get("expr") or ())
    return any(
        match.get("left") == {"socket": {"key": "cgroupv2"}} and match.get("right") == path
        for match in matches
    )
