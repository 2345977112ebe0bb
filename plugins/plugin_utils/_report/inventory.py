# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""compromised.yml: an inventory that lets the next command say `-l compromised`. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import Finding, severity_level

_HEAD = """\
# The hosts of this case with a finding of {threshold} or above, to be used beside your own inventory,
# which knows how to reach them: ansible-playbook -i YOURS -i {name} -l compromised …
---
all:
  children:
    compromised:
      hosts:"""


def compromised(findings: Iterable[Finding], known: set[str], threshold: str) -> list[str]:
    """Hosts of the inventory with a finding at or above the threshold, each once, by name."""
    least = severity_level(threshold)
    found = {finding.host for finding in findings if severity_level(finding.severity) >= least}
    return sorted(found & known)


def inventory(hosts: Iterable[str], threshold: str, name: str = "compromised.yml") -> str:
    """The inventory as YAML, whatever the hosts are called."""
    lines = [f"        {_quoted(host)}:" for host in hosts]
    head = _HEAD.format(threshold=threshold, name=name)
    return "\n".join([head, *lines, ""]) if lines else f"{head} {{}}\n"


def _quoted(name: str) -> str:
    return '"' + "".join(_escaped(char) for char in name) + '"'


def _escaped(char: str) -> str:
    plain = " " <= char <= "~" and char not in '"\\'
    return char if plain else f"\\U{ord(char):08x}"
