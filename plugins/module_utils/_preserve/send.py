# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends items, one after the other: each read once from its beginning, hashed whole, and sent from where it is new.

What the controller already has of an item is told by its length and hash. Where the source still begins with these
bytes, only what follows is sent; otherwise the item begins anew, and its outcome says so. Blobs that the case holds
are read and hashed like everything else, and named instead of sent.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any, Iterable, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._errors import describe
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump, utc
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import (
    COLLECTED,
    EMPTY,
    FAILED,
    TRUNCATED,
    Outcome,
)

from . import frames
from .item import Item
from .outlet import Gone, Outlet
from .pump import BlobBegins, BlobEnds, pumped

_GATHER_BYTES = 512 << 10
_LEAST_BLOB_BYTES = 64 << 10  # a smaller one is sent sooner than asked for
_SLOW_BYTES = 40 << 20  # a second; a link above that is faster than compressing
_MEASURED_BYTES = 4 << 20
_MAX_REASON = 4000
_BEGAN_ANEW = "It was begun anew: the source is no longer what an earlier run had got of it."


@dataclass(frozen=True)
class Known:
    """What the controller has of an item: so many bytes with this SHA-256, in hexadecimal digits."""

    offset: int
    sha256: str


@dataclass(frozen=True)
class Sending:
    """``item_bytes`` and ``total_bytes`` bound one item and everything; ``room`` is what the controller can store.
    ``compress`` is true, false, or null for what pays; ``stall`` is how many seconds a source may be silent."""

    item_bytes: int
    total_bytes: int
    room: int
    compress: bool | None
    stall: float


class _Anew(Exception):  # noqa: N818 - named for what is to be done
    """The item has to begin anew; why is what it says."""


class _Bound(Exception):  # noqa: N818 - named for what happened
    """No more of the item may be taken."""


class _NoRoom(Exception):  # noqa: N818 - named for what happened
    """The controller has no room for more, or takes no more of this host."""


