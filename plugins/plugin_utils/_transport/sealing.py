# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a session to a sealed bag: what is whole goes in, what is not is a row that says why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_line
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, files
from ansible_collections.cordon.docker.plugins.plugin_utils._case.bag import BagWriter
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case, storing
from ansible_collections.cordon.docker.plugins.plugin_utils._case.session import Session
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.bundle import OUTCOMES
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.intake import Visit, bag_info
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.receiver import Received


@dataclass(frozen=True)
class Sealed:
    """The bag's place in the case, and the SHA-256 of its tag manifest."""

    bag: str
    seal: str


def seal(case: Case, visit: Visit, session: Session, received: Received, host: Any) -> Sealed:
    """Seal what is whole. The session keeps it too, for a run to come. `host` is what the host says of itself.
    Raises EvidenceError."""
    try:
        with case.incoming() as folder:
            bag = BagWriter.create(folder / "bag")
            for path, (size, sha256) in sorted(received.whole.items()):
                name = PurePosixPath(path)
                bag.share(session.whole(name), name, size, sha256)
            with bag.new_file(PurePosixPath(OUTCOMES)) as sink:
                for outcome in received.outcomes:
                    sink.write(dump_line(outcome.to_json()))
            sealed = bag.seal({**bag_info(case, visit, host), **_transfer_info(received)})
            files.settle(bag.folder)
            place = case.adopt_bag(bag.folder, visit.host, visit.verb, visit.began)
    except OSError as exc:
        raise EvidenceError(storing(case.path, exc)) from exc
    custody.record(
        case.path,
        [
            custody.Event(
                "evidence sealed",
                visit.host,
                after={
                    "bag": place,
                    "tagmanifest_sha256": sealed,
                    "items": counts(received),
                    "bytes": sum(size for size, _dummy in received.whole.values()),
                    "partial": session.partial(),
                },
                verified=received.broken is None,
                reason=received.broken,
            )
        ],
    )
    return Sealed(place, sealed)


def counts(received: Received) -> dict[str, int]:
    """How many outcomes there are of each status."""
    found: dict[str, int] = {}
    for outcome in received.outcomes:
        found[outcome.status] = found.get(outcome.status, 0) + 1
    return found


def _transfer_info(received: Received) -> dict[str, str]:
    return {
        "Transfer-Bytes": str(received.sent),
        "Transfer-Bytes-From-Earlier-Runs": str(received.kept),
        "Transfer-Bytes-Known-To-The-Case": str(received.known),
        "Transfer-Seconds": f"{received.seconds:.3f}",
        "Transfer-Complete": "no" if received.broken else "yes",
    }
