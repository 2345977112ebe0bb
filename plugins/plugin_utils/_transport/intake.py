# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a host has put ready to a sealed bag in the case: receive, compare, unpack, seal, log."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc
from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, files
from ansible_collections.cordon.docker.plugins.plugin_utils._case.bag import BagWriter
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case, storing
from ansible_collections.cordon.docker.plugins.plugin_utils._report.plain import plain
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.bundle import (
    Limits,
    Unpacked,
    unpack,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.receive import (
    Announced,
    Connection,
    receive,
)

TRANSFER_SECONDS = 600.0
_COLLECTION = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Visit:
    """One verb on one host in one run. Times are seconds since 1970 by the controller's clock."""

    host: str
    verb: str
    run: str
    began: float
    answered: float


@dataclass(frozen=True)
class Taken:
    """A sealed bag: where it lies, relative to the case, and what it holds."""

    bag: str
    seal: str
    unpacked: Unpacked


def take_in(
    case: Case, connection: Connection, visit: Visit, announced: Announced, host: Any, limits: Limits
) -> Taken:
    """Bring the bundle in and seal it. The host's copy is not touched; `host` is what the host says of itself.

    Raises EvidenceError where it did not arrive as announced or cannot be stored: the case has nothing of it
    then. Whatever the connection raises comes through.
    """
    try:
        with case.incoming() as folder:
            bundle = folder / "bundle.zip"
            receive(connection, visit.host, announced, bundle, TRANSFER_SECONDS)
            bag = BagWriter.create(folder / "bag")
            unpacked = unpack(bundle, announced.sha256, bag, limits, utc(visit.answered))
            seal = bag.seal({**bag_info(case, visit, host), **_bundle_info(announced)})
            files.settle(bag.folder)
            place = case.adopt_bag(bag.folder, visit.host, visit.verb, visit.began)
    except OSError as exc:
        raise EvidenceError(storing(case.path, exc)) from exc
    custody.record(
        case.path,
        [
            custody.Event(
                "bundle received",
                visit.host,
                before={"path": announced.path, "bytes": announced.bytes, "sha256": announced.sha256},
                after={"bytes": announced.bytes, "sha256": announced.sha256},
                verified=True,
            ),
            custody.Event(
                "evidence sealed",
                visit.host,
                after={"bag": place, "tagmanifest_sha256": seal, "items": unpacked.counts()},
                verified=unpacked.incomplete is None,
                reason=unpacked.incomplete,
            ),
        ],
    )
    return Taken(place, seal, unpacked)


def _bundle_info(announced: Announced) -> Mapping[str, str]:
    return {"Bundle-Bytes": str(announced.bytes), "Bundle-SHA256": announced.sha256}


def bag_info(case: Case, visit: Visit, host: Any) -> Mapping[str, str]:
    """The controller's words about the bag, and of the host's its clock; the rest lies in data/host.json."""
    return {
        "Bag-Software-Agent": software(),
        "Bagging-Date": utc(visit.answered)[:10],
        "External-Identifier": plain(f"{case.name}/{visit.host}/{visit.run}"),
        "Case": case.name,
        "Host": plain(visit.host),
        "Verb": visit.verb,
        "Run": visit.run,
        "Custodian": plain(custody.actor()),
        "Controller-Time-Asked": utc(visit.began),
        "Controller-Time-Answered": utc(visit.answered),
        "Controller-Time-Zone": plain(time.strftime("%Z %z", time.localtime(visit.began)), 60),
        **_clock(visit, host if isinstance(host, dict) else {}),
    }


def _clock(visit: Visit, host: Mapping[str, Any]) -> dict[str, str]:
    """The host's clock against ours. It was read between the question and the answer: hence the bounds."""
    zone = host.get("timezone")
    named = {"Host-Time-Zone": plain(zone, 60) if isinstance(zone, str) and zone.strip() else "unknown"}
    try:
        read = datetime.fromisoformat(host["time"]).timestamp()
        shown = utc(read)
    except (LookupError, TypeError, ValueError, OverflowError):
        return {"Host-Time": "unknown", **named}
    least, most = read - visit.answered, read - visit.began
    return {
        "Host-Time": shown,
        **named,
        "Host-Clock-Ahead-Seconds": f"between {least:.3f} and {most:.3f}",
    }


@lru_cache(maxsize=1)
def software() -> str:
    """This collection and its version."""
    try:
        manifest = json.loads((_COLLECTION / "MANIFEST.json").read_bytes())
        return f"cordon.docker {plain(manifest['collection_info']['version'], 40)}"
    except (OSError, ValueError, KeyError, TypeError):
        pass
    try:
        found = re.search(r"^version: (\S{1,40})$", (_COLLECTION / "galaxy.yml").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return f"cordon.docker {found.group(1)}" if found else "cordon.docker"
