# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Seals a case at the end of a run: what lies in it besides its bags, the custody log, and who vouches for both.

The bags need no list: the log has the hash of each one's tag manifest. What a seal is made of stands in
_verify/seals.py, which checks it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError, EvidenceError
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, files
from ansible_collections.cordon.docker.plugins.plugin_utils._case.signing import Signer
from ansible_collections.cordon.docker.plugins.plugin_utils._case.stamping import stamp
from ansible_collections.cordon.docker.plugins.plugin_utils._verify import chain, seals
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.results import Unreadable
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.survey import (
    SEALS,
    seal_list,
    seal_of,
)


@dataclass(frozen=True)
class Seal:
    """A finished seal. `sha256` is that of the custody log up to its line, which is worth noting down elsewhere;
    `fault` is why there is no time stamp, where one was asked for."""

    number: int
    line: int
    sha256: str
    signer: str | None = None
    stamped: bool = False
    fault: str | None = None

    def sentence(self) -> str:
        parts = [f"Seal {self.number}: {self.line} lines of custody.jsonl, SHA-256 {self.sha256}"]
        if self.signer:
            parts.append(f"signed by {self.signer}")
        if self.stamped:
            parts.append("with a time stamp")
        return ", ".join(parts) + "."


def seal(case_dir: Path, signer: Signer | None = None, timestamp_url: str | None = None) -> Seal:
    """Seal the case as it is; only one at a time (see closing). Raises OSError and EvidenceError."""
    try:
        return _seal(case_dir, signer, timestamp_url)
    except Unreadable as exc:
        raise EvidenceError(f"{case_dir} cannot be sealed: {exc}") from exc


def _seal(case_dir: Path, signer: Signer | None, timestamp_url: str | None) -> Seal:
    home = case_dir / SEALS
    home.mkdir(mode=files.PRIVATE_FOLDER, exist_ok=True)
    if signer is not None:
        signer.enrol(case_dir)
    number = _next(case_dir)
    listing = seal_list(case_dir, number)
    files.write_new(home / f"{number}.files", listing)
    after: dict[str, Any] = {
        "seal": number,
        "files": listing.count(b"\n"),
        "manifest_sha256": hashlib.sha256(listing).hexdigest(),
        "signer": {"principal": signer.principal, "key": signer.fingerprint} if signer else None,
        "timestamp": timestamp_url,
    }
    custody.record(case_dir, [custody.Event(chain.SEALED, after=after, verified=True)])
    line = _line(case_dir, number)
    vouched = chain.beginning(case_dir / chain.CUSTODY, line.bytes)
    if signer is not None:
        vouched = signer.sign(vouched)
        files.write_new(home / f"{number}.sig", vouched)
    fault = _stamped(home / f"{number}.tsr", vouched, timestamp_url) if timestamp_url else None
    # Last: a seal without it is an unfinished one.
    files.write_new(home / f"{number}.sha256", seals.sums(case_dir, line))
    files.settle(home)
    shown = f"{signer.principal} ({signer.fingerprint})" if signer else None
    return Seal(number, line.number, line.head, shown, bool(timestamp_url) and fault is None, fault)


def _stamped(place: Path, vouched: bytes, url: str) -> str | None:
    """Why there is no time stamp; None where there is. A server that is away keeps nothing from being sealed."""
    try:
        files.write_new(place, stamp(vouched, url))
    except CordonError as exc:
        return str(exc)
    return None


def _next(case_dir: Path) -> int:
    """One more than any seal there was, finished or not."""
    told = (seals.number_of(line) for line in chain.read(case_dir / chain.CUSTODY, [chain.SEALED]).lines)
    found = (seal_of(f"{SEALS}/{path.name}") or 0 for path in (case_dir / SEALS).iterdir())
    return max((*told, *found), default=0) + 1


def _line(case_dir: Path, number: int) -> chain.Line:
    log = chain.read(case_dir / chain.CUSTODY, [chain.SEALED])
    for line in reversed(log.lines):
        if seals.number_of(line) == number:
            return line
    raise EvidenceError(f"{case_dir / chain.CUSTODY} was changed while it was sealed.")
