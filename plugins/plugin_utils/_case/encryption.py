# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encrypts sealed bags at rest with age, each as a tar archive, in bounded memory.

The log gets the hash of each archive before the bag itself is taken away, and the archive is read back before.
What a bag holds does not change: its tag manifest, which the log has, stands inside for all of it.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    EvidenceError,
    InvalidOption,
    describe,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, files
from ansible_collections.cordon.docker.plugins.plugin_utils._optional import library
from ansible_collections.cordon.docker.plugins.plugin_utils._verify import bags, case, chain
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.archives import SUFFIX
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.reading import measured

_ACTIONS = (case.BAGGED, case.FETCHED, case.ENCRYPTED)


@dataclass(frozen=True)
class Recipients:
    """Who can decrypt: `names` are their public keys as text, `keys` what pyrage makes of them."""

    names: tuple[str, ...]
    keys: tuple[Any, ...]

    @classmethod
    def of(cls, given: Iterable[str]) -> Recipients:
        """Each is a public key of age or SSH, or a file with one a line. Raises InvalidOption and LibraryMissing."""
        pyrage = library("pyrage", "pyrage", "encrypt_to")
        names = [name for text in given for name in _names(text)]
        if not names:
            raise InvalidOption("encrypt_to names a file that holds no public key.")
        return cls(tuple(names), tuple(_key(pyrage, name) for name in names))


def _names(text: str) -> list[str]:
    if text.startswith(("age1", "ssh-")):
        return [text]
    try:
        lines = Path(text).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidOption(
            f"encrypt_to={text} is no public key (age1…, ssh-ed25519 …) and no file that can be read: {describe(exc)}."
        ) from exc
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _key(pyrage: Any, name: str) -> Any:
    try:
        kind = pyrage.ssh if name.startswith("ssh-") else pyrage.x25519
        return kind.Recipient.from_str(name)
    except (ValueError, pyrage.RecipientError) as exc:
        raise InvalidOption(f"encrypt_to={name[:100]} is no public key of age or SSH ({exc}).") from exc


def encrypt_bags(case_dir: Path, recipients: Recipients) -> int:
    """Have every whole bag of the case encrypted and only that; how many were. Raises OSError and EvidenceError.

    A bag that does not hold stays as it is: encryption would hide what is wrong with it.
    """
    done = 0
    for bag in case.sealed(chain.read(case_dir / chain.CUSTODY, _ACTIONS)):
        folder = case_dir / bag.place
        if folder.is_dir() and not folder.is_symlink():
            problems = bags.problems(bags.in_folder(folder), bag.seal)
            if problems:
                raise EvidenceError(f"{bag.place} does not hold, and is not encrypted: {problems[0]}")
            _encrypt(case_dir, bag, recipients)
            done += 1
    return done


def _encrypt(case_dir: Path, bag: case.Sealed, recipients: Recipients) -> None:
    folder, place = case_dir / bag.place, f"{bag.place}{SUFFIX}"
    target = case_dir / place
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = files.create(partial)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            _through_pipe(folder, sink, recipients.keys)
            sink.flush()
            os.fsync(sink.fileno())
        sha256, size = measured(partial)
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    files.sync_folder(target.parent)
    after = {
        "bag": bag.place,
        "tagmanifest_sha256": bag.seal,
        "archive": place,
        "bytes": size,
        "sha256": sha256,
        "recipients": list(recipients.names),
    }
    custody.record(case_dir, [custody.Event(case.ENCRYPTED, after=after, verified=True)])
    shutil.rmtree(folder)


def _through_pipe(folder: Path, sink: IO[bytes], keys: tuple[Any, ...]) -> None:
    """Packing and encrypting at once, with a pipe's worth of memory between them."""
    pyrage = library("pyrage", "pyrage", "encrypt_to")
    reading, writing = os.pipe()
    failed: list[BaseException] = []

    def pack() -> None:
        try:
            with os.fdopen(writing, "wb") as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
                archive.add(folder, arcname=folder.name)
        except BaseException as exc:  # noqa: BLE001 - told by the thread that waits
            failed.append(exc)

    worker = threading.Thread(target=pack, daemon=True)
    worker.start()
    try:
        with os.fdopen(reading, "rb") as source:
            pyrage.encrypt_io(source, sink, list(keys))
    except pyrage.EncryptError as exc:
        raise EvidenceError(f"{folder} could not be encrypted ({exc}).") from exc
    finally:
        worker.join()
    if failed:
        raise EvidenceError(f"{folder} could not be packed: {describe(failed[0])}.") from failed[0]
