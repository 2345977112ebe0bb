# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RFC 3161 time stamps: what they say of themselves, and whether a certificate vouches for it, by openssl."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from .results import Unreadable

_SECONDS = 60
_TIME = re.compile(r"^Time stamp: (.{1,80})$", re.MULTILINE)


def time_of(stamp: Path) -> str:
    """When it was made, by the authority's own words. Raises Unreadable without openssl, or for no time stamp."""
    done = _openssl("-reply", "-in", str(stamp.resolve()), "-text")
    found = _TIME.search(done.stdout.decode("utf-8", "replace"))
    if done.returncode != 0 or found is None:
        raise Unreadable("It is no time stamp that openssl can read.")
    return found.group(1).strip()


def verify(data: bytes, stamp: Path, authorities: Path) -> str | None:
    """Why openssl does not take the time stamp for the data; None where it does. `authorities` is a PEM file.

    The certificates are taken as valid at the time of the stamp: they may well have ended since.
    """
    digest = hashlib.sha256(data).hexdigest()
    done = _openssl(
        *("-verify", "-digest", digest, "-in", str(stamp.resolve())),
        *("-CAfile", str(authorities.resolve()), "-no_check_time"),
    )
    if done.returncode == 0:
        return None
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return next((line.strip() for line in said if "error" in line), "openssl does not take it")


def _openssl(*words: str) -> subprocess.CompletedProcess[bytes]:
    tool = shutil.which("openssl")
    if tool is None:
        raise Unreadable("openssl is not installed here.")
    try:
        return subprocess.run([tool, "ts", *words], capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise Unreadable(f"openssl cannot be used ({exc}).") from exc
