# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line: a case in, a table and an exit code out."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from .case import verify
from .results import NOT_CHECKED, exit_code
from .seals import Trust
from .table import render

_EPILOG = (
    "Exit codes: 0 all that was checked holds; 1 something does not; 2 the case cannot be read; 3 what is sealed"
    " holds, and something came after the last seal. Get this program from the collection cordon.docker, not from"
    " whoever gave you the case."
)


def main(words: Sequence[str]) -> int:
    """Check the case that the words name, and print what came of it."""
    given = _parser().parse_args(words)
    case = Path(given.case)
    trust = Trust(given.allowed_signers, given.timestamp_ca, given.expect, given.identity)
    if not case.is_dir():
        sys.stderr.write(f"{case} is no folder: name the folder of a case, such as evidence/INC-7.\n")
        return NOT_CHECKED
    try:
        checks = verify(case, trust)
    except OSError as exc:
        sys.stderr.write(f"{case} cannot be read: {exc.strerror or exc}.\n")
        return NOT_CHECKED
    if given.json:
        sys.stdout.write("".join(json.dumps(asdict(check)) + "\n" for check in checks))
    else:
        sys.stdout.write(
            render(case.resolve().name, checks, shutil.get_terminal_size((100, 24)).columns) + "\n"
        )
    return exit_code(checks)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="verify", description="Check the sealed evidence of a case of cordon.docker.", epilog=_EPILOG
    )
    parser.add_argument("case", help="the folder of the case, such as evidence/INC-7")
    parser.add_argument(
        "--allowed-signers", type=Path, help="whose signatures count, instead of the case's own list"
    )
    parser.add_argument(
        "--timestamp-ca", type=Path, help="PEM file of the authorities whose time stamps count"
    )
    parser.add_argument("--identity", type=Path, help="age key file, to look into encrypted bags")
    parser.add_argument("--expect", help="SHA-256 of a seal that was noted down earlier")
    parser.add_argument("--json", action="store_true", help="one JSON object a row, instead of the table")
    return parser
