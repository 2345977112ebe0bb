# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A triage on the host, in order of volatility: one pass over everything, one bundle.

The kernel is read first. What the engine has to be asked is under way in a few threads while the disk is read; the
second stats sample comes last, so that hardly anybody waits for it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import (
    Selected,
    Unselected,
    resolve,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.bundle import BundleWriter, Deadline
from ansible_collections.cordon.docker.plugins.module_utils._evidence.content import (
    document,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import MISSING
from ansible_collections.cordon.docker.plugins.module_utils._host.netns import Run

from . import staging
from .calls import Calls, events
from .collection import Collection
from .first_look import FirstLook
from .hostfile import host_document
from .options import CONTAINER_ITEMS, TriageOptions
from .subject import Subject

_FILES = {
    "processes": "processes.jsonl",
    "sockets": "sockets.jsonl",
    "stats": "stats.json",
    "links": "links.json",
    "inspect": "inspect.json",
    "top": "top.json",
    "changes": "changes.jsonl",
    "layer": "layer.jsonl",
    "volumes": "volumes.jsonl",
    "log_tail": "logs/tail.jsonl",
    "log_hits": "logs/hits.jsonl",
    "history": "history.json",
    "image": "image.json",
}


def triage(options: TriageOptions, run: Run) -> dict[str, Any]:
    """Collect, and return what the module returns. ``run`` executes a command of the host.

    Raises CordonError before anything is collected: no engine, no place to stage. Names of containers that the
    engine does not have are in ``unknown``.
    """
    started = time.time()
    deadline = Deadline.after(options.budget)
    look = FirstLook.take()
    engine = Engine.connect(options.engine)
    calls = Calls(engine, options.parallel, deadline)
    try:
        above = staging.choose(options.stage_dir)
        staging.sweep(above, started)
        with staging.private_folder(above, options.stage_owner) as folder:
            collection = Collection(options, run, look, calls, deadline)
            return _triage(options, calls, collection, deadline, folder, started)
    finally:
        calls.close()


def _triage(
    options: TriageOptions,
    calls: Calls,
    collection: Collection,
    deadline: Deadline,
    folder: Path,
    started: float,
) -> dict[str, Any]:
    path = folder / staging.BUNDLE
    bundle = BundleWriter.create(path, staging.fitting(options.limits, folder), deadline)
    try:
        answer = _collect(options, bundle, calls, collection, started)
        size, digest = bundle.finish()
    except BaseException:
        bundle.abandon()
        raise
    return {
        "bundle": {"path": str(path), "dir": str(folder), "bytes": size, "sha256": digest},
        **answer,
        "outcomes": bundle.counts(),
        "seconds": round(time.time() - started, 3),
    }


def _collect(
    options: TriageOptions, bundle: BundleWriter, calls: Calls, collection: Collection, started: float
) -> dict[str, Any]:
    # The engine remembers its last 256 events only, and forgets for each new one.
    remembered = calls.start(_events, calls, options.since or 0.0, started)
    chosen = calls.start(resolve, calls.engine, options.choice, options.parallel)
    selected = chosen.result()
    collection.begin([choice for choice in selected if isinstance(choice, Selected)])
    if "events" in options.items:
        bundle.add("events", None, "events.jsonl", lambda: events(remembered))
    for item in CONTAINER_ITEMS:
        if item not in options.items:
            continue
        if item == "stats":
            collection.wait_for_second_sample()
        for subject in collection.subjects:
            _add(bundle, subject, item, collection)
    unknown = [choice for choice in selected if isinstance(choice, Unselected)]
    for choice in unknown:
        bundle.note("inspect", None, MISSING, choice.error)
    states: dict[str, int] = {}
    for subject in collection.subjects:
        states[subject.state] = states.get(subject.state, 0) + 1
    return {
        "host": _add_host_items(bundle, options, collection, time.time() - started),
        "containers": states,
        "unknown": [choice.requested for choice in unknown],
    }


def _events(calls: Calls, since: float, until: float) -> list[dict[str, Any]]:
    return calls.engine.events(since, until, timeout=calls.timeout())


def _add(bundle: BundleWriter, subject: Subject, item: str, collection: Collection) -> None:
    bundle.add(item, subject.ref, _FILES[item], lambda: collection.collect(item, subject))


def _add_host_items(
    bundle: BundleWriter, options: TriageOptions, collection: Collection, seconds: float
) -> dict[str, Any]:
    if "engine" in options.items:
        bundle.add("engine", None, "engine.json", lambda: document(collection.engine_answers()))
    facts = host_document(options, collection.engine_answers_or_none(), collection.engine_version, seconds)
    if "host" in options.items:
        bundle.add("host", None, "host.json", lambda: document(facts))
    names = ("hostname", "kernel", "os", "time", "timezone", "clock_offset_seconds")
    return {**{name: facts[name] for name in names}, "engine": facts["engine"]}
