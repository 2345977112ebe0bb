# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the integration targets against the lab, telling ansible-test where it is: it strips the environment."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from tools.commands import BIN, BUILD, ROOT, StepError, environment
from tools.stage import stage

LAB = ROOT / "lab" / "lab"


def command() -> Path:
    """The lab's command, with the lab that is meant: ansible-test hands no environment on to targets."""
    path = BUILD / "lab"
    name = os.environ.get("CORDON_LAB_NAME")
    chosen = f"CORDON_LAB_NAME={shlex.quote(name)} " if name else ""
    path.write_text(f'#!/bin/sh\n{chosen}exec {shlex.quote(str(LAB))} "$@"\n')
    path.chmod(0o755)
    return path


def prepare() -> Path:
    """Stage a copy of its own, since sanity may be at work in the other, and tell it where the lab is."""
    inventory = Path(
        subprocess.run([LAB, "inventory"], check=True, capture_output=True, text=True).stdout.strip()
    )
    if not inventory.is_file():
        raise StepError("The lab is down: bring it up with `make lab`, then run this again.")
    staged = stage(BUILD / "integration")
    targets = sorted(path.name for path in (staged / "tests" / "integration" / "targets").glob("[!_]*"))
    if not [name for name in targets if not name.startswith("setup_")]:
        raise StepError("There is no integration target to run in tests/integration/targets.")
    config = {
        "lab_inventory": str(inventory),
        "lab_command": str(command()),
        "controller_bin": str(BIN),
    }
    (staged / "tests" / "integration" / "integration_config.yml").write_text(json.dumps(config))
    return staged


def main(arguments: list[str]) -> None:
    """Become ansible-test, with the targets or options given."""
    staged = prepare()
    os.chdir(staged)
    program = BIN / "ansible-test"
    words = [str(program), "integration", "--venv", "--requirements", "--color", "no", *arguments]
    os.execve(program, words, environment())


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except StepError as error:
        sys.exit(str(error))
