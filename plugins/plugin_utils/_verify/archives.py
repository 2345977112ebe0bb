# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encrypted bags, looked into without writing anything: by pyrage where that is, else by age or rage."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from . import bags
from .reading import opened
from .results import Unreadable

SUFFIX = ".tar.age"


def look_into(archive: Path, identity: Path, root: str) -> bags.Content:
    """What the encrypted bag holds. `identity` is a file of age secret keys, or an SSH private key.

    Raises Unreadable where it cannot be decrypted with that.
    """
    try:
        import pyrage
    except ImportError:
        return _by_command(archive, identity, root)
    keys = identities(pyrage, identity)
    return _through_pipe(lambda sink: _decrypt(pyrage, archive, sink, keys), root)


def identities(pyrage: Any, path: Path) -> list[Any]:
    """The secret keys of a file. Raises Unreadable where it has none."""
    try:
        text = path.read_bytes()
        if b"PRIVATE KEY" in text:
            return [pyrage.ssh.Identity.from_buffer(text)]
        lines = [line.strip() for line in text.decode("ascii").splitlines()]
        found = [
            pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith("AGE-SECRET-KEY-")
        ]
    except (OSError, ValueError, pyrage.IdentityError) as exc:
        raise Unreadable(f"The identity {path} cannot be used ({exc}).") from exc
    if not found:
        raise Unreadable(f"The identity {path} holds no AGE-SECRET-KEY.")
    return found


def _decrypt(pyrage: Any, archive: Path, sink: IO[bytes], keys: list[Any]) -> None:
    try:
        with opened(archive) as source:
            pyrage.decrypt_io(source, sink, keys)
    except pyrage.DecryptError as exc:
        raise Unreadable(f"It cannot be decrypted with this identity ({exc}).") from exc


def _through_pipe(decrypt: Callable[[IO[bytes]], None], root: str) -> bags.Content:
    """Decrypting and reading at once, with a pipe's worth of memory between them."""
    reading, writing = os.pipe()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with os.fdopen(writing, "wb") as sink:
                decrypt(sink)
        except BaseException as exc:  # noqa: BLE001 - told by the thread that waits
            failed.append(exc)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        with os.fdopen(reading, "rb") as source:
            found = _read(source, root)
    except tarfile.TarError as exc:
        worker.join()
        raise _why(failed, exc) from exc
    worker.join()
    if failed:
        raise _why(failed, None)
    return found


def _read(source: IO[bytes], root: str) -> bags.Content:
    found = bags.in_archive(source, root)
    while source.read(1 << 16):
        pass  # what pads the archive: the other side has to come to its end, where age checks the last piece
    return found


def _why(failed: list[BaseException], exc: BaseException | None) -> Unreadable:
    reason = failed[0] if failed else exc
    return reason if isinstance(reason, Unreadable) else Unreadable(f"It cannot be decrypted ({reason}).")


def _by_command(archive: Path, identity: Path, root: str) -> bags.Content:
    tool = shutil.which("age") or shutil.which("rage")
    if tool is None:
        raise Unreadable("Neither age, rage nor Python's pyrage is installed here.")
    command = [tool, "-d", "-i", str(identity.resolve()), str(archive.resolve())]
    with tempfile.TemporaryFile() as errors:
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL)
        with running:
            if running.stdout is None:  # cannot be: a pipe was asked for
                raise Unreadable("The output of the command cannot be read.")
            try:
                found = _read(running.stdout, root)
            except tarfile.TarError:
                found = None
            running.stdout.close()
            if running.wait() != 0 or found is None:
                errors.seek(0)
                said = " ".join(errors.read(2000).decode("utf-8", "replace").split())
                raise Unreadable(f"It cannot be decrypted with this identity ({said}).")
            return found
