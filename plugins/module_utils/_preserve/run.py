# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A preservation on the host: name what there is, answer the controller, and send it in the background."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from typing import Any, Callable, Iterable, List, Mapping, Tuple, Union

from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.cordon.docker.plugins.module_utils._engine.options import EngineOptions
from ansible_collections.cordon.docker.plugins.module_utils._errors import describe
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_line
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import Outcome
from ansible_collections.cordon.docker.plugins.module_utils._host.facts import host_facts
from ansible_collections.cordon.docker.plugins.module_utils._host.netns import Run
from ansible_collections.cordon.docker.plugins.module_utils._triage import staging
from ansible_collections.cordon.docker.plugins.module_utils._triage.options import parse_time

from . import background, frames
from .choice import Choice
from .item import Item
from .items import of_view
from .options import CHUNKS, SendingOptions
from .outlet import ChunkOutlet, Gone, Outlet, PipeOutlet
from .send import Sender, Sending
from .view import Host, View

Product = Union[Item, Outcome]
# Containers that were named and are not there, and what there is of the others.
Found = Tuple[List[str], Iterable[Product]]
_ASKED = (
    "containers", "select", "items", "item_bytes", "total_bytes", "hash_bytes", "memory", "memory_bytes",
    "bind_content", "capture_seconds", "capture_bytes", "committed_images", "docker_host", "transfer", "compress",
)  # fmt: skip


def begin(params: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """What the module does with its parameters. ``run`` executes a command of the host. Raises CordonError."""
    engine, choice = EngineOptions.from_params(params), Choice.from_params(params)
    asked = {name: params.get(name) for name in _ASKED}

    def products() -> Found:
        view = View.of(Host(run), Engine.connect(engine), choice)
        return [one.requested for one in view.unknown], of_view(view)

    return preserve(SendingOptions.from_params(params), choice.item_bytes, asked, products)


def preserve(
    options: SendingOptions,
    item_bytes: int,
    asked: Any,
    products: Callable[[], Found],
) -> dict[str, Any]:
    """Begin to send, and return what the module returns. ``products`` is called in the process that sends.

    Raises CordonError before anything is sent: no engine, no place to stage.
    """
    above = staging.choose(options.stage_dir)
    background.sweep(above, time.time())
    with staging.private_folder(above, options.stage_owner) as folder:
        if options.way != CHUNKS:
            PipeOutlet.make(folder)
    # From here on the folder is the fetching user's.
    try:
        held = background.hold(folder)

        def work(say: background.Say) -> None:
            _send(options, item_bytes, asked, products, held, say)

        answer = background.begin(folder, held, work)
        os.close(held)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return {**answer, "dir": str(folder), "way": options.way}


def _send(
    options: SendingOptions,
    item_bytes: int,
    asked: Any,
    products: Callable[[], Found],
    held: int,
    say: background.Say,
) -> None:
    facts = _facts(options, asked)
    unknown, found = products()
    everything = [_host_item(facts), *found]
    named = [product for product in everything if isinstance(product, Item)]
    say(
        {
            "host": {
                name: facts[name]
                for name in ("hostname", "kernel", "os", "time", "timezone", "clock_offset_seconds")
            },
            "unknown": unknown,
            "items": len(named),
            "bytes": sum(item.size or 0 for item in named),
        }
    )
    outlet = _outlet(options, held)
    sending = Sending(
        item_bytes, options.total_bytes, options.room_bytes, options.compress, options.idle_seconds * 0.8
    )
    sender = Sender(outlet, options.known, sending)
    with suppress(Gone):
        try:
            for payload in frames.plan([[item.name, item.path, item.size] for item in named]):
                outlet.write(frames.PLAN, payload)
            sender.send_all(everything)
        except Gone:
            raise
        except Exception as exc:  # noqa: BLE001 - told to the controller, which has to know that there is no more
            sender.fail(describe(exc))


def _outlet(options: SendingOptions, held: int) -> Outlet:
    if options.way == CHUNKS:
        return ChunkOutlet(held, options.idle_seconds, options.chunk_bytes, options.staged_bytes)
    return PipeOutlet(held, options.idle_seconds)


def _facts(options: SendingOptions, asked: Any) -> dict[str, Any]:
    facts = host_facts()
    told = options.controller_time
    offset = None if told is None else round(time.time() - parse_time("controller_time", told), 3)
    return {**facts, "controller_time": told, "clock_offset_seconds": offset, "asked": asked}


def _host_item(facts: dict[str, Any]) -> Item:
    line = dump_line(facts)
    return Item("host", None, "host.json", lambda: (line,), len(line))
