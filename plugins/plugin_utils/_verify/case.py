# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole case: the custody log, its seals, every bag, and every other file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import archives, bags, chain, manifest, seals
from .chain import CUSTODY, Line, Log
from .reading import content, measured, opened
from .results import BROKEN, HOLDS, OPEN, UNCHECKED, Check, Unreadable, counted, listed, plain
from .seals import Trust
from .survey import CONTROLLERS, SEALS, Survey, seal_of, survey

BAGGED = "evidence sealed"
FETCHED = "evidence fetched"
ENCRYPTED = "bag encrypted"
_ACTIONS = (chain.SEALED, BAGGED, FETCHED, ENCRYPTED)
_MOST_LIST_BYTES = 256 << 20
_GROWING = (".jsonl",)


@dataclass(frozen=True)
class Sealed:
    """A bag as the log knows it: where, the SHA-256 of its tag manifest, and of its encrypted form if any."""

    place: str
    seal: str
    archive: str | None = None
    archive_sha256: str | None = None


def verify(case: Path, trust: Trust) -> list[Check]:
    """Every row of the table. Raises OSError where the case cannot be listed."""
    try:
        log = chain.read(case / CUSTODY, _ACTIONS)
    except Unreadable as exc:
        return [Check(CUSTODY, BROKEN, str(exc))]
    known = sealed(log)
    found = survey(case, frozenset(bag.place for bag in known))
    return [
        *_log(log, found),
        *seals.check(case, log, trust),
        *_loose(case, log, found),
        *_blobs(case, found),
        *_bags(case, known, found, trust),
        *_others(case, trust),
    ]


def _log(log: Log, found: Survey) -> list[Check]:
    rows = [Check(CUSTODY, BROKEN, problem) for problem in log.problems[:20]]
    known = max((seals.number_of(line) for line in log.of(chain.SEALED)), default=0)
    later = [name for name in found.loose if (seal_of(name) or 0) > known]
    if later:
        rows.append(
            Check(CUSTODY, BROKEN, f"Its end was cut off: {listed(later)} vouched for lines that are gone.")
        )
    period = f"{plain(log.first, 40)} to {plain(log.last, 40)}"
    told = f"{counted(log.count, 'line')}, each bound to the one before, {period}."
    return rows or [Check(CUSTODY, HOLDS, told)]


def sealed(log: Log) -> list[Sealed]:
    """The bags of a log, each with the last that the log says of it."""
    found: dict[str, Sealed] = {}
    for line in log.lines:
        place, seal = line.after.get("bag"), line.after.get("tagmanifest_sha256")
        if line.action == chain.SEALED or not isinstance(place, str) or not isinstance(seal, str):
            continue
        archive, sha256 = _archive(line)
        found[place] = Sealed(place, seal, archive, sha256)
    return list(found.values())


def _archive(line: Line) -> tuple[str | None, str | None]:
    archive, sha256 = line.after.get("archive"), line.after.get("sha256")
    if line.action in (ENCRYPTED, FETCHED) and isinstance(archive, str) and isinstance(sha256, str):
        return archive, sha256
    return None, None


def _loose(case: Path, log: Log, found: Survey) -> list[Check]:
    """All other files against the list of the newest seal."""
    done = [line for line in log.of(chain.SEALED) if seals.finished(case, line)]
    if not done:
        return []
    newest = done[-1]
    try:
        listing = content(case / seals.place(newest, "files"), _MOST_LIST_BYTES)
        if hashlib.sha256(listing).hexdigest() != newest.after.get("manifest_sha256"):
            return []  # a list that was altered says nothing about the files; the seal's own row says that it was
        expected = manifest.parse(listing)
    except Unreadable:
        return []  # the seal's own row says so
    running = log.count > newest.number
    rows = _changes(case, expected, newest, running)
    present = {name for name in found.loose if seal_of(name) != seals.number_of(newest)}
    own = set() if not running else {name for name in present if name.startswith(f"{SEALS}/")}
    added = sorted(present - set(expected) - own)
    if added:
        rows.append(
            Check("other files", OPEN if running else BROKEN, f"Added since the seal: {listed(added)}.")
        )
    told = f"{counted(len(expected), 'file')} besides the bags, as seal {seals.number_of(newest)} lists them."
    return rows or [Check("other files", HOLDS, told)]


def _changes(case: Path, expected: dict[str, str], newest: Line, running: bool) -> list[Check]:
    changed, missing = [], []
    for name, sha256 in expected.items():
        try:
            if measured(case / name)[0] != sha256 and not (running and _grew(case / name, sha256)):
                changed.append(name)
        except Unreadable:
            missing.append(name)
    # A run under way writes anew what is derived, and takes records away; nothing else may change.
    state = OPEN if running and not any(_kept(name) for name in (*changed, *missing)) else BROKEN
    rows = []
    for names, what in ((changed, "Changed"), (missing, "Missing")):
        if names:
            rows.append(
                Check(
                    "other files",
                    state,
                    f"{what} since seal {seals.number_of(newest)}: {listed(sorted(names))}.",
                )
            )
    return rows


