# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peak memory of triage on host and controller: with few containers, with many, and with one that is huge.

    make lab && .venv/bin/python bench/memory.py --host db3

The huge container has 100,000 changed files and a log of one gigabyte. Of several processes the largest counts. On
the host, Python is started through a wrapper that notes down what the kernel says of it when it has ended.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

from hosts import BIN, ENV, INVENTORY, ROOT, shell
from measure import row
from triage import raise_containers, remove_containers

WRAPPER = "/run/peak-python"
PEAK = "/run/peak-kib"
HUGE = "bench-huge"
FILES = 100_000
LOG_BYTES = 1_000_000_000
LINE_BYTES = 1000

# Runs on the lab host in place of its Python. ru_maxrss is in KiB on Linux (getrusage(2)).
_WRAPPER_TEXT = f"""#!/usr/bin/python3
import os, resource, sys
child = os.fork()
if child == 0:
    os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv[1:]])
_, status, usage = os.wait4(child, 0)
with open("{PEAK}", "a") as peak:
    peak.write(f"{{usage.ru_maxrss}}\\n")
sys.exit(os.waitstatus_to_exitcode(status))
"""

_HUGE_SCRIPT = f"""
mkdir /many && cd /many
i=0; while [ $i -lt {FILES} ]; do : > f$i; i=$((i+1)); done
line=$(head -c {LINE_BYTES} /dev/zero | tr '\\0' x)
yes "$line" | head -c {LOG_BYTES}
echo the log is whole
exec sleep infinity
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--host", default="db3")
    host = parser.parse_args().host
    shell(host, "sh", "-c", f"cat > {WRAPPER} && chmod 755 {WRAPPER}", stdin=_WRAPPER_TEXT.encode())
    print(row("what", "host (MiB)", "controller (MiB)", "seconds"))
    print(row(*["---"] * 4))
    try:
        for count in (10, 100):
            raise_containers(host, count)
            print(row(f"{count} containers", *_peaks(host)), flush=True)
        remove_containers(host)
        _raise_huge(host)
        print(row(f"{FILES:,} changed files and {LOG_BYTES / 1e9:.0f} GB of log", *_peaks(host)), flush=True)
    finally:
        remove_containers(host)


def _raise_huge(host: str) -> None:
    shell(host, "docker", "run", "--detach", "--name", HUGE, "acme/base:1", "sh", "-c", _HUGE_SCRIPT)
    while "the log is whole" not in shell(host, "docker", "logs", "--tail", "1", HUGE):
        time.sleep(5)


def _peaks(host: str) -> tuple[float, float, float]:
    """Peak MiB on the host and on the controller, and seconds, of one run of triage."""
    shell(host, "sh", "-c", f": > {PEAK}")
    with tempfile.TemporaryDirectory() as evidence:
        begin = time.perf_counter()
        playbook: list[str | Path] = [
            BIN / "ansible-playbook",
            "-i",
            INVENTORY,
            "-l",
            host,
            ROOT / "playbooks" / "triage.yml",
        ]
        process = subprocess.Popen(
            [
                *playbook,
                "-i",
                INVENTORY,
                "-l",
                host,
                "-e",
                f"evidence_dir={evidence}",
                "-e",
                f"ansible_python_interpreter={WRAPPER}",
            ],
            env={**os.environ, **ENV},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"triage ended with {process.returncode}")
    on_host = max(int(line) for line in shell(host, "cat", PEAK).split())
    return on_host / 1024, usage.ru_maxrss / 1024, took


if __name__ == "__main__":
    main()
