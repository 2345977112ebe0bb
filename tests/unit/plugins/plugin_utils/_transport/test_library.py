# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ast
import io
import zipfile
from pathlib import Path

from ansible_collections.cordon.docker.plugins.module_utils import _travelled
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.library import library_archive

ROOT = Path(_travelled.__file__).parent
PACKAGE = "ansible_collections/cordon/docker/plugins/module_utils"
MODULES = ROOT.parent / "modules"


def test_all_that_runs_on_hosts_travels() -> None:
    with zipfile.ZipFile(io.BytesIO(library_archive())) as archive:
        names = set(archive.namelist())
    parts = PACKAGE.split("/")
    # Without Ansible's frame nobody else has the packages above it.
    above = {"/".join((*parts[:number], "__init__.py")) for number in range(1, len(parts))}
    assert names == {f"{PACKAGE}/{path.relative_to(ROOT).as_posix()}" for path in ROOT.rglob("*.py")} | above


def test_ansible_itself_sends_what_the_travelling_code_needs_of_ansible() -> None:
    """Only what a module imports of ansible.module_utils is packed by Ansible; the rest must not ask for more."""
    imported = {
        node.module
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ansible.")
    }
    assert imported <= {"ansible.module_utils.basic", "ansible.module_utils.common.parameters"}