def _kept(name: str) -> bool:
    """Whether a file only ever grows or stays: a run under way is no excuse for it."""
    return name.startswith((f"{SEALS}/", f"{CONTROLLERS}/")) or name in ("hosts.jsonl", "containments.jsonl")


def _grew(path: Path, sha256: str) -> bool:
    """Whether a file that grows by lines once had this hash. Raises Unreadable."""
    if path.suffix not in _GROWING:
        return False
    digest = hashlib.sha256()
    with opened(path) as raw, open(raw.fileno(), "rb", closefd=False) as stream:
        for line in stream:
            if digest.hexdigest() == sha256:
                return True
            digest.update(line)
    return False


def _blobs(case: Path, found: Survey) -> list[Check]:
    bad = []
    for name in found.blobs:
        try:
            if measured(case / name)[0] != name.rpartition("/")[2]:
                bad.append(name)
        except Unreadable:
            bad.append(name)
    if bad:
        return [Check("blobs", BROKEN, f"Not what their names say: {listed(bad)}.")]
    return [Check("blobs", HOLDS, f"{counted(len(found.blobs), 'blob')}.")] if found.blobs else []


def _bags(case: Path, known: list[Sealed], found: Survey, trust: Trust) -> list[Check]:
    rows = [row for bag in known for row in _bag(case, bag, found, trust)]
    bad = [row for row in rows if row.state == BROKEN]
    locked = [row for row in rows if row.state == UNCHECKED]
    strange = sorted(set(found.bags) - {bag.place for bag in known})
    strange += sorted(set(found.archives) - {bag.archive for bag in known})
    bad += [Check(plain(name, 200), BROKEN, f"{CUSTODY} does not know it: it was added.") for name in strange]
    good = len(known) - len(
        {row.subject for row in (*bad, *locked)} & {plain(bag.place, 200) for bag in known}
    )
    told = f"{counted(good, 'bag')} against manifests, outcomes and {CUSTODY}."
    return [*([Check("bags", HOLDS, told)] if good else []), *locked, *bad]


def _bag(case: Path, bag: Sealed, found: Survey, trust: Trust) -> list[Check]:
    """Nothing where the bag holds."""
    subject, rows = plain(bag.place, 200), []
    if bag.place in found.bags:
        problems = bags.problems(bags.in_folder(case / bag.place), bag.seal)
        rows += [Check(subject, BROKEN, problem) for problem in problems]
    elif bag.archive not in found.archives:
        rows.append(Check(subject, BROKEN, f"It is missing: {CUSTODY} says that it was sealed."))
    if bag.archive is not None and bag.archive in found.archives:
        rows += _encrypted(case, bag, bag.archive, subject, trust)
    return rows


def _encrypted(case: Path, bag: Sealed, archive: str, subject: str, trust: Trust) -> list[Check]:
    path = case / archive
    try:
        if measured(path)[0] != bag.archive_sha256:
            return [
                Check(subject, BROKEN, f"{plain(path.name, 200)} is not what {CUSTODY} says was encrypted.")
            ]
        if trust.identity is None:
            told = "Encrypted, and as it was then: identity=FILE names the key to check what is inside."
            return [Check(subject, UNCHECKED, told)]
        inside = archives.look_into(path, trust.identity, bag.place.rpartition("/")[2])
    except Unreadable as exc:
        return [Check(subject, UNCHECKED, plain(exc))]
    return [Check(subject, BROKEN, f"Inside: {problem}") for problem in bags.problems(inside, bag.seal)]


def _others(case: Path, trust: Trust) -> Iterable[Check]:
    """The logs of other controllers that share the case: what they vouch for is theirs."""
    home = case / CONTROLLERS
    if not home.is_dir() or home.is_symlink():
        return
    for root in sorted(path for path in home.iterdir() if path.is_dir() and not path.is_symlink()):
        subject = f"{CONTROLLERS}/{plain(root.name, 100)}"
        try:
            log = chain.read(root / CUSTODY, _ACTIONS)
        except Unreadable as exc:
            yield Check(subject, BROKEN, f"{CUSTODY}: {exc}")
            continue
        rows = [Check(CUSTODY, BROKEN, problem) for problem in log.problems[:20]]
        rows += seals.check(root, log, Trust(signers=trust.signers, authorities=trust.authorities))
        bad = [row for row in rows if row.state == BROKEN]
        told = f"{counted(log.count, 'line')}, {counted(len(log.of(chain.SEALED)), 'seal')}."
        signed = [row for row in rows if row.subject.startswith("signature")][-1:]
        yield from (
            Check(subject, row.state, f"{row.subject}: {row.sentence}")
            for row in (bad or [Check(CUSTODY, HOLDS, told), *signed])
        )
