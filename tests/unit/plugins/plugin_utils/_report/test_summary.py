# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    ContainerName,
    Finding,
    Kind,
    Severity,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.ranking import rank
from ansible_collections.cordon.docker.plugins.plugin_utils._case.hosts import HostRow
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import columns
from ansible_collections.cordon.docker.plugins.plugin_utils._report.summary import Summary, render


def finding(
    host: str, name: str, severity: Severity, sentence: str, kind: Kind = "intrusion", image: str = "acme/x:1"
) -> Finding:
    container = ContainerName(name.encode().hex()[:12].ljust(12, "0"), name, image)
    return Finding(sentence, kind, host, container, severity, "high", sentence, sentence, "T1059", (), "")


def collected(host: str, containers: int, **items: int) -> HostRow:
    bag = f"{host}/20260102T120000Z-triage"
    return HostRow("r", "t", "triage", host, "collected", None, bag, containers, items)


EMPTY = Summary(
    case="evidence/INC-7",
    hosts=[collected("web1", 4)],
    ranked=[],
    findings="evidence/INC-7/findings.jsonl",
    inventory=None,
    compromised=[],
    threshold="high",
    next_command=None,
)
FULL = replace(
    EMPTY,
    hosts=[
        collected("app2", 7, collected=80, failed=2),
        collected("web1", 30, collected=300, truncated=1),
        HostRow("r", "t", "triage", "db3", "unreachable", "No route to host."),
        HostRow("r", "t", "triage", "db4", "failed", "The engine does not answer: start it."),
    ],
    ranked=rank(
        [
            finding("app2", "log4shell", "critical", "A bash, child of java, has a socket as its input."),
            finding("app2", "log4shell", "high", "Its log has requests with JNDI lookups."),
            finding("web1", "dvwa", "high", "The file /var/www/html/x.php was added after start."),
            finding("web1", "dvwa", "medium", "Two."),
            finding("web1", "dvwa", "medium", "Three."),
            finding("web1", "dvwa", "low", "Four."),
            finding("app2", "escape", "high", "It is privileged.", "exposure"),
            finding("app2", "shop", "low", "It runs as root.", "exposure"),
        ]
    ),
    inventory="evidence/INC-7/compromised.yml",
    compromised=["app2", "web1"],
    next_command="ansible-playbook triage.yml -i hosts.yml -l compromised -e case=INC-7",
)


def test_a_run_at_eighty_columns() -> None:
    expected = dedent(
        """\
        Signs of a break-in

          HOST  CONTAINER  SEVERITY  REASONS
          app2  log4shell  critical  A bash, child of java, has a socket as its input.
                acme/x:1             Its log has requests with JNDI lookups.
          web1  dvwa       high      The file /var/www/html/x.php was added after start.
                acme/x:1             Three.
                                     Two.
                                     And 1 more finding.

        No sign of a break-in, but an intruder could get out of

          HOST  CONTAINER  SEVERITY  REASONS
          app2  escape     high      It is privileged.
                acme/x:1

        34 containers of 37 on 2 hosts gave no cause for concern.

        Not collected: 2 of 4 hosts

          HOST  STATUS       REASON
          db3   unreachable  No route to host.
          db4   failed       The engine does not answer: start it.

        app2: 2 items failed, as is said in
          evidence/INC-7/app2/20260102T120000Z-triage/data/outcomes.jsonl
        web1: 1 item cut short, as is said in
          evidence/INC-7/web1/20260102T120000Z-triage/data/outcomes.jsonl

        Case         evidence/INC-7
        Findings     evidence/INC-7/findings.jsonl
        Inventory    evidence/INC-7/compromised.yml
                     2 hosts with a finding of high or above

        To look at those hosts again:
          ansible-playbook triage.yml -i hosts.yml -l compromised -e case=INC-7"""
    )
    assert render(FULL, 80) == expected


@pytest.mark.parametrize(
    ("summary", "said"),
    [
        (EMPTY, "No signs of a break-in were found."),
        (EMPTY, "4 containers of 4 on 1 host gave no cause for concern."),
        (replace(EMPTY, hosts=[collected("web1", 0)]), "There are no containers on 1 host."),
        (
            replace(EMPTY, hosts=[HostRow("r", "t", "triage", "a", "failed", "Why.")]),
            "Not collected: 1 of 1 host",
        ),
        (replace(EMPTY, hosts=[replace(collected("web1", 1), reason="/x is left.")]), "web1: /x is left."),
        (replace(EMPTY, unknown=["web9"]), "No host that was reached has a container named web9."),
        (replace(EMPTY, fault="KeyError: 'x'"), "could not be evaluated: KeyError: 'x'"),
    ],
)
def test_what_is_said(summary: Summary, said: str) -> None:
    assert said in render(summary, 80)


def test_a_faint_sign_accuses_nobody() -> None:
    faint = rank([finding("web1", "shop", "low", "A file was written.")])
    text = render(replace(EMPTY, ranked=faint), 80)
    assert text.startswith("No signs of a break-in were found.")
    assert "4 containers of 4" in text


def test_an_exposure_does_not_raise_a_sign_of_a_break_in() -> None:
    both = [
        finding("web1", "ci", "medium", "A shell."),
        finding("web1", "ci", "high", "Privileged.", "exposure"),
    ]
    text = render(replace(EMPTY, ranked=rank(both)), 80)
    assert "ci         medium    Privileged." in text


def test_nothing_is_claimed_of_hosts_that_were_not_reached() -> None:
    text = render(replace(EMPTY, hosts=[HostRow("r", "t", "triage", "a", "unreachable", "Why.")]), 80)
    assert text.startswith("Nothing was collected.")
    assert "concern" not in text


HOSTILE = st.text(max_size=40)


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, st.integers(20, 200))
def test_no_word_of_a_host_leaves_its_place(host: str, name: str, image: str, why: str, width: int) -> None:
    summary = replace(
        FULL,
        ranked=rank(
            [finding(host, name, "high", why, image=image), finding(host, name, "low", why, "exposure")]
        ),
        hosts=[HostRow("r", "t", "triage", host, "failed", why)],
        unknown=[name],
        fault=None,
        next_command=None,
    )
    text = render(summary, width)
    assert all(char in "\n …" or char.isprintable() for char in text)
    assert all(columns(line) <= max(60, width) for line in text.split("\n"))
