# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signatures by ssh-keygen -Y: their form here, their cryptography by ssh-keygen itself.

The form is that of OpenSSH's PROTOCOL.sshsig: armour around a binary blob with the public key, the namespace
and the signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .results import Unreadable

NAMESPACE = "cordon.docker"
_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n"
_MAGIC = b"SSHSIG"
_COLUMNS = 70
_SECONDS = 60


@dataclass(frozen=True)
class Signature:
    """`key` is the public key as it stands in a .pub file, without the comment."""

    key: str
    namespace: str

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.key)


def fingerprint(key: str) -> str:
    """What ssh-keygen -l shows of a public key, such as SHA256:4pHd…"""
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def parse(armoured: bytes) -> Signature:
    """Raises Unreadable for anything but the one way in which ssh-keygen writes a signature."""
    try:
        body = armoured[len(_BEGIN) : -len(_END)]
        blob = base64.b64decode(body.replace(b"\n", b""), validate=True)
        if not blob.startswith(_MAGIC) or armoured != armour(blob):
            raise Unreadable("It is no signature as ssh-keygen writes it.")
        key, rest = _string(blob[len(_MAGIC) + 4 :])
        namespace, _rest = _string(rest)
        kind, _rest = _string(key)
        shown = f"{kind.decode('ascii')} {base64.b64encode(key).decode()}"
        return Signature(shown, namespace.decode("ascii"))
    except (binascii.Error, struct.error, UnicodeDecodeError) as exc:
        raise Unreadable("It is no signature as ssh-keygen writes it.") from exc


def armour(blob: bytes) -> bytes:
    """The blob between its two lines."""
    text = base64.b64encode(blob)
    lines = [text[start : start + _COLUMNS] + b"\n" for start in range(0, len(text), _COLUMNS)]
    return b"".join((_BEGIN, *lines, _END))


def _string(data: bytes) -> tuple[bytes, bytes]:
    (size,) = struct.unpack(">I", data[:4])
    return data[4 : 4 + size], data[4 + size :]


def signer_line(principal: str, key: str) -> str:
    """The line of an allowed_signers file that lets a key sign for a principal."""
    return f'{principal} namespaces="{NAMESPACE}" {key}\n'


def verify(message: bytes, signature: Path, allowed: Path, principal: str) -> str | None:
    """Why ssh-keygen does not take the signature; None where it does. Raises Unreadable without ssh-keygen."""
    tool = shutil.which("ssh-keygen")
    if tool is None:
        raise Unreadable("ssh-keygen, of OpenSSH, is not installed here.")
    # Absolute, so that no path is taken for an option.
    places = ["-f", str(allowed.resolve()), "-s", str(signature.resolve())]
    command = [tool, "-Y", "verify", *places, "-I", principal, "-n", NAMESPACE]
    try:
        done = subprocess.run(command, input=message, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired, ValueError) as exc:
        raise Unreadable(f"ssh-keygen cannot be used ({exc}).") from exc
    if done.returncode == 0:
        return None
    said = (done.stdout + done.stderr).decode("utf-8", "replace").split()
    return " ".join(said) or f"ssh-keygen ended with {done.returncode}"
