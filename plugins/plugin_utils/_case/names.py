# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a case, its runs and the folders of its hosts are called. Pure."""

from __future__ import annotations

import hashlib
import re
import time

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption

_CASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,126}\Z")
# What lies beside the folders of the hosts.
_TAKEN = re.compile(
    r"(records|partial|blobs|.*\.(jsonl?|csv|sqlite|yml|yaml|html|txt|sig|pub))\Z", re.IGNORECASE
)


def stamp(seconds: float) -> str:
    """Seconds since 1970 as a UTC time that may stand in a file name, such as 20260102T030405Z."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def case_name(name: str, now: float) -> str:
    """The name of the case, or the time it starts at where none is given. Raises InvalidOption."""
    if not name:
        return stamp(now)
    if not _CASE.match(name):
        raise InvalidOption(
            f"case={name!r} cannot be the name of a case: use up to 64 letters, digits, dots, dashes and"
            " underscores, a letter or digit first, such as case=INC-7."
        )
    return name


def host_folder(host: str) -> str:
    """The folder of a host below its case: its name in the inventory where that is safe, else a safe form of
    it with a hash of the whole name, so that two hosts never share a folder."""
    if _FOLDER.match(host) and not _TAKEN.match(host):
        return host
    digest = hashlib.sha256(host.encode("utf-8", "backslashreplace")).hexdigest()[:12]
    legible = re.sub(r"[^A-Za-z0-9_-]+", "_", host).strip("_-")[:80]
    return f"{legible or 'host'}-{digest}"
