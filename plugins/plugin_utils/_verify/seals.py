# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The seals of a case: what the end of each run vouched for, and who vouches for the seal.

Seal 3 is made of a line of the custody log, with the hash of `seals/3.files`; `seals/3.files`, the hashes of all
files of the case but its bags, which the log itself names; `seals/3.sig`, a signature of the log up to that line;
`seals/3.tsr`, a time stamp of the signature, or of the log where there is none; and `seals/3.sha256`, which is
written last and has the hashes of the log up to there and of the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import chain, manifest, sshsig, stamps
from .chain import CUSTODY, Line, Log
from .reading import content, measured
from .results import ABSENT, BROKEN, HOLDS, OPEN, UNCHECKED, Check, Unreadable, counted, plain
from .survey import SEALS

SIGNERS = "allowed_signers"
_MOST_BYTES = 64 << 20
_MOST_SEALS = 10**9


@dataclass(frozen=True)
class Trust:
    """What whoever checks brings along: `signers` is an allowed_signers file of theirs, `authorities` a PEM file
    of those whose time stamps they take, `expected` the hash of a seal noted down earlier, `identity` the key
    to encrypted bags. Each may be None."""

    signers: Path | None = None
    authorities: Path | None = None
    expected: str | None = None
    identity: Path | None = None


def number_of(line: Line) -> int:
    number = line.after.get("seal")
    return number if isinstance(number, int) and 0 < number < _MOST_SEALS else 0


def place(line: Line, kind: str) -> str:
    return f"{SEALS}/{number_of(line)}.{kind}"


def finished(root: Path, line: Line) -> bool:
    """Whether the last file of a seal is there."""
    return (root / place(line, "sha256")).is_file()


def check(root: Path, log: Log, trust: Trust) -> list[Check]:
    """The rows about the seals of the log in `root`. Raises nothing for what lies there."""
    seals = log.of(chain.SEALED)
    if not seals:
        return [Check("seals", OPEN, "No run has been closed with a seal yet.")]
    rows = [*_earlier(root, seals, trust), *_newest(root, log, seals[-1], trust)]
    if trust.expected is not None:
        rows.append(_expected(seals, trust.expected))
    return rows


def _earlier(root: Path, seals: list[Line], trust: Trust) -> list[Check]:
    done = [line for line in seals[:-1] if finished(root, line)]
    # That a later seal lists no time stamp of theirs is its word for that there was none.
    rows = [
        row
        for line in done
        for row in _one(root, line, trust, wanted=False)
        if not row.subject.startswith("time stamp") or (root / place(line, "tsr")).exists()
    ]
    bad = [row for row in rows if row.state == BROKEN]
    if not done or bad:
        return bad
    return [Check("earlier seals", HOLDS, f"{counted(len(done), 'seal')} with what belongs to them.")]


def _newest(root: Path, log: Log, line: Line, trust: Trust) -> Iterator[Check]:
    subject = f"seal {number_of(line)}"
    if not finished(root, line):
        yield Check(
            subject, BROKEN, f"{place(line, 'sha256')} is missing: somebody removed it, or the run was killed"
        )
        return
    yield from _one(root, line, trust, wanted=True)
    if log.count > line.number:
        yield Check(
            "after the seal",
            OPEN,
            f"{counted(log.count - line.number, 'line')} of {CUSTODY} came after it: a run is under way or was killed."
            " The next run that is closed seals them.",
        )


def _one(root: Path, line: Line, trust: Trust, wanted: bool) -> list[Check]:
    """`wanted`: what whoever checks brings along has to be by this seal, since later ones do not cover for it."""
    subject = f"seal {number_of(line)}"
    problems = _problems(root, line)
    told = f"{CUSTODY} up to line {line.number}, of {plain(line.time, 40)}, SHA-256 {line.head}"
    rows = [Check(subject, BROKEN, problem) for problem in problems] or [Check(subject, HOLDS, told)]
    return [*rows, _signature(root, line, trust, wanted), _stamp(root, line, trust, wanted)]


