# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An S3-compatible store that several controllers share a case through.

Each controller writes below a prefix of its own, `<prefix>/<case>/<controller>/`, what its case holds, in the same
layout: two never write to the same key, so that no line of a log can be lost to another's, whatever the store
does or does not promise about conditional writes. Opening a case brings the others' bags beside one's own, each
with a custody line that has its seal, and the others' logs with their seals to `controllers/<controller>/`.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    CordonError,
    EvidenceError,
    InvalidOption,
    describe,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, files
from ansible_collections.cordon.docker.plugins.plugin_utils._optional import library
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain
from ansible_collections.cordon.docker.plugins.plugin_utils._verify import bags, chain
from ansible_collections.cordon.docker.plugins.plugin_utils._verify import case as verified
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.archives import SUFFIX
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.reading import measured, walk
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.results import Unreadable
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.seals import SIGNERS
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.survey import CONTROLLERS, SEALS

IDENTITY = ".controller"  # what this case's folder is called in the store
_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([A-Za-z0-9!_.*'()/-]*))?\Z")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,170}\Z")
_ACTIONS = (verified.BAGGED, verified.FETCHED, verified.ENCRYPTED)
_HASH = "cordon-sha256"  # of an object, in its metadata: what is there already is not sent again
_MOST_OBJECT_BYTES = 1 << 44


@dataclass(frozen=True)
class Store:
    """A bucket and a prefix in it. Endpoint, region and credentials are those of AWS's usual environment and files."""

    bucket: str
    prefix: str

    @classmethod
    def of(cls, url: str) -> Store:
        """Raises InvalidOption and LibraryMissing."""
        found = _URL.match(url)
        if found is None or ".." in url:
            raise InvalidOption(
                f"evidence_store={url[:200]!r} is no store: use s3://BUCKET or s3://BUCKET/PREFIX."
            )
        library("boto3", "boto3", "evidence_store")
        return cls(found.group(1), (found.group(2) or "").strip("/"))

    def push(self, case_dir: Path) -> str:
        """Have in the store what the case holds of its own; a sentence for the responder. Raises EvidenceError."""
        home = f"{self._case(case_dir)}{identity(case_dir)}/"
        with _told(self, "be written to"):
            present = {key[len(home) :]: size for key, size in self._list(home)}
            sent = [name for name in _own(case_dir) if self._send(case_dir, name, home, present.get(name))]
        return f"Stored       s3://{self.bucket}/{home} ({len(sent)} of its files were new or changed)"

    def fetch(self, case_dir: Path) -> int:
        """Bring what other controllers have put there; how many bags that were. Raises EvidenceError and OSError."""
        home, own = self._case(case_dir), identity(case_dir)
        with _told(self, "be read"):
            others: dict[str, dict[str, int]] = {}
            for key, size in self._list(home):
                controller, _slash, name = key[len(home) :].partition("/")
                if controller != own and _safe(f"{controller}/{name}"):
                    others.setdefault(controller, {})[name] = size
            return sum(
                self._fetch_from(case_dir, home, name, found) for name, found in sorted(others.items())
            )

    def _fetch_from(self, case_dir: Path, home: str, controller: str, found: dict[str, int]) -> int:
        """One controller's log with its seals, then the bags that the log has sealed."""
        if chain.CUSTODY not in found:
            return 0
        place = case_dir / CONTROLLERS / controller
        prefix = f"{home}{controller}/"
        # The log last: what it vouches for was put there before it was.
        for name in sorted(found, key=lambda name: name == chain.CUSTODY):
            if name in (chain.CUSTODY, SIGNERS) or name.startswith(f"{SEALS}/"):
                self._get(f"{prefix}{name}", place / name, found[name])
        log = chain.read(place / chain.CUSTODY, _ACTIONS)
        return sum(self._fetch_bag(case_dir, prefix, controller, bag, found) for bag in verified.sealed(log))

    def _fetch_bag(
        self, case_dir: Path, prefix: str, controller: str, bag: verified.Sealed, found: dict[str, int]
    ) -> int:
        from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case

        known = verified.sealed(chain.read(case_dir / chain.CUSTODY, _ACTIONS))
        if not _safe(bag.place) or bag.place.count("/") != 1 or any(one.seal == bag.seal for one in known):
            return 0
        archive = bag.archive if bag.archive in found else None
        names = [archive] if archive else [name for name in found if name.startswith(f"{bag.place}/")]
        if not names:
            return 0
        with Case.at(case_dir).incoming() as incoming:
            for name in names:
                self._get(f"{prefix}{name}", incoming / name, found[name])
            problem = _problem(incoming, bag, archive)
            if problem is not None:
                raise EvidenceError(f"{controller}'s {bag.place} does not hold in the store: {problem}")
            place = _free(case_dir, bag.place)
            (case_dir / place).parent.mkdir(mode=files.PRIVATE_FOLDER, exist_ok=True)
            target = f"{place}{SUFFIX}" if archive else place
            (incoming / (archive or bag.place)).rename(case_dir / target)
        after: dict[str, Any] = {"bag": place, "tagmanifest_sha256": bag.seal, "controller": controller}
        if archive:
            after.update(archive=target, sha256=bag.archive_sha256)
        custody.record(case_dir, [custody.Event(verified.FETCHED, after=after, verified=True)])
        return 1

    def _case(self, case_dir: Path) -> str:
        return f"{self.prefix}/{case_dir.name}/" if self.prefix else f"{case_dir.name}/"

    def _list(self, home: str) -> Iterator[tuple[str, int]]:
        pages = _client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=home)
        for page in pages:
            for entry in page.get("Contents", ()):
                yield str(entry["Key"]), int(entry["Size"])

    def _send(self, case_dir: Path, name: str, home: str, size: int | None) -> bool:
        path, key = case_dir / name, f"{home}{name}"
        sha256, own_size = measured(path)
        client = _client()
        if size == own_size:
            head = client.head_object(Bucket=self.bucket, Key=key)
            if head.get("Metadata", {}).get(_HASH) == sha256:
                return False
        client.upload_file(str(path), self.bucket, key, ExtraArgs={"Metadata": {_HASH: sha256}})
        return True

    def _get(self, key: str, path: Path, size: int) -> None:
        """One object as a new file, or in place of what was there; never more than the store announced."""
        path.parent.mkdir(mode=files.PRIVATE_FOLDER, parents=True, exist_ok=True)
        room = os.statvfs(path.parent)
        if size > min(room.f_bavail * room.f_frsize, _MOST_OBJECT_BYTES):
            raise EvidenceError(f"There is no room here for {plain(key, 300)}, of {size} bytes.")
        partial = path.with_name(f".{path.name[:200]}.partial")
        partial.unlink(missing_ok=True)
        descriptor, left = files.create(partial), size
        try:
            body = _client().get_object(Bucket=self.bucket, Key=key)["Body"]
            while block := body.read(1 << 20):
                left -= len(block)
                if left < 0:
                    raise EvidenceError(f"{plain(key, 300)} is longer than the store announced.")
                files.write_all(descriptor, block)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        partial.replace(path)


def identity(case_dir: Path) -> str:
    """What this folder of the case is called in the store: made once, and never another's."""
    place = case_dir / IDENTITY
    if not place.exists():
        legible = re.sub(r"[^A-Za-z0-9_-]+", "-", custody.actor()).strip("-")[:60] or "controller"
        files.write_new(place, f"{legible}-{secrets.token_hex(6)}\n".encode())
    name = place.read_text(encoding="ascii").strip()
    if not _PART.match(name):
        raise EvidenceError(
            f"{place} does not hold the name of a controller: remove it to be given a new one."
        )
    return name


def _own(case_dir: Path) -> Iterator[str]:
    """What goes to the store: all but what came from there, the log last, since it vouches for the others."""
    fetched = {
        place
        for line in chain.read(case_dir / chain.CUSTODY, [verified.FETCHED]).lines
        for place in (line.after.get("bag"), line.after.get("archive"))
        if isinstance(place, str)
    }
    skipped = frozenset({*fetched, CONTROLLERS, chain.CUSTODY, SEALS})
    yield from (name for name, regular in walk(case_dir, skipped) if regular and not name.startswith("."))
    yield from (f"{SEALS}/{name}" for name, regular in walk(case_dir / SEALS) if regular)
    yield chain.CUSTODY


def _problem(incoming: Path, bag: verified.Sealed, archive: str | None) -> str | None:
    """Why what arrived is not what the log sealed."""
    if archive is None:
        return next(iter(bags.problems(bags.in_folder(incoming / bag.place), bag.seal)), None)
    same = measured(incoming / archive)[0] == bag.archive_sha256
    return None if same else "its archive is not what was encrypted."


def _free(case_dir: Path, place: str) -> str:
    """The place, or with a number where another bag of that second is there already."""
    for number in range(1, 1000):
        name = place if number == 1 else f"{place}-{number}"
        if not any(os.path.lexists(case_dir / found) for found in (name, f"{name}{SUFFIX}")):
            return name
    raise EvidenceError(f"{place} and its next 998 names are taken.")


def _safe(name: str) -> bool:
    """Whether a key may become a path: the store may hold what anybody put there."""
    parts = name.split("/")
    return len(parts) <= 12 and all(_PART.match(part) for part in parts)


def _client() -> Any:
    return library("boto3", "boto3", "evidence_store").client("s3")


class _told:  # noqa: N801 - reads as a word
    """Turns what the library raises into a sentence."""

    def __init__(self, store: Store, what: str) -> None:
        self._sentence = f"s3://{store.bucket} cannot {what}"

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: Any, exc: BaseException | None, _trace: Any) -> None:
        if exc is None or isinstance(exc, (CordonError, OSError)) or not isinstance(exc, Exception):
            return
        if isinstance(exc, Unreadable):
            raise EvidenceError(f"{self._sentence}: {exc}") from exc
        raise EvidenceError(
            f"{self._sentence}: {plain(describe(exc), 500)}. Endpoint, region and credentials are taken from AWS's"
            " usual variables and files, such as AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID and ~/.aws/config."
        ) from exc
