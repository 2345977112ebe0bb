# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The custody log of a case: who did what to the evidence, each line bound to the last by its hash.

`previous` is the SHA-256 of the line before with its newline, so that `sed -n 3p custody.jsonl | sha256sum`
gives what line 4 says. The first line has 64 zeros.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_line, utc
from ansible_collections.cordon.docker.plugins.plugin_utils._case import files
from ansible_collections.cordon.docker.plugins.plugin_utils._verify import chain
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.chain import (
    CUSTODY,
    FIRST,
    MAX_LINE_BYTES,
)


@dataclass(frozen=True)
class Event:
    """One action. `container` has its id and name; `before` and `after` are what it found and what it left;
    `verified` is None where there was nothing to verify."""

    action: str
    host: str | None = None
    container: Mapping[str, str] | None = None
    before: Any = None
    after: Any = None
    verified: bool | None = None
    reason: str | None = None


@lru_cache(maxsize=1)
def actor() -> str:
    """The user and the host this controller runs as, such as ada@bastion."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return f"{user}@{socket.gethostname()}"


def record(case_dir: Path, events: Iterable[Event]) -> None:
    """Append the events, all or none of them; processes take turns. Raises OSError and EvidenceError."""
    with files.locked(case_dir / CUSTODY) as log:
        last = _last_line(log)
        sequence = _sequence(case_dir, last)
        block = b""
        for event in events:
            sequence += 1
            last = dump_line(
                {
                    "seq": sequence,
                    "time": utc(time.time()),
                    "actor": actor(),
                    **vars(event),
                    "previous": hashlib.sha256(last).hexdigest() if last else FIRST,
                }
            )
            block += last
        files.append(log, block)


def last_written(case_dir: Path) -> str:
    """When the last line was written, RFC 3339 in UTC; an empty text where there is no log that tells."""
    try:
        with (case_dir / CUSTODY).open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - MAX_LINE_BYTES))
            lines = log.read().splitlines()
        return str(json.loads(lines[-1])["time"])
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return ""


def _sequence(case_dir: Path, last: bytes) -> int:
    if not last:
        return 0
    try:
        return int(json.loads(last)["seq"])
    except (ValueError, RecursionError, KeyError, TypeError) as exc:
        raise EvidenceError(
            f"The last line of {case_dir / CUSTODY} is no custody line, so nothing can be bound to it:"
            " somebody changed the log. Keep it as it is, and go on in another case."
        ) from exc


def _last_line(log: int) -> bytes:
    """The last whole line. What a crash left of an unfinished one is taken away: nothing was bound to it."""
    size = os.fstat(log).st_size
    tail = os.pread(log, MAX_LINE_BYTES, max(0, size - MAX_LINE_BYTES))
    whole = tail.rfind(b"\n") + 1
    if whole < len(tail):
        os.ftruncate(log, size - len(tail) + whole)
    return tail[tail.rfind(b"\n", 0, max(0, whole - 1)) + 1 : whole]


def verify_chain(case_dir: Path) -> list[str]:
    """What is wrong with the custody log, a sentence each; nothing where the chain holds. Raises Unreadable."""
    return chain.read(case_dir / CUSTODY, ()).problems
