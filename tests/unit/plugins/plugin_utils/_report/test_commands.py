# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible import context
from ansible.utils.context_objects import CLIArgs

from ansible_collections.cordon.docker.plugins.plugin_utils._report import commands


@pytest.mark.parametrize(
    ("book", "verb", "shown"),
    [
        ("playbooks/contain.yml", "release", "playbooks/release.yml"),
        ("cordon.docker.contain", "respond", "cordon.docker.respond"),
        ("site.yml", "release", "cordon.docker.release"),
        ("site.yml", None, "site.yml"),
    ],
)
def test_the_next_command_is_beside_the_one_that_was_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, book: str, verb: str | None, shown: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(context, "CLIARGS", CLIArgs({"inventory": ("my hosts",), "args": (book,)}))
    found = commands.command(tmp_path / "evidence" / "INC-7", "web1", verb, extra=["containers=dvwa"])
    assert found == f"ansible-playbook {shown} -i 'my hosts' -l web1 -e case=INC-7 -e containers=dvwa"


def test_another_evidence_dir_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(context, "CLIARGS", CLIArgs({"inventory": (), "args": ("contain.yml",)}))
    assert commands.command(Path("/srv/e/INC-7"), "all", "release").endswith(
        "-e case=INC-7 -e evidence_dir=/srv/e"
    )
