# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Undo records in the case: records/<host>/<id12>.json, what was done to a container and not taken back yet.

The host keeps the same below /run, until it is booted or somebody takes that away.
"""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.cordon.docker.plugins.module_utils._containment.record import Record
from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump
from ansible_collections.cordon.docker.plugins.plugin_utils._case import files
from ansible_collections.cordon.docker.plugins.plugin_utils._case.names import host_folder

RECORDS = "records"
_SHORT = 12


def folder(case_dir: Path, host: str) -> Path:
    return case_dir / RECORDS / host_folder(host)


def keep(case_dir: Path, host: str, record: Record) -> None:
    """Have what is outstanding on the disk; nothing outstanding leaves no file. Raises OSError."""
    home = folder(case_dir, host)
    place = home / f"{record.container[:_SHORT]}.json"
    if not record.changes:
        if place.exists():
            place.unlink()
            files.sync_folder(home)
        return
    if not home.is_dir():
        for made in (home.parent, home):
            made.mkdir(mode=files.PRIVATE_FOLDER, exist_ok=True)
            files.sync_folder(made.parent)
    files.replace(place, dump(record.to_json()))


def of_host(case_dir: Path, host: str) -> list[Record]:
    """What is outstanding on a host, by the case. Raises EvidenceError for a file that somebody changed."""
    home = folder(case_dir, host)
    return [_read(path) for path in sorted(home.glob("*.json"))] if home.is_dir() else []


def _read(path: Path) -> Record:
    try:
        return Record.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError, EvidenceError) as exc:
        raise EvidenceError(
            f"The undo record {path} cannot be used ({exc}). Move it away: the host may have its own."
        ) from exc
