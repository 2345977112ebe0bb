# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing two gigabytes off a host: preserve beside `sftp get` and `ssh host cat` of the same bytes, in turn.

    make lab && .venv/bin/python bench/preserve.py --host web1 --runs 3

The file is in a folder that a container shares, so that all read the same bytes from the same disk. What preserve
takes is told twice: the transfer alone, hashing on both sides included, and everything from starting the module to the
sealed bag. Memory and staging are sampled in a run of their own; one base image over all hosts comes last.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hosts import BIN, ENV, IMAGE, ROOT, all_hostvars, shell, ssh
from measure import row

NAME = "bench-preserve"
FOLDER = "/var/tmp/bench-preserve"
BYTES = 2_000_000_000
STAGING = ("/dev/shm", "/run")
_MAKE = {
    "random": f"head -c {BYTES} /dev/urandom",
    "compressible": f"yes '203.0.113.7 - - [25/Nov/2026:10:00:00 +0000] \"GET /shop HTTP/1.1\" 200' | head -c {BYTES}",
    "small": "head -c 4096 /dev/urandom",
}


@dataclass(frozen=True)
class Took:
    """Seconds of the transfer alone and of everything."""

    transfer: float
    everything: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--host", default="web1")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--kinds", nargs="*", default=["random", "compressible"])
    options = parser.parse_args()
    inventory = _inventory()
    hostvars = all_hostvars(inventory)
    try:
        _speed(options.host, options.runs, options.kinds, hostvars[options.host], inventory)
        _memory(options.host, inventory)
    finally:
        shell(options.host, "sh", "-c", f"docker rm -f {NAME} >&2; rm -rf {FOLDER}")
    _one_image(sorted(hostvars), inventory)


def _speed(host: str, runs: int, kinds: Sequence[str], hostvars: dict[str, Any], inventory: Path) -> None:
    print(
        row(
            "data",
            "cat (s)",
            "sftp get (s)",
            "pipe (s)",
            "chunks (s)",
            "pipe, whole run (s)",
            "sftp / pipe",
            "cat / pipe",
            "sftp / chunks",
        )
    )
    print(row(*["---"] * 9), flush=True)
    for kind in kinds:
        _put(host, kind)
        times: dict[str, list[float]] = {name: [] for name in ("cat", "sftp", "pipe", "whole", "chunks")}
        for turn in range(runs + 1):
            cat, sftp = _cat(hostvars), _sftp(hostvars)
            pipe = _preserve(host, inventory, "transfer=pipe")
            chunks = _preserve(host, inventory, "transfer=chunks")
            if turn:  # the first fills caches and opens the connection
                for name, took in (
                    ("cat", cat),
                    ("sftp", sftp),
                    ("pipe", pipe.transfer),
                    ("whole", pipe.everything),
                    ("chunks", chunks.transfer),
                ):
                    times[name].append(took)
        mid = {name: statistics.median(taken) for name, taken in times.items()}
        print(
            row(
                f"2 GB {kind}", mid["cat"], mid["sftp"], mid["pipe"], mid["chunks"], mid["whole"],
                mid["sftp"] / mid["pipe"], mid["cat"] / mid["pipe"], mid["sftp"] / mid["chunks"],
            ),
            flush=True,
        )  # fmt: skip


def _put(host: str, kind: str) -> None:
    anew = f"docker rm -f {NAME} >&2; rm -rf {FOLDER}; mkdir -p {FOLDER}"
    shell(host, "sh", "-c", f"{anew}; {_MAKE[kind]} > {FOLDER}/data; chmod -R a+rX {FOLDER}")
    shell(host, "docker", "run", "--detach", "--name", NAME, "--volume", f"{FOLDER}:/data:ro", IMAGE)


def _cat(hostvars: dict[str, Any]) -> float:
    with tempfile.TemporaryDirectory(dir=_room()) as folder:
        began = time.perf_counter()
        with (Path(folder) / "data").open("wb") as target:
            subprocess.run(ssh(hostvars, f"cat {FOLDER}/data"), stdout=target, check=True)
        return time.perf_counter() - began


def _sftp(hostvars: dict[str, Any]) -> float:
    command = ssh(hostvars, "")[1:-2]
    place = f"{hostvars['ansible_user']}@{hostvars['ansible_host']}:{FOLDER}/data"
    with tempfile.TemporaryDirectory(dir=_room()) as folder:
        began = time.perf_counter()
        subprocess.run(
            ["sftp", "-q", *command, place, f"{folder}/data"], check=True, stdout=subprocess.DEVNULL
        )
        return time.perf_counter() - began


