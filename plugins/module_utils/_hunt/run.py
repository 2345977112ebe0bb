# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hunt on one host: every container is swept for every kind, and the answer goes back with the task's own."""

from __future__ import annotations

import base64
import tempfile
import time
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import (
    Selected,
    Unselected,
    resolve,
)
from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError, describe
from ansible_collections.cordon.docker.plugins.module_utils._evidence.bundle import (
    BundleWriter,
    Deadline,
    Limits,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.content import (
    Content,
    Found,
    document,
)
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import MISSING
from ansible_collections.cordon.docker.plugins.module_utils._host.facts import host_facts
from ansible_collections.cordon.docker.plugins.module_utils._triage import staging
from ansible_collections.cordon.docker.plugins.module_utils._triage.calls import Calls
from ansible_collections.cordon.docker.plugins.module_utils._triage.hostfile import engine_facts
from ansible_collections.cordon.docker.plugins.module_utils._triage.subject import Subject

from .options import HuntOptions
from .sweep import Sweep

_ITEM_BYTES = 8 << 20
_TOTAL_BYTES = 64 << 20


def hunt(options: HuntOptions) -> dict[str, Any]:
    """Sweep, and return what the module returns: nothing is left on the host.

    Raises CordonError before anything is looked at: no engine, no place for the bundle while it is made.
    """
    started = time.time()
    deadline = Deadline.after(options.budget)
    engine = Engine.connect(options.engine)
    calls = Calls(engine, options.parallel, deadline)
    try:
        above = staging.choose(options.stage_dir)
        staging.sweep(above, started)
        with tempfile.TemporaryDirectory(prefix=staging.PREFIX, dir=above) as folder:
            return _hunt(options, calls, deadline, Path(folder), started)
    except OSError as exc:
        raise EvidenceError(f"The answer cannot be put together on the host: {describe(exc)}.") from exc
    finally:
        calls.close()


def _hunt(
    options: HuntOptions, calls: Calls, deadline: Deadline, folder: Path, started: float
) -> dict[str, Any]:
    path = folder / staging.BUNDLE
    limits = Limits(_ITEM_BYTES, _TOTAL_BYTES, options.answer_bytes)
    bundle = BundleWriter.create(path, staging.fitting(limits, folder), deadline)
    try:
        answer = _sweep(options, bundle, calls, Sweep(options, calls, deadline), started)
        size, digest = bundle.finish()
    except BaseException:
        bundle.abandon()
        raise
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return {
        "bundle": {
            "path": str(path),
            "dir": str(folder),
            "bytes": size,
            "sha256": digest,
            "content": content,
        },
        **answer,
        "outcomes": bundle.counts(),
        "seconds": round(time.time() - started, 3),
    }


def _sweep(
    options: HuntOptions, bundle: BundleWriter, calls: Calls, sweep: Sweep, started: float
) -> dict[str, Any]:
    chosen = calls.start(resolve, calls.engine, options.choice, options.parallel)
    sweep.read_kernel()
    selected = chosen.result()
    subjects = sweep.begin([choice for choice in selected if isinstance(choice, Selected)])
    hits = dict.fromkeys(options.indicators.kinds, 0)
    for kind in options.indicators.kinds:
        for subject in subjects:
            hits[kind] += _add(bundle, sweep, kind, subject)
    unknown = [choice for choice in selected if isinstance(choice, Unselected)]
    for choice in unknown:
        bundle.note("inspect", None, MISSING, choice.error)
    facts = _host(options, calls, sweep, time.time() - started)
    bundle.add("host", None, "host.json", lambda: document(facts))
    states: dict[str, int] = {}
    for subject in subjects:
        states[subject.state] = states.get(subject.state, 0) + 1
    names = ("hostname", "kernel", "os", "time", "timezone", "clock_offset_seconds", "engine")
    return {
        "host": {name: facts[name] for name in names},
        "containers": states,
        "hits": hits,
        "unknown": [choice.requested for choice in unknown],
    }


def _add(bundle: BundleWriter, sweep: Sweep, kind: str, subject: Subject) -> int:
    """Sweep one container for one kind, and return how many lines of hits were written."""
    count = 0

    def collect() -> Content:
        content = sweep.collect(kind, subject)
        return Found(counted(content), content.notes) if isinstance(content, Found) else content

    def counted(content: Found) -> Any:
        nonlocal count
        for chunk in content.chunks:
            count += chunk.count(b"\n")
            yield chunk

    bundle.add(f"hits_{kind}", subject.ref, f"hits/{kind}.jsonl", collect)
    return count


def _host(options: HuntOptions, calls: Calls, sweep: Sweep, seconds: float) -> dict[str, Any]:
    facts = host_facts()
    versions = {"version": calls.engine.engine_version, "api_version": calls.engine.api_version}
    facts["controller_time"] = options.controller_time
    facts["clock_offset_seconds"] = options.clock_offset
    facts["engine"] = engine_facts({"info": sweep.engine_info()}, versions)
    facts["asked"] = dict(options.asked)
    facts["seconds"] = round(seconds, 3)
    return facts
