# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user installs triages a fleet by its name, where no checkout is to be found."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from case import Case
from fleet import BIN, ROOT, Fleet


def test_triage_from_an_installed_tarball(fleet: Fleet, tmp_path: Path) -> None:
    collections = tmp_path / "collections"
    # .venv knows the checkout by the same name; it must not step in.
    env = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
        "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
    }

    (tmp_path / "ansible.cfg").touch()

    def run(program: str, *arguments: str | Path) -> str:
        done = subprocess.run(
            [BIN / program, *arguments],
            cwd=tmp_path,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    run("ansible-galaxy", "collection", "build", "--output-path", tmp_path, ROOT)
    (tarball,) = tmp_path.glob("cordon-docker-*.tar.gz")
    run("ansible-galaxy", "collection", "install", tarball, "--offline", "--collections-path", collections)
    told = run("ansible-playbook", "cordon.docker.triage", "-i", fleet.inventory, "-e", "case=INSTALLED")
    assert "evidence/INSTALLED" in told
    case = Case(tmp_path / "evidence" / "INSTALLED")
    assert {host: row["status"] for host, row in case.hosts.items()} == dict.fromkeys(
        fleet.hosts, "collected"
    )
