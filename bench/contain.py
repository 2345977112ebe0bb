# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containment beside the usual command, on one host of each engine version of the lab: when is the last packet heard?

    make lab && .venv/bin/python bench/contain.py --runs 5

A beacon in each container sends a line every 10 ms, over one TCP connection, to a listener beside the hosts. For one
container, in turn: ``ssh host docker network disconnect``, and a task each with container_network, container_link and
containment (action isolate): the time from the start of the command, or of the task, to the last line that arrived.
For many containers the whole time: one loop of that command over one ssh, without and with a look at what it did, and
one task, which verifies. Both go over a connection that is open already. Last, the same task on all hosts of the lab
beside one host. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hosts import BENCH, BIN, ENV, IMAGE, INVENTORY, all_hostvars, shell, ssh
from measure import row

LISTENER = ("10.213.7.1", "7010")
PREFIX = "bench-"
QUIET_SECONDS = 0.5
PATIENCE_SECONDS = 20.0
# The name comes first, and the host's last: names of containers are the same on all hosts.
BEACON = "while :; do (while echo $NAME; do usleep 10000; done) | nc {} {}; sleep 1; done".format(*LISTENER)
TASKS = {
    "disconnect": ("container_network", {}),
    "link down": ("container_link", {}),
    "isolate": ("containment", {"action": "isolate"}),
}


class Ears:
    """The listener, in the network namespace of the bridge between the hosts."""

    def __init__(self, lab: str) -> None:
        command = [
            "nsenter",
            f"--net=/run/netns/{lab}",
            sys.executable,
            str(BENCH / "listener.py"),
            *LISTENER,
        ]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._line()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _line(self) -> str:
        if self._process.stdout is None:
            raise RuntimeError("the listener says nothing")
        return self._process.stdout.readline()

    def last(self, name: str) -> float:
        """When it was last heard, 0 for never; seconds of this machine's clock."""
        if self._process.stdin is None:
            raise RuntimeError("the listener hears nothing")
        print("?", file=self._process.stdin, flush=True)
        heard: dict[str, float] = json.loads(self._line())
        return heard.get(name, 0.0)

    def wait_for(self, name: str, silent: bool) -> float:
        """Until it is silent, or heard; when it was heard last."""
        ends = time.time() + PATIENCE_SECONDS
        while time.time() < ends:
            last, now = self.last(name), time.time()
            if (now - last > QUIET_SECONDS) if silent else (now - last < QUIET_SECONDS / 3):
                return last
            time.sleep(0.05)
        raise RuntimeError(f"{name} did not become {'silent' if silent else 'heard'}")