def _problems(root: Path, line: Line) -> list[str]:
    try:
        if measured(root / place(line, "files"))[0] != line.after.get("manifest_sha256"):
            return [f"{place(line, 'files')} is not the one that {CUSTODY} sealed."]
        told, expected = content(root / place(line, "sha256"), _MOST_BYTES), sums(root, line)
    except Unreadable as exc:
        return [f"A file of it cannot be used. {exc}"]
    return [] if told == expected else [f"{place(line, 'sha256')} does not agree with what it vouches for."]


def sums(root: Path, line: Line) -> bytes:
    """What the last file of a seal has to say. Raises Unreadable."""
    names = (place(line, kind) for kind in ("sig", "tsr"))
    present = {name: measured(root / name)[0] for name in names if (root / name).exists()}
    return manifest.render({CUSTODY: line.head, **present})


def _signature(root: Path, line: Line, trust: Trust, wanted: bool) -> Check:
    subject = f"signature {number_of(line)}"
    path = root / place(line, "sig")
    signer = line.after.get("signer")
    if not isinstance(signer, dict):
        if path.exists():
            return Check(subject, BROKEN, f"There is {path.name}, and {CUSTODY} knows of no signature.")
        if wanted and trust.signers is not None:
            return Check(subject, BROKEN, "There is none, and it should be by one of your allowed_signers.")
        return Check(
            subject, ABSENT, "Not signed: whoever may write to the case could have made all of it anew."
        )
    allowed = trust.signers or root / SIGNERS
    principal = str(signer.get("principal"))
    try:
        signature = sshsig.parse(content(path, 1 << 20))
        if signature.namespace != sshsig.NAMESPACE or signature.fingerprint != signer.get("key"):
            return Check(subject, BROKEN, f"{path.name} is by another key than {CUSTODY} says.")
    except Unreadable as exc:
        return Check(subject, BROKEN, f"{SEALS}/{path.name}: {exc}")
    try:
        message = chain.beginning(root / CUSTODY, line.bytes)
        problem = sshsig.verify(message, path, allowed, principal)
    except Unreadable as exc:
        return Check(subject, UNCHECKED, str(exc))
    if problem is not None:
        return Check(subject, BROKEN, plain(problem))
    whose = (
        "by your allowed_signers"
        if trust.signers
        else "compare the fingerprint with what the signer says it is"
    )
    return Check(subject, HOLDS, f"{plain(principal, 100)}, {signature.fingerprint}: {whose}.")


def _stamp(root: Path, line: Line, trust: Trust, wanted: bool) -> Check:
    subject = f"time stamp {number_of(line)}"
    path = root / place(line, "tsr")
    if not path.exists():
        if line.after.get("timestamp"):
            return Check(subject, BROKEN, "It is missing: the server did not answer, or somebody removed it.")
        if wanted and trust.authorities is not None:
            return Check(subject, BROKEN, "There is none, and it should be by one of your authorities.")
        return Check(subject, ABSENT, "No time stamp: the times are those of the controller's clock.")
    try:
        told = stamps.time_of(path)
        if trust.authorities is None:
            return Check(
                subject,
                UNCHECKED,
                f"{told}, it says: timestamp_ca=FILE names the certificate to check it by.",
            )
        signed = root / place(line, "sig")
        data = content(signed, 1 << 20) if signed.exists() else chain.beginning(root / CUSTODY, line.bytes)
        problem = stamps.verify(data, path, trust.authorities)
    except Unreadable as exc:
        missing_tool = "openssl" in str(exc) and "installed" in str(exc)
        return Check(subject, UNCHECKED if missing_tool else BROKEN, str(exc))
    if problem is not None:
        return Check(subject, BROKEN, plain(problem))
    return Check(subject, HOLDS, f"{told}, by the certificates of {plain(trust.authorities, 200)}.")


def _expected(seals: list[Line], expected: str) -> Check:
    for line in seals:
        if line.head == expected.lower():
            return Check("expected seal", HOLDS, f"It is seal {number_of(line)}, up to line {line.number}.")
    return Check("expected seal", BROKEN, f"No seal of the case has the SHA-256 {plain(expected, 80)}.")
