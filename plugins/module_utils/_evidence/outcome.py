# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of each item that was asked for: the line that keeps a gap from being a silence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError

from .names import safe_path

COLLECTED = "collected"
EMPTY = "empty"  # asked for, read, and nothing was there
MISSING = "missing"  # cannot be had here, for the reason given
FAILED = "failed"
TRUNCATED = "truncated"  # what is stored is not all there was
STATUSES = (COLLECTED, EMPTY, MISSING, FAILED, TRUNCATED)

_ITEM = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_CONTAINER_ID = re.compile(r"[0-9a-f]{12,64}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z\Z")
_MAX_REASON = 4096
_MAX_NAME = 512
_MAX_BYTES = 1 << 50
_MAX_SECONDS = 1e6
_FIELDS = frozenset(
    ("item", "container", "status", "reason", "path", "bytes", "sha256", "started", "seconds")
)


@dataclass(frozen=True)
class ContainerRef:
    """The container an item belongs to: the full ID and the name without its slash."""

    id: str
    name: str

    def to_json(self) -> dict[str, str]:
        return {"id": self.id, "name": self.name}


@dataclass(frozen=True)
class Outcome:
    """One item asked for. ``path`` is relative to data/, null where nothing was stored;
    ``bytes`` and ``sha256`` describe what was stored; ``started`` is RFC 3339 in UTC by the host's clock."""

    item: str
    container: ContainerRef | None
    status: str
    reason: str | None
    path: str | None
    bytes: int
    sha256: str | None
    started: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {
            "item": self.item,
            "container": self.container.to_json() if self.container else None,
            "status": self.status,
            "reason": self.reason,
            "path": self.path,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "started": self.started,
            "seconds": round(self.seconds, 6),
        }

    @classmethod
    def from_json(cls, value: Any) -> Outcome:
        """An outcome a host sent; raises EvidenceError where a field is absent, unknown or out of bounds."""
        if not isinstance(value, dict) or set(value) != _FIELDS:
            raise EvidenceError("An outcome of the host does not have the fields it should have.")
        path = value["path"]
        if path is not None:
            safe_path(_matching(value, "path", None, 1024))
        digest = None if value["sha256"] is None else _matching(value, "sha256", _SHA256, 64)
        if (path is None) != (digest is None):
            raise EvidenceError("An outcome of the host has a path without a hash, or a hash without a path.")
        status = value["status"]
        if status not in STATUSES:
            raise EvidenceError(f"An outcome of the host has the unknown status {str(status)[:100]!r}.")
        reason = None if value["reason"] is None else _matching(value, "reason", None, _MAX_REASON)
        return cls(
            item=_matching(value, "item", _ITEM, 64),
            container=_container(value["container"]),
            status=status,
            reason=reason,
            path=path,
            bytes=_size(value["bytes"]),
            sha256=digest,
            started=_matching(value, "started", _TIME, 32),
            seconds=_seconds(value["seconds"]),
        )


def _matching(value: dict[str, Any], field: str, pattern: re.Pattern[str] | None, longest: int) -> str:
    found = value[field]
    if not isinstance(found, str) or len(found) > longest or (pattern and not pattern.match(found)):
        raise EvidenceError(f"An outcome of the host has an unusable {field}: {str(found)[:100]!r}.")
    return found


def _container(value: Any) -> ContainerRef | None:
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) != {"id", "name"}:
        raise EvidenceError("An outcome of the host names a container without id and name.")
    return ContainerRef(
        id=_matching(value, "id", _CONTAINER_ID, 64), name=_matching(value, "name", None, _MAX_NAME)
    )


def _size(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_BYTES:
        raise EvidenceError(f"An outcome of the host has an unusable size: {str(value)[:100]!r}.")
    return value


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _MAX_SECONDS:
        raise EvidenceError(f"An outcome of the host has an unusable duration: {str(value)[:100]!r}.")
    return float(value)
