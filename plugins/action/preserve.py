# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    EvidenceError,
    describe,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc
from ansible_collections.cordon.docker.plugins.module_utils._preserve.frames import HEADER_BYTES, MOST_BYTES
from ansible_collections.cordon.docker.plugins.module_utils._preserve.outlet import ANSWER, STREAM
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.blobs import Blobs
from ansible_collections.cordon.docker.plugins.plugin_utils._case.hosts import HostRow
from ansible_collections.cordon.docker.plugins.plugin_utils._case.session import Session, session
from ansible_collections.cordon.docker.plugins.plugin_utils._case.slots import slot
from ansible_collections.cordon.docker.plugins.plugin_utils._host_action import (
    Asked,
    HostAction,
    Told,
    bounds_of,
    message,
    unknown_of,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain
from ansible_collections.cordon.docker.plugins.plugin_utils._transport import lanes, receiver, watchdog
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.intake import Visit
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.library import library_archive
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.progress import Progress
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.receive import safe_folder
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.receiver import Received, Receiver
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.sealing import Sealed, counts, seal
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.source import (
    ChunkSource,
    Paced,
    PipeSource,
    Source,
)

VERB = "preserve"
MODULE = "cordon.docker.preserve"
# Bounds that hold here also where the task does not say.
DEFAULTS = {
    "item_bytes": 1 << 50,
    "total_bytes": 1 << 50,
    "chunk_bytes": 16 << 20,
    "idle_seconds": 120,
    "budget": 86400,
    "bytes_per_second": 0,
    "senders": 8,
    "reserve_bytes": 256 << 20,
}
START_SECONDS = 300.0
REPLY_SECONDS = 30.0
ANSWER_BYTES = 64 << 20
_LIBRARY = base64.b64encode(library_archive()).decode("ascii")


class ActionModule(HostAction):
    """Has the host send, takes in what comes, and seals what is whole."""

    verb = VERB

    def work(self, asked: Asked) -> Told:
        bounds = bounds_of(asked.args, DEFAULTS)
        case = asked.case.path
        with ExitStack() as stack:
            stack.enter_context(
                slot(case, bounds["senders"], lambda: self._say(asked.host, "waits for its turn"))
            )
            kept = stack.enter_context(session(case, asked.host))
            return self._preserve(asked, kept, bounds)

    def _preserve(self, asked: Asked, kept: Session, bounds: Mapping[str, int]) -> Told:
        known = kept.look()
        if known:
            self._say(asked.host, "goes on where an earlier run stopped")
        answer = self._start(asked, kept, known, bounds)
        folder = safe_folder(answer.get("dir"))
        self._line = lanes.quick(self._connection)
        left: str | None = "It was not asked to."
        try:
            received = self._receive(asked, kept, bounds, answer, folder)
        finally:
            left = self._remove(folder, asked.host)
        visit = Visit(asked.host, VERB, asked.row.run, asked.began, time.time())
        sealed = seal(asked.case, visit, kept, received, answer.get("host"))
        if left is not None:
            custody.record(
                asked.case.path, [custody.Event("host copy left", asked.host, verified=False, reason=left)]
            )
        if received.broken is None:
            kept.clear()
        else:
            self._forget_connection()
        return _told(replace(asked.row, unknown=unknown_of(answer)), received, sealed, left, kept)

    def _start(
        self, asked: Asked, kept: Session, known: list[dict[str, Any]], bounds: Mapping[str, int]
    ) -> dict[str, Any]:
        """Run the module, which leaves the sender behind on the host. Raises EvidenceError."""
        user = self._get_remote_user()  # type: ignore[no-untyped-call]
        way = str(asked.args.get("transfer", "auto"))
        if way == "auto":
            way = "pipe" if lanes.pipe_command(self._connection, "/") else "chunks"
        room = max(0, receiver.free_bytes(kept.folder) - bounds["reserve_bytes"])
        rate = bounds["bytes_per_second"]
        chunk = (
            min(bounds["chunk_bytes"], max(MOST_BYTES + HEADER_BYTES, rate))
            if rate
            else bounds["chunk_bytes"]
        )
        travelling = {
            "controller_time": utc(asked.began),
            "_library": _LIBRARY,
            "known": known,
            "room_bytes": room,
            "transfer": way,
            "chunk_bytes": chunk,
        }
        owner = {"stage_owner": str(user)} if user else {}
        with watchdog.Watchdog(watchdog.Bounds(START_SECONDS, ANSWER_BYTES), asked.host):
            answer: dict[str, Any] = self._execute_module(
                module_name=MODULE,
                module_args=self.engine_module_args({**owner, **asked.args, **travelling}),
                task_vars=asked.variables,
            )
        if answer.get("failed") or "dir" not in answer:
            raise EvidenceError(message(answer))
        return answer

    def _receive(
        self, asked: Asked, kept: Session, bounds: Mapping[str, int], answer: Mapping[str, Any], folder: str
    ) -> Received:
        limits = receiver.Bounds(bounds["item_bytes"], bounds["total_bytes"], bounds["reserve_bytes"])
        until = time.monotonic() + bounds["budget"]
        total = answer.get("bytes")
        progress = Progress(
            asked.host,
            total if isinstance(total, int) and total < limits.total_bytes else 0,
            self._display.display,
            time.monotonic,
        )

        def look(so_far: Received) -> None:
            progress.at(so_far.bytes + so_far.kept)
            if time.monotonic() > until:
                raise EvidenceError(
                    f"{asked.host} was cut off: it took longer than the budget of {bounds['budget']} s."
                )

        with asked.case.incoming() as scratch:

            def reply(number: int, word: str) -> None:
                local = scratch / ANSWER
                local.write_text(f"{number} {word}\n")
                with watchdog.Watchdog(watchdog.Bounds(REPLY_SECONDS, ANSWER_BYTES), asked.host):
                    self._line.put_file(str(local), f"{folder}/{ANSWER}")

            taking = Receiver(kept, Blobs(asked.case.path), limits, reply, time.sleep)
            with self._source(asked, bounds, answer, folder, scratch) as source:
                return taking.run(source, look)

    @contextmanager
    def _source(
        self, asked: Asked, bounds: Mapping[str, int], answer: Mapping[str, Any], folder: str, scratch: Path
    ) -> Iterator[Source]:
        idle = float(bounds["idle_seconds"])
        source: Source
        if answer.get("way") == "pipe":
            command = lanes.pipe_command(self._line, f"{folder}/{STREAM}")
            if command is None:
                raise EvidenceError("The host sends through a pipe, which this connection cannot bring.")
            source = PipeSource(command, asked.host, idle)
        else:
            most = max(bounds["chunk_bytes"], MOST_BYTES + HEADER_BYTES)
            source = ChunkSource(
                lanes.lanes(self._line), self._run, folder, scratch, asked.host, (idle, most)
            )
        if bounds["bytes_per_second"]:
            source = Paced(source, bounds["bytes_per_second"])
        try:
            yield source
        finally:
            source.close()

    def _run(self, command: str) -> tuple[int, str, str]:
        done = self._low_level_execute_command(command, sudoable=False)  # type: ignore[no-untyped-call]
        return int(done["rc"]), str(done["stdout"]), str(done["stderr"])

    def _forget_connection(self) -> None:
        """A link that was cut leaves ssh's master waiting on it: the next run would wait as well."""
        for connection in {id(one): one for one in (self._line, self._connection)}.values():
            with suppress(Exception):
                connection.reset()

    def _remove(self, folder: str, host: str) -> str | None:
        """Have the sender end and its folder gone; what is left to say where that failed."""
        try:
            with watchdog.Watchdog(watchdog.Bounds(REPLY_SECONDS, ANSWER_BYTES), host):
                code, _dummy, said = self._run(f"rm -rf -- {folder}")
        except Exception as exc:  # noqa: BLE001 - the evidence is safe; the rest is something to tell
            problem = describe(exc)
        else:
            problem = "" if code == 0 else said.strip() or f"rm ended with {code}"
        return f"{folder} may be left on the host: {plain(problem, 300)}" if problem else None

    def _say(self, host: str, what: str) -> None:
        with suppress(Exception):
            self._display.display(f"{plain(host, 128)}: {what}.")


def _told(row: HostRow, received: Received, sealed: Sealed, left: str | None, kept: Session) -> Told:
    containers = {outcome.container.id for outcome in received.outcomes if outcome.container is not None}
    reason = received.broken or left
    if received.broken:
        again = "What was whole by then is sealed; run again to go on from here."
        reason = f"{received.broken} {again}"
    told = replace(
        row,
        status=hosts.FAILED if received.broken else hosts.COLLECTED,
        reason=plain(reason, 2000) if reason else None,
        bag=sealed.bag,
        containers=len(containers),
        items=counts(received),
    )
    moved = {
        "bytes": sum(size for size, _dummy in received.whole.values()),
        "transferred": received.sent,
        "known_bytes": received.known,
        "earlier_bytes": received.kept,
        "partial": kept.partial() if received.broken else {},
    }
    return Told(told, moved)
