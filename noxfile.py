# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions that mirror the steps of `make test`, and `compat` over the supported releases of ansible-core.

.venv/bin/nox --list
"""

from __future__ import annotations

from pathlib import Path

import nox

nox.options.sessions = ["check"]
nox.options.default_venv_backend = "none"

CHECKS = [
    "lint",
    "types",
    "units",
    "sanity",
    "host-units",
    "ansible-lint",
    "package",
    "integration",
    "system",
]
# The supported releases, each on a Python that it runs on.
RELEASES = [
    ("3.11", "2.17.14"),
    ("3.11", "2.18.19"),
    ("3.11", "2.19.14"),
    ("3.12", "2.20.10"),
    ("3.13", "2.21.5"),
]
UNIT_TEST_TOOLS = ["bagit==1.9.0", "hypothesis==6.170.17", "pytest==9.2.0"]


@nox.session
def check(session: nox.Session) -> None:
    """All steps, as `make test` and the CI run them."""
    session.run("make", "test", external=True)


@nox.session
@nox.parametrize("step", CHECKS)
def step(session: nox.Session, step: str) -> None:
    """One step alone."""
    session.run("make", step, external=True)


@nox.session(venv_backend="venv")
@nox.parametrize(("python", "release"), RELEASES)
def compat(session: nox.Session, release: str) -> None:
    """Unit tests, documentation and the playbooks' syntax on another release of ansible-core."""
    session.install(f"ansible-core=={release}", "--requirement", "requirements.txt", *UNIT_TEST_TOOLS)
    checkout = {"PYTHONPATH": ".venv/collections", "ANSIBLE_CONFIG": "ansible.cfg"}
    session.run("pytest", "--quiet", "tests/unit", env=checkout)
    modules = sorted(f"cordon.docker.{path.stem}" for path in Path("plugins/modules").glob("*.py"))
    session.run("ansible-doc", "--type", "module", *modules, env=checkout, silent=True)
    for playbook in sorted(Path("playbooks").glob("*.yml")):
        name = f"cordon.docker.{playbook.stem}"
        session.run("ansible-playbook", name, "--syntax-check", "--inventory", "localhost,", env=checkout)