class Sender:
    """One run on one host."""

    def __init__(self, outlet: Outlet, known: Mapping[str, Known], sending: Sending) -> None:
        self._outlet = outlet
        self._known = known
        self._sending = sending
        self._left = min(sending.total_bytes, sending.room)
        self._began = time.monotonic()
        self._questions = 0

    def send_all(self, products: Iterable[Item | Outcome]) -> None:
        """Everything, and the end. Raises Gone."""
        for product in products:
            if isinstance(product, Outcome):
                self._outlet.write(frames.OUTCOME, dump(product.to_json()))
            else:
                self._item(product)
        self._outlet.write(frames.FINISH, dump({}))
        self._outlet.close()

    def fail(self, reason: str) -> None:
        """Say why nothing more comes. Raises Gone."""
        self._outlet.write(frames.FAULT, dump({"reason": reason[:_MAX_REASON]}))
        self._outlet.close()

    def _item(self, item: Item) -> None:
        known = self._known.get(item.path)
        if item.size is not None and item.size - (known.offset if known else 0) > self._left:
            self._not_sent(item, f"{item.size} bytes are more than the controller has room for or takes.")
            return
        passage = _Passage(self, item, known)
        try:
            try:
                passage.run()
            except _Anew as exc:
                passage = _Passage(self, item, None, note=str(exc))
                passage.run()
        except Gone:
            raise
        except Exception as exc:  # noqa: BLE001 - one item's failure is its row, whatever it is
            passage.broken(exc)

    def _not_sent(self, item: Item, reason: str) -> None:
        row = Outcome(item.name, item.container, FAILED, reason, None, 0, None, utc(time.time()), 0.0)
        self._outlet.write(frames.OUTCOME, dump(row.to_json()))

    # What a passage needs of its sender.

    @property
    def outlet(self) -> Outlet:
        return self._outlet

    @property
    def stall(self) -> float:
        return self._sending.stall

    @property
    def item_bytes(self) -> int:
        return self._sending.item_bytes

    def spend(self, size: int) -> bool:
        """Whether so many bytes more may be sent."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def refund(self, size: int) -> None:
        """So many bytes were sent for nothing: the controller does not keep them."""
        self._left += size

    def packs(self) -> bool:
        """Whether compressing pays now: asked for, or the link is slow by what went through it."""
        if self._sending.compress is not None:
            return self._sending.compress
        outlet = self._outlet
        if outlet.sent < _MEASURED_BYTES or outlet.waited < (time.monotonic() - self._began) / 4:
            return False
        return outlet.sent / max(0.001, time.monotonic() - self._began) < _SLOW_BYTES

    def has(self, sha256: str, size: int) -> bool:
        """Whether the controller has a blob."""
        self._questions += 1
        question = {"number": self._questions, "sha256": sha256, "size": size}
        self._outlet.write(frames.ASK, dump(question))
        return self._outlet.answer(self._questions) == "have"


class _Passage:
    """One reading of one item."""

    def __init__(self, sender: Sender, item: Item, known: Known | None, note: str | None = None) -> None:
        self._sender = sender
        self._item = item
        self._known = known
        self._note = note
        self._started = time.time()
        self._digest = hashlib.sha256()
        self._bytes = 0  # read
        self._marked = 0
        self._spent = 0  # of what the controller has room for
        self._skip = known.offset if known else 0  # read, and not to be sent
        self._begun = False
        self._gathered = bytearray()
        self._blob: _BlobState | None = None
        self._blobs = note is None  # where a blob was not what its name says, its bytes are sent

    def run(self) -> None:
        """Send it. Raises _Anew where the source does not begin with what the controller has."""
        if not self._skip:
            self._begin()
        try:
            for piece in pumped(self._item.open, self._sender.outlet.beat, self._sender.stall):
                if isinstance(piece, BlobBegins):
                    self._blob_begins(piece)
                elif isinstance(piece, BlobEnds):
                    self._blob_ends()
                else:
                    self._take(piece)
        except _Bound:
            self._drain()
            self._end(TRUNCATED, f"Only the first {self._bytes} bytes were taken.")
            return
        except _NoRoom:
            self._gathered.clear()
            self._sender.refund(self._spent)
            self._end(
                FAILED, f"After {self._bytes} bytes the controller had no room for more of it, and kept none."
            )
            return
        if not self._begun:
            self._agree()
        self._drain()
        notes = [note for note in (self._note, self._item.note, *self._item.notes) if note]
        status = TRUNCATED if self._item.notes else COLLECTED if self._bytes else EMPTY
        self._end(status, " ".join(notes) or None)

    def broken(self, exc: BaseException) -> None:
        """Reading failed: what came until then is kept, and called what it is."""
        reason = describe(exc)
        if self._begun:
            self._drain()
            self._end(TRUNCATED if self._bytes else FAILED, reason)
        else:
            row = Outcome(
                self._item.name, self._item.container, FAILED, reason[:_MAX_REASON], None, 0, None,
                utc(self._started), time.time() - self._started,
            )  # fmt: skip
            self._sender.outlet.write(frames.OUTCOME, dump(row.to_json()))

    def _take(self, data: bytes) -> None:
        """One piece. Raises _Bound once no more may be taken."""
        if not self._begun:
            lacking = self._skip - self._bytes
            self._hash(data[:lacking])
            self._sender.outlet.beat()
            if self._bytes < self._skip:
                return
            self._agree()
            data = data[lacking:]
        whole = len(data)
        data = data[: max(0, self._sender.item_bytes - self._bytes - len(self._gathered))]
        if not self._sender.spend(len(data)):
            raise _NoRoom
        self._spent += len(data)
        if self._blob and self._blob.known:
            self._hash(data)
            self._blob.digest.update(data)
            self._sender.outlet.beat()
        elif not self._gathered and len(data) >= _GATHER_BYTES:
            self._send(data)
        else:
            self._gathered += data
            if len(self._gathered) >= _GATHER_BYTES:
                self._drain()
        if len(data) < whole:
            raise _Bound

    def _agree(self) -> None:
        """At the end of what the controller has: where it is the same, the item begins for it. Raises _Anew."""
        known = self._known
        if known is None or (self._bytes, self._digest.hexdigest()) != (known.offset, known.sha256):
            raise _Anew(_BEGAN_ANEW)
        self._marked = self._bytes
        self._begin()

    def _begin(self) -> None:
        item = self._item
        told = {
            "item": item.name,
            "container": item.container.to_json() if item.container else None,
            "path": item.path,
            "size": item.size,
            "offset": self._bytes,
        }
        self._sender.outlet.write(frames.ITEM, dump(told))
        self._begun = True

    def _hash(self, data: Any) -> None:
        self._digest.update(data)
        self._bytes += len(data)

    def _drain(self) -> None:
        data, self._gathered = self._gathered, bytearray()
        for start in range(0, len(data), frames.PIECE_BYTES):
            self._send(bytes(data[start : start + frames.PIECE_BYTES]))

    def _send(self, data: bytes) -> None:
        self._hash(data)
        if self._blob:
            self._blob.digest.update(data)
        packed = frames.pack(data) if self._sender.packs() else None
        self._sender.outlet.write(*((frames.DATA, data) if packed is None else (frames.PACKED, packed)))
        if self._bytes - self._marked >= frames.MARK_BYTES:
            self._mark()

    def _mark(self) -> None:
        self._marked = self._bytes
        self._sender.outlet.write(frames.MARK, frames.mark(self._bytes, self._digest.digest()))

    def _blob_begins(self, blob: BlobBegins) -> None:
        self._drain()
        if not self._begun or not self._blobs or blob.size < _LEAST_BLOB_BYTES:
            return
        known = self._sender.has(blob.sha256, blob.size)
        self._blob = _BlobState(blob, known)
        if not known:
            self._sender.outlet.write(frames.BLOB, dump({"sha256": blob.sha256, "size": blob.size}))

    def _blob_ends(self) -> None:
        """Raises _Anew where the bytes are not those of the name that the controller was asked about."""
        self._drain()
        state, self._blob = self._blob, None
        if state is None or not state.known:
            return
        if state.digest.hexdigest() != state.blob.sha256:
            raise _Anew(f"A part of it is not what its name says, sha256:{state.blob.sha256}.")
        told = {"sha256": state.blob.sha256, "size": state.blob.size}
        self._sender.outlet.write(frames.KNOWN, dump(told))
        self._mark()

    def _end(self, status: str, reason: str | None) -> None:
        if self._blob and self._blob.known:
            # Half of a blob that was to be named: the controller has none of that.
            status, reason = FAILED, f"It ended within a part that the case holds already. {reason or ''}"
        kept = status not in (FAILED, EMPTY)
        row = Outcome(
            item=self._item.name,
            container=self._item.container,
            status=status,
            reason=reason[:_MAX_REASON] if reason else None,
            path=self._item.path if kept else None,
            bytes=self._bytes if kept else 0,
            sha256=self._digest.hexdigest() if kept else None,
            started=utc(self._started),
            seconds=time.time() - self._started,
        )
        self._sender.outlet.write(frames.END, dump(row.to_json()))


class _BlobState:
    def __init__(self, blob: BlobBegins, known: bool) -> None:
        self.blob = blob
        self.known = known
        self.digest = hashlib.sha256()
