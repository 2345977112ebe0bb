# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Searching a log of one gigabyte: container_logs_info beside grep on the same file, over the same ssh.

    make lab && .venv/bin/python bench/logs.py --host db3 --runs 5

The search is what the module takes beyond a ping, which reaches the host in the same way. Lines are like those of a
web server's access log, and one in a hundred thousand has what is looked for.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from hosts import BIN, ENV, INVENTORY, all_hostvars, shell, ssh
from measure import Command, medians, row

NAME = "bench-log"
TURNS = 63  # makes one gigabyte
NEEDLE = "xmrig"
# A fixed text, a regular expression that needs one, and one that needs none.
PATTERNS = {
    "keyword": (["grep", "-cF", NEEDLE], f"keyword={NEEDLE}"),
    "regex with a fixed text": (["grep", "-cE", f"GET /{NEEDLE}[0-9]+"], f"regex='GET /{NEEDLE}[0-9]+'"),
    "regex without": (["grep", "-cE", "[0-9]{7}[.]z[ae]p"], "regex='[0-9]{7}[.]z[ae]p'"),
}

# 100,000 lines of some 90 bytes, which the engine writes with 60 more around each.
_SCRIPT = f"""
awk 'BEGIN {{
    for (i = 0; i < 100000; i++)
        printf "203.0.113.%d - - [25/Nov/2026:10:00:00 +0000] \\"GET /shop/%d HTTP/1.1\\" 200 %d\\n", i % 250, i, i
    print "GET /{NEEDLE}42 HTTP/1.1"; print "1234567.zap"
}}' > /block
for turn in $(seq {TURNS}); do cat /block; done
echo the log is whole
exec sleep infinity
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--host", default="db3")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    hostvars = all_hostvars(INVENTORY)[options.host]
    shell(options.host, "docker", "run", "--detach", "--name", NAME, "acme/base:1", "sh", "-c", _SCRIPT)
    try:
        _wait(options.host)
        path = json.loads(shell(options.host, "docker", "inspect", NAME))[0]["LogPath"]
        size = int(shell(options.host, "stat", "-c", "%s", path))
        print(f"The log has {size / 1e9:.2f} GB.\n")
        print(row("search", "grep (s)", "ping (s)", "container_logs_info (s)", "(module - ping) / grep"))
        print(row(*["---"] * 5))
        for name, (grep, argument) in PATTERNS.items():
            ad_hoc: list[str | Path] = [BIN / "ansible", options.host, "-i", INVENTORY]
            search = f"containers={NAME} {argument}"
            took = medians(
                {
                    "grep": Command(ssh(hostvars, f"sudo LC_ALL=C {_quoted(grep)} {path}")),
                    "ping": Command([*ad_hoc, "-m", "ansible.builtin.ping"]),
                    "module": Command([*ad_hoc, "-m", "cordon.docker.container_logs_info", "-a", search]),
                },
                options.runs,
                ENV,
            )
            ratio = (took["module"] - took["ping"]) / took["grep"]
            print(row(name, took["grep"], took["ping"], took["module"], ratio), flush=True)
    finally:
        shell(options.host, "docker", "rm", "--force", "--volumes", NAME)


def _quoted(command: list[str]) -> str:
    program, flag, pattern = command
    return f"{program} {flag} '{pattern}'"


def _wait(host: str) -> None:
    while "the log is whole" not in shell(host, "docker", "logs", "--tail", "1", NAME):
        time.sleep(5)


if __name__ == "__main__":
    main()
