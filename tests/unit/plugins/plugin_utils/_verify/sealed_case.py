# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small cases as runs leave them: bags, rows, records, a custody log, seals, a key."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, files, hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.bag import BagWriter
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case

STARTED = 1_767_355_200.0  # 2026-01-02T12:00:00Z
ITEMS = {
    "host.json": b'{"hostname":"web1"}\n',
    "containers/0123456789ab/inspect.json": b'{"Name":"/shop"}\n',
    "containers/0123456789ab/logs/tail.jsonl": b'{"line":"GET /"}\n{"line":"GET /shell.php"}\n',
}


def new_key(folder: Path, name: str = "key") -> Path:
    """An SSH key without a passphrase."""
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(command, check=True)
    return path


def new_case(folder: Path, name: str = "INC-7") -> Case:
    """A case with two bags and one of each file that a run writes."""
    case = Case.open(folder, name, STARTED)
    for number, host in enumerate(("web1", "app2")):
        add_bag(case, host, STARTED + number)
    rows = [hosts.HostRow("r1", "t", "triage", host, hosts.COLLECTED) for host in ("web1", "app2")]
    hosts.add(case.path, rows)
    files.write_new(case.path / "findings.jsonl", b'{"rule":"web-shell"}\n')
    (case.path / "records" / "web1").mkdir(parents=True)
    files.write_new(case.path / "records" / "web1" / "0123456789ab.json", b'{"container":"0123456789ab"}')
    custody.record(case.path, [custody.Event("run closed", after={"run": "r1"})])
    return case


def add_bag(case: Case, host: str, now: float, items: Mapping[str, bytes] | None = None) -> str:
    """A sealed bag in its place and in the custody log."""
    with case.incoming() as incoming:
        bag = BagWriter.create(incoming / "bag")
        outcomes = b""
        for name, content in (ITEMS if items is None else items).items():
            with bag.new_file(PurePosixPath(name)) as sink:
                sink.write(content)
            outcomes += outcome(name, content)
        with bag.new_file(PurePosixPath("outcomes.jsonl")) as sink:
            sink.write(outcomes)
        seal = bag.seal({"Host": host})
        place = case.adopt_bag(bag.folder, host, "triage", now)
    after = {"bag": place, "tagmanifest_sha256": seal}
    custody.record(case.path, [custody.Event("evidence sealed", host, after=after, verified=True)])
    return place


def outcome(name: str, content: bytes) -> bytes:
    """A row of outcomes.jsonl."""
    row = {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return json.dumps({"item": "x", "status": "collected", **row}).encode() + b"\n"