def _preserve(host: str, inventory: Path, *extra: str, items: str = "bind_content") -> Took:
    with tempfile.TemporaryDirectory(dir=_room()) as folder:
        _run(host, inventory, Path(folder), items, extra)
        info = _bag_info(Path(folder) / "bench" / host)
        row_ = (Path(folder) / "bench" / "hosts.jsonl").read_text().splitlines()[-1]
        import json

        return Took(float(info["Transfer-Seconds"]), float(json.loads(row_)["seconds"]))


def _run(limit: str, inventory: Path, folder: Path, items: str, extra: Sequence[str]) -> None:
    given = ["case=bench", f"evidence_dir={folder}", *extra]
    if items == "bind_content":
        given += [f"containers={NAME}", "bind_content=*"]
    words = [word for value in (*given, f'{{"items": ["{items}"]}}') for word in ("-e", value)]
    command: list[str | Path] = [
        BIN / "ansible-playbook",
        ROOT / "playbooks" / "preserve.yml",
        "-i",
        inventory,
        "-l",
        limit,
    ]
    done = subprocess.run(
        [*command, *words],
        env={**os.environ, **ENV},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stdout[-3000:] + done.stderr[-1000:])


def _bag_info(host_folder: Path) -> dict[str, str]:
    (bag,) = host_folder.iterdir()
    return dict(line.split(": ", 1) for line in (bag / "bag-info.txt").read_text().splitlines())


def _memory(host: str, inventory: Path) -> None:
    """Peaks with four kilobytes and with two gigabytes: what the size costs is the difference."""
    print()
    print(
        row(
            "peak of",
            "sender on the host (MiB)",
            "worker on the controller (MiB)",
            "staged on the host (MiB)",
        )
    )
    print(row(*["---"] * 4), flush=True)
    for kind in ("small", "random"):
        _put(host, kind)
        for way in ("pipe", "chunks"):
            with _Sampler(host) as sampler:
                _preserve(host, inventory, f"transfer={way}")
            print(
                row(f"{way}, {kind}", sampler.sender / 1024, sampler.worker / 1024, sampler.staged / 1024),
                flush=True,
            )


class _Sampler:
    """Looks at processes and at the staging folders ten times a second; sizes in KiB.

    The lab's processes are seen from this machine: the sender is the one that has the staging folder open.
    """

    def __init__(self, host: str) -> None:
        self.sender = self.worker = self.staged = 0.0
        self._host = host
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.1):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    self._one(process)
                except OSError:
                    continue

    def _one(self, process: Path) -> None:
        command = (process / "cmdline").read_bytes()
        if b"ansible-playbook" in command:
            self.worker = max(self.worker, _peak(process))
        elif b"python" in command:
            for link in (process / "fd").iterdir():
                target = str(link.readlink())
                if "/cordon-" in target and target.startswith(STAGING):
                    self.sender = max(self.sender, _peak(process))
                    self.staged = max(self.staged, _used(Path(f"{process}/root{target}")))


def _peak(process: Path) -> float:
    text = (process / "status").read_text()
    return next((float(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM")), 0.0)


def _used(folder: Path) -> float:
    if not folder.is_dir():
        return 0.0
    return sum(path.lstat().st_blocks for path in folder.iterdir()) / 2


def _one_image(names: list[str], inventory: Path) -> None:
    """One base image, all hosts at once: what was sent of it, and what was not."""
    print()
    print(row("host", "image in the bag (MB)", "sent (MB)", "held by the case already (MB)"))
    print(row(*["---"] * 4))
    for name in names:
        shell(name, "sh", "-c", f"docker rm -f {NAME} >&2; docker run --detach --name {NAME} {IMAGE}")
    folder = Path(tempfile.mkdtemp(dir=_room()))
    try:
        _run("all", inventory, folder, "image", [f"containers={NAME}"])
        for name in names:
            info = _bag_info(folder / "bench" / name)
            octets = int(info["Payload-Oxum"].split(".")[0])
            sent, known = int(info["Transfer-Bytes"]), int(info["Transfer-Bytes-Known-To-The-Case"])
            print(row(name, octets / 1e6, sent / 1e6, known / 1e6))
    finally:
        shutil.rmtree(folder)
        for name in names:
            shell(name, "docker", "rm", "--force", NAME)


def _room() -> str:
    return os.environ.get("TMPDIR", "/var/tmp")


def _inventory() -> Path:
    done = subprocess.run([ROOT / "lab" / "lab", "inventory"], check=True, capture_output=True, text=True)
    return Path(done.stdout.strip())


if __name__ == "__main__":
    main()