@dataclass(frozen=True)
class Bench:
    """What all measurements share."""

    inventory: Path
    hostvars: Mapping[str, dict[str, Any]]
    ears: Ears
    folder: Path

    def by_ssh(self, host: str, script: str) -> tuple[float, float]:
        """When a command over ssh began, and when it ended."""
        began = time.time()
        subprocess.run(
            ssh(self.hostvars[host], f"sudo sh -c '{script}'"),
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        return began, time.time()

    def by_task(self, hosts: Sequence[str], module: str, arguments: Mapping[str, Any]) -> tuple[float, float]:
        """When a task began, and when the last host had done it."""
        play = [
            {
                "hosts": ",".join(hosts),
                "gather_facts": False,
                "tasks": [{f"cordon.docker.{module}": arguments}],
            }
        ]
        path, moments = self.folder / "play.json", self.folder / "moments.jsonl"
        path.write_text(json.dumps(play))
        moments.unlink(missing_ok=True)
        done = subprocess.run(
            [BIN / "ansible-playbook", "-i", self.inventory, path],
            env={
                **os.environ,
                **ENV,
                "ANSIBLE_CALLBACK_PLUGINS": str(BENCH / "callbacks"),
                "ANSIBLE_CALLBACKS_ENABLED": "moments",
                "CORDON_BENCH_MOMENTS": str(moments),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        times = {told["moment"]: told["time"] for told in map(json.loads, moments.read_text().splitlines())}
        return times["begin"], times["end"]

    def raise_containers(self, host: str, count: int, command: str = "sleep infinity") -> None:
        for name in containers(count):
            start = ["docker", "run", "--detach", "--name", name, "--env", f"NAME={name}.{host}"]
            shell(host, *start, "--entrypoint", "/bin/busybox", IMAGE, "sh", "-c", command)

    def check_cut(self, host: str, count: int) -> None:
        """By the engine's word: none is on a network any more."""
        form = "{{len .NetworkSettings.Networks}}"
        left = shell(host, "docker", "inspect", "--format", form, *containers(count)).split()
        if {*left} != {"0"}:
            raise RuntimeError(f"{host}: these many networks are left: {left}")

    def reconnect(self, host: str, count: int) -> None:
        each = " ".join(containers(count))
        shell(host, "sh", "-c", f"for name in {each}; do docker network connect bridge $name; done")

    def release(self, hosts: Sequence[str]) -> None:
        self.by_task(hosts, "containment", {"action": "release"})

    def remove(self, host: str) -> None:
        ours = shell(host, "docker", "ps", "--all", "--quiet", "--filter", f"name=^{PREFIX}").split()
        if ours:
            shell(host, "docker", "rm", "--force", *ours)


def containers(count: int) -> list[str]:
    return [f"{PREFIX}{number}" for number in range(count)]


def medians(ways: Mapping[str, Callable[[], float]], runs: int) -> dict[str, float]:
    """Median seconds of each way, in turn; the first turn is not counted."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(runs + 1):
        for name, way in ways.items():
            took = way()
            if turn:
                times[name].append(took)
    return {name: statistics.median(taken) for name, taken in times.items()}


def one(bench: Bench, host: str, runs: int) -> dict[str, float]:
    """Seconds from the start to the last line that arrived of one container."""
    beacon = f"{PREFIX}0.{host}"

    def by_ssh() -> float:
        began, _ended = bench.by_ssh(host, f"docker network disconnect bridge {PREFIX}0")
        last = bench.ears.wait_for(beacon, silent=True)
        bench.reconnect(host, 1)
        bench.ears.wait_for(beacon, silent=False)
        return last - began

    def by(task: str) -> Callable[[], float]:
        module, arguments = TASKS[task]

        def measure() -> float:
            began, _ended = bench.by_task([host], module, {**arguments, "containers": containers(1)})
            last = bench.ears.wait_for(beacon, silent=True)
            bench.release([host])
            bench.ears.wait_for(beacon, silent=False)
            return last - began

        return measure

    bench.ears.wait_for(beacon, silent=False)
    return medians({"ssh": by_ssh, **{task: by(task) for task in TASKS}}, runs)


def many(bench: Bench, host: str, count: int, runs: int) -> dict[str, float]:
    """Seconds that the whole takes for many containers of a host."""
    each = " ".join(containers(count))
    cut = "docker network disconnect bridge $name"
    look = 'docker inspect --format "{{json .NetworkSettings.Networks}}" $name'

    def loop(body: str) -> Callable[[], float]:
        def measure() -> float:
            began, ended = bench.by_ssh(host, f"for name in {each}; do {body}; done")
            bench.check_cut(host, count)
            bench.reconnect(host, count)
            return ended - began

        return measure

    def task() -> float:
        began, ended = bench.by_task([host], "container_network", {"containers": containers(count)})
        bench.check_cut(host, count)
        bench.release([host])
        return ended - began

    return medians({"loop": loop(cut), "loop, looking": loop(f"{cut}; {look}"), "task": task}, runs)


def fleet(bench: Bench, hosts: Sequence[str], runs: int) -> dict[str, float]:
    """Seconds that cutting off one container takes on one host, and one on each of all hosts at once."""

    def on(chosen: Sequence[str]) -> Callable[[], float]:
        def measure() -> float:
            began, ended = bench.by_task(chosen, "container_network", {"containers": containers(1)})
            for host in chosen:
                bench.check_cut(host, 1)
            bench.release(chosen)
            return ended - began

        return measure

    return medians({"one": on(hosts[:1]), "all": on(hosts)}, runs)


@contextmanager
def prepared(inventory: Path, lab: str) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as folder:
        ears = Ears(lab)
        try:
            yield Bench(inventory, all_hostvars(inventory), ears, Path(folder))
        finally:
            ears.close()


def engine(bench: Bench, host: str) -> str:
    return str(bench.hostvars[host]["lab_engine_version"]).split("+")[0]


def tell_one(bench: Bench, hosts: Sequence[str], runs: int) -> None:
    print(row("engine", "ssh (s)", *(f"{task} (s)" for task in TASKS), *(f"{task} ÷ ssh" for task in TASKS)))
    print(row(*["---"] * (2 + 2 * len(TASKS))))
    for host in hosts:
        try:
            bench.raise_containers(host, 1, BEACON)
            took = one(bench, host, runs)
        finally:
            bench.remove(host)
        ratios = [took[task] / took["ssh"] for task in TASKS]
        print(row(engine(bench, host), *took.values(), *ratios), flush=True)


def tell_many(bench: Bench, hosts: Sequence[str], count: int, runs: int) -> None:
    print()
    names = (
        "containers",
        "loop over ssh (s)",
        "looking too (s)",
        "task (s)",
        "loop ÷ task",
        "looking ÷ task",
    )
    print(row("engine", *names))
    print(row(*["---"] * 7))
    for host in hosts:
        try:
            bench.raise_containers(host, count)
            took = many(bench, host, count, runs)
        finally:
            bench.remove(host)
        ratios = [took["loop"] / took["task"], took["loop, looking"] / took["task"]]
        print(row(engine(bench, host), count, *took.values(), *ratios), flush=True)


def tell_fleet(bench: Bench, hosts: Sequence[str], runs: int) -> None:
    try:
        for host in hosts:
            bench.raise_containers(host, 1)
        took = fleet(bench, hosts, runs)
    finally:
        for host in hosts:
            bench.remove(host)
    print()
    print(row("hosts", "one host (s)", "all hosts (s)", "all ÷ one"))
    print(row(*["---"] * 4))
    print(row(len(hosts), took["one"], took["all"], took["all"] / took["one"]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inventory", type=Path, default=INVENTORY)
    parser.add_argument("--lab", default=os.environ.get("CORDON_LAB_NAME", "cordon-lab"))
    parser.add_argument("--many", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=("hosts", "fleet"))
    options = parser.parse_args()
    with prepared(options.inventory, options.lab) as bench:
        an_engine: dict[str, str] = {}
        for host in sorted(bench.hostvars):
            an_engine.setdefault(bench.hostvars[host]["lab_engine"], host)
        if options.only != "fleet":
            tell_one(bench, list(an_engine.values()), options.runs)
            tell_many(bench, list(an_engine.values()), options.many, options.runs)
        if options.only != "hosts":
            tell_fleet(bench, sorted(bench.hostvars), options.runs)


if __name__ == "__main__":
    main()
