# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demonstration: triage of the lab's compromised hosts, then what a responder would type next."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.commands import BIN, ROOT, blocking_output


def newest_case() -> Path | None:
    """The case in evidence/ that was last written to."""
    logs = sorted((ROOT / "evidence").glob("*/custody.jsonl"), key=lambda log: log.stat().st_mtime)
    return logs[-1].parent.relative_to(ROOT) if logs else None


def main() -> int:
    """Run the playbook as the README does and return its exit code."""
    blocking_output()
    command: list[str | Path] = [
        BIN / "ansible-playbook",
        "playbooks/triage.yml",
        "-i",
        "lab/inventory.yml",
        "-l",
        "compromised",
    ]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
    case = newest_case()
    if case is None:
        print("No case was made: see what ansible-playbook says above.")
        return done.returncode or 1
    bag = next(iter(sorted(case.glob("*/*/bagit.txt"))), case / "HOST" / "RUN" / "bagit.txt").parent
    print(
        f"\nThe case is {case}. What else there is to try:\n"
        f"  everything at a glance, in a browser               {case}/report.html\n"
        f"  the reasons, with file and line of the evidence    less {case}/findings.jsonl\n"
        f"  one host's evidence is as it was sealed            .venv/bin/bagit.py --validate {bag}\n"
        "  the whole case is as it was sealed                 .venv/bin/ansible-playbook playbooks/verify.yml\n"
        "  cut off what is compromised, and take it back      .venv/bin/ansible-playbook playbooks/contain.yml"
        " -i lab/inventory.yml -l compromised\n"
        "                                                     .venv/bin/ansible-playbook playbooks/release.yml"
        " -i lab/inventory.yml -l compromised\n"
        "  look around on a host                              lab/lab shell web1 docker ps\n"
        "  take the lab down                                  make lab-down"
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
