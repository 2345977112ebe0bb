# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Triage beside what a responder would do today, on one host of each engine version of the lab.

    make lab && .venv/bin/python bench/triage.py --containers 10,50,100 --runs 5

For each host and number of containers, in one run and in turn: the guide as a playbook, the guide as one loop over
ssh, a play with one ping, and triage.yml. Prints Markdown. The floor is the ping play plus the longest single call
to the engine that triage cannot do without, timed on the host against the engine's socket.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from hosts import BENCH, BIN, ENV, IMAGE, INVENTORY, ROOT, all_hostvars, shell, ssh
from measure import Command, medians, row

PREFIX = "bench-"
# The guides take minutes with many containers, and what they take hardly varies: beyond this many, one run will do.
GUIDES_ONCE_ABOVE = 10


HEAD = (
    "engine",
    "containers",
    "guide, playbook (s)",
    "guide, ssh (s)",
    "ping (s)",
    "longest call (s)",
    "triage (s)",
    "× playbook",
    "× ssh",
    "÷ floor",
)


def main() -> None:
    options = _options()
    inventory = all_hostvars(options.inventory)
    print(row(*HEAD))
    print(row(*["---"] * len(HEAD)))
    for host in options.hosts or sorted(inventory):
        try:
            for count in options.containers:
                raise_containers(host, count)
                print(_figures(options, host, inventory[host], count), flush=True)
        finally:
            remove_containers(host)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inventory", type=Path, default=INVENTORY)
    parser.add_argument(
        "--hosts", type=lambda text: text.split(","), help="default: every host of the inventory"
    )
    parser.add_argument(
        "--containers", type=lambda text: [int(n) for n in text.split(",")], default=[10, 50, 100]
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-guides", action="store_true", help="leave the slow ones out")
    return parser.parse_args()


def _figures(options: argparse.Namespace, host: str, hostvars: dict[str, Any], count: int) -> str:
    with tempfile.TemporaryDirectory() as evidence:
        commands = _commands(options, host, hostvars, count, evidence)
        took = medians(commands, options.runs, ENV)
    call = _longest_call(host)
    floor = took["ping"] + call
    guide, ssh = took.get("guide"), took.get("ssh")
    return row(
        hostvars["lab_engine_version"].split("+")[0],
        count,
        guide or "–",
        ssh or "–",
        took["ping"],
        call,
        took["triage"],
        guide / took["triage"] if guide else "–",
        ssh / took["triage"] if ssh else "–",
        took["triage"] / floor,
    )


def _commands(
    options: argparse.Namespace, host: str, hostvars: dict[str, Any], count: int, evidence: str
) -> dict[str, Command]:
    play: list[str | Path] = [BIN / "ansible-playbook", "-i", options.inventory, "-l", host]
    once = 1 if count > GUIDES_ONCE_ABOVE else None
    guides = {
        "guide": Command([*play, BENCH / "playbooks" / "guide.yml"], runs=once or options.runs),
        "ssh": Command(ssh(hostvars, "sudo sh -s"), runs=once or options.runs, stdin=BENCH / "guide.sh"),
    }
    ours = {
        "ping": Command([*play, BENCH / "playbooks" / "ping.yml"]),
        "triage": Command([*play, ROOT / "playbooks" / "triage.yml", "-e", f"evidence_dir={evidence}"]),
    }
    return ours if options.no_guides else {**guides, **ours}


def raise_containers(host: str, wanted: int) -> None:
    """Bring the host to ``wanted`` containers in all, those of its scenes counted."""
    there = len(shell(host, "docker", "ps", "--all", "--quiet").split())
    for number in range(there, wanted):
        shell(host, "docker", "run", "--detach", "--name", f"{PREFIX}{number}", IMAGE)


def remove_containers(host: str) -> None:
    ours = shell(host, "docker", "ps", "--all", "--quiet", "--filter", f"name=^{PREFIX}").split()
    if ours:
        shell(host, "docker", "rm", "--force", *ours)


def _longest_call(host: str) -> float:
    """Seconds of the longest single call to the engine that triage makes, over all containers; on the host."""
    return float(shell(host, "python3", "-", stdin=(BENCH / "calls.py").read_bytes()).split()[-1])


if __name__ == "__main__":
    main()
