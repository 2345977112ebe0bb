# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the integration targets against the lab, telling ansible-test where it is: it strips the environment."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tools.commands import BIN, BUILD, ROOT, StepError, environment
from tools.stage import stage

INVENTORY = ROOT / "lab" / "inventory.yml"


def prepare() -> Path:
    """Stage a copy of its own, since sanity may be at work in the other, and tell it where the lab is."""
    if not INVENTORY.is_file():
        raise StepError("The lab is down: bring it up with `make lab`, then run this again.")
    staged = stage(BUILD / "integration")
    targets = sorted(path.name for path in (staged / "tests" / "integration" / "targets").glob("[!_]*"))
    if not [name for name in targets if not name.startswith("setup_")]:
        raise StepError("There is no integration target to run in tests/integration/targets.")
    config = {
        "lab_inventory": str(INVENTORY),
        "lab_command": str(ROOT / "lab" / "lab"),
        "controller_bin": str(BIN),
    }
    (staged / "tests" / "integration" / "integration_config.yml").write_text(json.dumps(config))
    return staged


def main(arguments: list[str]) -> None:
    """Become ansible-test, with the targets or options given."""
    staged = prepare()
    os.chdir(staged)
    program = BIN / "ansible-test"
    command = [str(program), "integration", "--venv", "--requirements", "--color", "no", *arguments]
    os.execve(program, command, environment())


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except StepError as error:
        sys.exit(str(error))
