# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signs with an SSH key, by ssh-keygen -Y: a key file, or the public half of one that an agent holds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError, InvalidOption
from ansible_collections.cordon.docker.plugins.plugin_utils._case import files
from ansible_collections.cordon.docker.plugins.plugin_utils._case.custody import actor
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain
from ansible_collections.cordon.docker.plugins.plugin_utils._verify import sshsig
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.results import Unreadable
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.seals import SIGNERS

_SECONDS = 120.0  # a key on a token waits for a touch
_PUBLIC = re.compile(r"(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[A-Za-z0-9@.-]+ [A-Za-z0-9+/=]+")


@dataclass(frozen=True)
class Signer:
    """Who signs: `key` is the public key as in a .pub file, `principal` the name it goes by."""

    path: Path
    key: str
    principal: str

    @classmethod
    def of(cls, path: Path) -> Signer:
        """The signer with that key. Raises InvalidOption with a mend where it cannot be one."""
        if not path.is_file():
            raise InvalidOption(f"sign_key={path} is no file: name a key, such as ~/.ssh/id_ed25519.")
        principal = re.sub(r"[^A-Za-z0-9@._-]", "_", actor())
        return cls(path, _public(path), principal)

    @property
    def fingerprint(self) -> str:
        return sshsig.fingerprint(self.key)

    def enrol(self, case_dir: Path) -> None:
        """Have the key in the case's allowed_signers. Raises OSError."""
        place, line = case_dir / SIGNERS, sshsig.signer_line(self.principal, self.key).encode()
        known = place.read_bytes() if place.exists() else b""
        if line not in known.splitlines(keepends=True):
            files.replace(place, known + line)

    def try_out(self) -> None:
        """Raises EvidenceError where it cannot sign now. A key on a token is not asked: that is a touch each."""
        if not self.key.startswith("sk-"):
            self.sign(b"Whether this key can sign was tried before a run.\n")

    def sign(self, message: bytes) -> bytes:
        """The armoured signature. Raises EvidenceError where ssh-keygen does not give one of this key."""
        command = ["-Y", "sign", "-f", str(self.path.resolve()), "-n", sshsig.NAMESPACE]
        done = _keygen(command, message)
        try:
            signature = sshsig.parse(done.stdout)
        except Unreadable as exc:
            raise EvidenceError(
                f"ssh-keygen could not sign with {self.path} ({_said(done)}). For a key with a passphrase: ssh-add it,"
                " and name its .pub file."
            ) from exc
        if signature.key != self.key:
            raise EvidenceError(
                f"ssh-keygen signed with another key than {self.path}: remove {self.path}.pub."
            )
        return done.stdout


def _public(path: Path) -> str:
    """The public key of a key file, without its comment: from itself, from the file, or from the .pub beside it."""
    for place in (path, path.with_name(f"{path.name}.pub")):
        try:
            match = _PUBLIC.match(place.read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError):
            continue
        if match is not None:
            return match.group()
    done = _keygen(["-y", "-P", "", "-f", str(path.resolve())], b"")
    match = _PUBLIC.match(done.stdout.decode("ascii", "replace"))
    if match is None:
        raise InvalidOption(
            f"sign_key={path} cannot be used as a key ({_said(done)}). For one with a passphrase: ssh-add it, and"
            " name its .pub file."
        )
    return match.group()


def _keygen(words: list[str], message: bytes) -> subprocess.CompletedProcess[bytes]:
    tool = shutil.which("ssh-keygen")
    if tool is None:
        raise InvalidOption(
            "sign_key needs ssh-keygen on the controller, which comes with OpenSSH 8.2 or newer."
        )
    try:
        return subprocess.run(
            [tool, *words],
            input=message,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            # Without a terminal it cannot stop to ask for a passphrase, in the middle of a run over a fleet.
            start_new_session=True,
            env={**os.environ, "SSH_ASKPASS_REQUIRE": "never"},
        )
    except subprocess.TimeoutExpired as exc:
        raise EvidenceError(f"ssh-keygen gave no answer within {_SECONDS:.0f} seconds.") from exc


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return (
        plain(" ".join(done.stderr.decode("utf-8", "replace").split()), 300)
        or f"it ended with {done.returncode}"
    )
