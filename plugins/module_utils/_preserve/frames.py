# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stream of evidence between a host's sender and the controller: frames of a kind and some bytes. Pure.

A frame is one letter, the length of its payload in four bytes, and the payload. Both sides hash each item as it goes
by; what one has read and the other has got so far is compared at every mark.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any, Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump

PLAN = b"P"  # some of the items to come: {"items": [[item, path, size or null], …]}
OUTCOME = b"O"  # an Outcome without a stream
ITEM = b"I"  # an item begins: {"item", "container", "path", "size", "offset"}
DATA = b"D"  # bytes of the item
PACKED = b"Z"  # the same, compressed by zlib
BLOB = b"S"  # what follows is a blob of this hash: {"sha256", "size"}
ASK = b"Q"  # whether the controller has a blob: {"number", "sha256", "size"}; answered by a file
KNOWN = b"B"  # the controller has this blob, and the item has it here: {"sha256", "size"}
MARK = b"C"  # how many bytes of the item came by now, and their SHA-256
END = b"E"  # the item's Outcome
BEAT = b"H"  # nothing, so that silence means an end
FAULT = b"X"  # the sender cannot go on: {"reason"}
FINISH = b"F"  # all is sent: {"unknown": […]}

_HEADER = struct.Struct(">cI")
_MARK = struct.Struct(">Q32s")
HEADER_BYTES = _HEADER.size
PIECE_BYTES = 1 << 20  # of a data frame, also when it is unpacked
MOST_BYTES = PIECE_BYTES + 65536
_SMALL_BYTES = 2 << 20  # of a frame of JSON
_JSON = frozenset((PLAN, OUTCOME, ITEM, BLOB, ASK, KNOWN, END, FAULT, FINISH))
_KINDS = _JSON | {DATA, PACKED, MARK, BEAT}
MARK_BYTES = 8 << 20  # of an item, between two marks: what a lost link costs at most


def header(kind: bytes, length: int) -> bytes:
    return _HEADER.pack(kind, length)


def parse_header(raw: bytes) -> tuple[bytes, int]:
    """Kind and length. Raises EvidenceError for what no sender writes."""
    kind, length = _HEADER.unpack(raw)
    if kind not in _KINDS or length > (_SMALL_BYTES if kind in _JSON else MOST_BYTES):
        raise EvidenceError("The host sends something that is no frame of evidence.")
    return kind, length


def document(payload: Any) -> dict[str, Any]:
    """The JSON object of a frame. Raises EvidenceError."""
    try:
        value = json.loads(bytes(payload))
    except (ValueError, RecursionError) as exc:
        raise EvidenceError("The host sends a frame that cannot be read.") from exc
    if not isinstance(value, dict):
        raise EvidenceError("The host sends a frame that is no object.")
    return value


def mark(offset: int, digest: bytes) -> bytes:
    return _MARK.pack(offset, digest)


def parse_mark(payload: Any) -> tuple[int, bytes]:
    """Raises EvidenceError."""
    if len(payload) != _MARK.size:
        raise EvidenceError("The host sends a mark that is none.")
    offset, digest = _MARK.unpack(payload)
    return offset, digest


def pack(data: bytes) -> bytes | None:
    """The data compressed, or null where that does not save an eighth. Tried on its first 64 KiB."""
    sample = zlib.compress(data[:65536], 1)
    if len(sample) * 8 > min(len(data), 65536) * 7:
        return None
    packed = sample if len(data) <= 65536 else zlib.compress(data, 1)
    return packed if len(packed) * 8 <= len(data) * 7 else None


def unpack(payload: Any) -> bytes:
    """At most PIECE_BYTES, whatever was packed. Raises EvidenceError."""
    opened = zlib.decompressobj()
    try:
        data = opened.decompress(payload, PIECE_BYTES)
    except zlib.error as exc:
        raise EvidenceError("The host sends data that cannot be unpacked.") from exc
    if not opened.eof or opened.unused_data:
        raise EvidenceError("The host sends packed data that is longer than a piece may be.")
    return data


def plan(rows: list[list[Any]]) -> Iterator[bytes]:
    """Payloads of PLAN frames, each well within its bound."""
    for start in range(0, len(rows), 1000):
        yield dump({"items": rows[start : start + 1000]})
