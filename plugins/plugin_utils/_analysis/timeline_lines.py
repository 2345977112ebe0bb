# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One line of timeline.jsonl: what it says, and how lines are sorted and told apart. Pure.

The fields that Timesketch's importer insists on are message, datetime and timestamp_desc; data_type is what its
analysers and saved searches go by. Everything that a host wrote is made plain here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import EvidenceRef
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.wording import plain

Kind = Literal["process", "file", "log", "engine", "action", "finding"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_US = -62_135_596_800_000_000  # 0001-01-01
_LAST_US = 253_402_300_799_999_999  # 9999-12-31
_MESSAGE_CHARS = 1000


@dataclass(frozen=True)
class Entry:
    """`us` is in microseconds since 1970, by the clock of the fleet; `corrected` says by how many seconds the
    host's own time was taken back for that; `container` has its id and name."""

    us: int
    timestamp_desc: str
    kind: Kind
    data_type: str
    message: str
    host: str | None
    container: tuple[str, str] | None = None
    severity: str | None = None
    ref: EvidenceRef | None = None
    corrected: float = 0.0
    more: dict[str, Any] = field(default_factory=dict)

    def packed(self) -> bytes | None:
        """A line that sorts by time, then by what it says; None where the time is none of ours.

        Its last column is the reference: lines that differ in that alone tell the same thing twice.
        """
        if not _FIRST_US <= self.us <= _LAST_US:
            return None
        container = self.container
        told = {
            "datetime": written(self.us),
            "timestamp_desc": self.timestamp_desc,
            "message": plain(self.message, _MESSAGE_CHARS),
            "data_type": f"cordon:{self.data_type}",
            "kind": self.kind,
            "host": None if self.host is None else plain(self.host, 255),
            "container": None
            if container is None
            else {"id": container[0], "name": plain(container[1], 255)},
            "severity": self.severity,
            **self.more,
            **({"clock_correction_seconds": -self.corrected} if self.corrected else {}),
        }
        ref = None if self.ref is None else self.ref.to_json()
        columns = (f"{self.us - _FIRST_US:020d}", _json(told), _json(ref))
        return ("\t".join(columns) + "\n").encode("utf-8", "backslashreplace")


def unpacked(line: bytes) -> tuple[int, bytes, bytes]:
    """The time in microseconds, what tells lines apart, and the line as it stands in the timeline."""
    time, told, ref = line.rstrip(b"\n").split(b"\t")
    return int(time) + _FIRST_US, time + told, told[:-1] + b', "ref": ' + ref + b"}\n"


def written(us: int) -> str:
    """Microseconds since 1970 as RFC 3339 in UTC."""
    return (_EPOCH + timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _json(value: Any) -> str:
    # No tab and no newline can be in it: JSON escapes both.
    return json.dumps(value, ensure_ascii=False)
