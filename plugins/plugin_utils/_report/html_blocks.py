# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The blocks of data in report.html: JSON, a value a line, compressed and base64-coded as it comes."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from typing import Any, Protocol

_TYPE = b"application/octet-stream"
_LEVEL = 6
_BATCH_BYTES = 3 << 14  # a multiple of three: base64 without padding in between
# ASCII alone: a lone surrogate that a host wrote stays what it is, and no encoding can fail.
_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), sort_keys=True)


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> int: ...


class Blocks:
    """Writes blocks one after the other; the page finds each by its name."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._names = 0

    def name(self) -> str:
        """A name that no other block has."""
        self._names += 1
        return f"b{self._names}"

    def add(self, name: str, values: Iterable[Any]) -> int:
        """Write a block of values and return how many there were. One value lies in memory at a time."""
        packer = zlib.compressobj(_LEVEL)
        self._sink.write(b'<script type="%s" id="data-%s">' % (_TYPE, name.encode("ascii")))
        rest, written = b"", 0
        for value in values:
            written += 1
            rest += packer.compress(_ENCODER.encode(value).encode("ascii") + b"\n")
            if len(rest) >= _BATCH_BYTES:
                rest = self._encode(rest)
        self._sink.write(base64.b64encode(rest + packer.flush()))
        self._sink.write(b"</script>\n")
        return written

    def _encode(self, packed: bytes) -> bytes:
        """Write what makes whole groups of three bytes, and return the rest."""
        whole = len(packed) - len(packed) % 3
        self._sink.write(base64.b64encode(packed[:whole]))
        return packed[whole:]
