# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promise 1: nothing of a container is ever executed. The kernel is the witness.

Every program start from the file system of a container is watched while the whole triage runs. The containers are
quiet, so that whatever starts in them was started by us, and each carries its own programs by the names that a
careless tool would call.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from exec_watch import ExecWatch
from fleet import Fleet

NAME = "quiet"
SETTLE_SECONDS = 0.5


@pytest.fixture
def quiet(fleet: Fleet) -> Iterator[dict[str, str]]:
    """A container on each host that starts nothing by itself: IDs by host."""
    ids = {host: fleet.container(host, NAME) for host in fleet.hosts}
    time.sleep(SETTLE_SECONDS)
    yield ids
    for host in fleet.hosts:
        fleet.remove(host, NAME)


def root_of(container_id: str) -> Path:
    """The root of a running container, seen from this machine, by the cgroup of its first process."""
    candidates = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if container_id in (process / "cgroup").read_text():
                candidates.append(int(process.name))
        except OSError:
            continue
    return Path("/proc", str(min(candidates)), "root")


def root_of_host(fleet: Fleet, host: str) -> Path:
    """The root of a lab host, seen from this machine: of the process that sees a file we put there."""
    mark = f"cordon-test-{os.getpid()}"
    fleet.shell(host, "touch", f"/run/{mark}")
    try:
        return next(root for root in Path("/proc").glob("[0-9]*/root") if (root / "run" / mark).exists())
    finally:
        fleet.shell(host, "rm", f"/run/{mark}")


def test_triage_starts_no_program_of_a_container(fleet: Fleet, quiet: dict[str, str], tmp_path: Path) -> None:
    roots = {host: root_of(container_id) for host, container_id in quiet.items()}
    with ExitStack() as stack:
        watches = {host: stack.enter_context(ExecWatch(root)) for host, root in roots.items()}
        run = fleet.playbook("triage", "-e", "case=WATCHED", cwd=tmp_path)
        time.sleep(SETTLE_SECONDS)
    assert run.code == 0, run.output
    collected = sorted(path.name for path in tmp_path.glob("evidence/WATCHED/*/*/data/containers/*"))
    assert set(collected) >= {container_id[:12] for container_id in quiet.values()}
    assert {host: watch.starts for host, watch in watches.items()} == {host: [] for host in fleet.hosts}


def test_the_watch_sees_what_an_exec_starts(fleet: Fleet, quiet: dict[str, str]) -> None:
    for host, container_id in quiet.items():
        with ExecWatch(root_of(container_id)) as watch:
            fleet.shell(host, "docker", "exec", NAME, "cat", "/etc/hostname")
            time.sleep(SETTLE_SECONDS)
        # The image is one busybox under many names.
        assert any("busybox" in start.path or start.path.endswith("/cat") for start in watch.starts), host


def test_the_watch_sees_what_triage_starts_on_the_host(fleet: Fleet, tmp_path: Path) -> None:
    """The other control: the same watch, on the host's own file system, does see the tools that triage starts."""
    host = fleet.hosts[0]
    with ExecWatch(root_of_host(fleet, host)) as watch:
        run = fleet.playbook("triage", "-l", host, "-e", "case=TOOLS", cwd=tmp_path)
        time.sleep(SETTLE_SECONDS)
    assert run.code == 0, run.output
    started = {Path(start.path).name.rstrip(".0123456789") for start in watch.starts}
    assert {"python", "nsenter", "ip"} <= started
