# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guide tells of every rule, and every table of knowledge is fit for use."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.correlate import COMBINATIONS
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import SEVERITIES
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge import (
    escapes,
    programs,
    requests,
)

ROOT = Path(__file__).parents[5]
ANALYSIS = ROOT / "plugins" / "plugin_utils" / "_analysis"


def rule_names() -> set[str]:
    """Every name a finding's rule can have, from the source of the rules."""
    names = {f"{state}-executable" for state in ("deleted", "memfd", "upper", "volume")}
    names |= {f"request-{attempt.name}" for attempt in requests.ATTEMPTS}
    for source in [*ANALYSIS.glob("rules/*.py"), ANALYSIS / "evaluate.py"]:
        text = source.read_text()
        names.update(re.findall(r'rule="([a-z-]+)"', text))
        names.update(re.findall(r'_sign\(container, "([a-z-]+)"', text))
    return names | {"reverse-shell", "bind-shell"}


def test_the_guide_tells_of_every_rule() -> None:
    guide = (ROOT / "docs" / "findings.md").read_text()
    assert [name for name in sorted(rule_names()) if f"`{name}`" not in guide] == []


def test_combinations_name_rules_that_exist() -> None:
    for combination in COMBINATIONS:
        assert combination.rules | (combination.beside or frozenset()) <= rule_names()


def test_ways_out_are_never_critical_alone() -> None:
    ways = [*escapes.CAPABILITIES.values(), *escapes.HOST_NAMESPACES.values()]
    ways += [way for pair in escapes.HOST_PATHS.values() for way in pair]
    assert {way.severity for way in ways} <= set(SEVERITIES[:4])
    assert all(way.allows[0].islower() and not way.allows.endswith(".") for way in ways)


def test_every_host_tree_says_what_it_allows() -> None:
    assert set(escapes.HOST_PATHS) >= escapes.HOST_TREES


def test_no_program_has_two_trades() -> None:
    groups = [
        set(programs.SERVICES),
        programs.SHELLS,
        programs.INTERPRETERS,
        programs.NETWORK_TOOLS,
        programs.DOWNLOADERS,
        programs.LAUNCHERS,
    ]
    for number, group in enumerate(groups):
        for other in groups[number + 1 :]:
            assert group.isdisjoint(other)
