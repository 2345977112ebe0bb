# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only names that evidence may have, on the host and on the controller."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_MAX_PARTS = 8
_SHORT_ID = re.compile(r"[0-9a-f]{12}")


def safe_path(name: str) -> PurePosixPath:
    """A relative path that can be joined to a case's folder: no dot names, no links of thought, bounded.

    Raises EvidenceError for anything else: the host that names it may be the attacker's.
    """
    parts = name.split("/")
    if len(parts) > _MAX_PARTS or not all(_PART.match(part) for part in parts):
        raise EvidenceError(
            f"The host names an item {name[:200]!r}, which is no safe name: at most {_MAX_PARTS} parts of"
            " letters, digits, dots, dashes and underscores are taken."
        )
    return PurePosixPath(*parts)


def container_path(container_id: str, name: str) -> str:
    """Where an item of a container lies below data/; raises EvidenceError for an ID that is none."""
    match = _SHORT_ID.match(container_id)
    if match is None:
        raise EvidenceError(f"{container_id[:100]!r} is no container ID: it has to begin with 12 hex digits.")
    return f"containers/{match.group()}/{name}"
