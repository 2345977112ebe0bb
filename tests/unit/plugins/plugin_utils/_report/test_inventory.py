# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    ContainerName,
    Finding,
    Severity,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._report.inventory import compromised, inventory


def finding(host: str, severity: Severity) -> Finding:
    name = ContainerName("0123456789ab", "web", "web:1")
    return Finding("1", "intrusion", host, name, severity, "high", "rule", "Why.", "T1059", (), "")


def test_hosts_at_or_above_the_threshold_that_the_inventory_knows() -> None:
    findings = [
        finding("web1", "critical"),
        finding("web1", "high"),
        finding("app2", "high"),
        finding("db3", "medium"),
        finding("evil: {x: y}", "critical"),
    ]
    known = {"web1", "app2", "db3"}
    assert compromised(findings, known, "high") == ["app2", "web1"]
    assert compromised(findings, known, "medium") == ["app2", "db3", "web1"]


def test_it_is_an_inventory() -> None:
    text = inventory(["app2", "web1"], "high")
    assert yaml.safe_load(text) == {
        "all": {"children": {"compromised": {"hosts": {"app2": None, "web1": None}}}}
    }
    assert "{{" not in text


def test_without_hosts_it_is_one_too() -> None:
    assert yaml.safe_load(inventory([], "high")) == {"all": {"children": {"compromised": {"hosts": {}}}}}


@given(
    st.lists(
        st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
        unique=True,
        min_size=1,
    )
)
def test_whatever_the_hosts_are_called(hosts: list[str]) -> None:
    read = yaml.safe_load(inventory(hosts, "high"))
    assert read == {"all": {"children": {"compromised": {"hosts": dict.fromkeys(hosts)}}}}
