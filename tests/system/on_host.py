# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The items of a lab host read there by the collection's own code, without Ansible, SSH or any of the transport.

The library goes to the host's Python through its standard input, and items come back through its output.
"""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from fleet import LAB

from ansible_collections.cordon.docker.plugins.plugin_utils._transport.library import library_archive
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.sdk import sdk_archive

# Runs on the host. A line of JSON for each item or outcome; after an item's, its content in pieces with their length
# in front, an empty one last, and a line of what was noted.
DRIVER = r"""
import base64, json, os, subprocess, sys, types
library, sdk, asked = (sys.stdin.readline() for _number in range(3))
file = os.memfd_create("library")
os.write(file, base64.b64decode(library))
home = f"/proc/self/fd/{file}"
for name in ("ansible_collections", "ansible_collections.cordon", "ansible_collections.cordon.docker",
             "ansible_collections.cordon.docker.plugins"):
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = [f"{home}/{name.replace('.', '/')}"]
basic = types.ModuleType("ansible.module_utils.common.parameters")
basic.env_fallback = None
for name in ("ansible", "ansible.module_utils", "ansible.module_utils.common"):
    sys.modules[name] = types.ModuleType(name)
sys.modules[basic.__name__] = basic
from ansible_collections.cordon.docker.plugins.module_utils._engine.client import Engine
from ansible_collections.cordon.docker.plugins.module_utils._engine.options import EngineOptions
from ansible_collections.cordon.docker.plugins.module_utils._preserve.choice import Choice, choice_argument_spec
from ansible_collections.cordon.docker.plugins.module_utils._preserve.item import Blob, Item
from ansible_collections.cordon.docker.plugins.module_utils._preserve.items import Host, items

def run(command):
    done = subprocess.run(command, capture_output=True)
    return done.returncode, done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode("utf-8", "replace")

out = sys.stdout.buffer
def say(**row):
    out.write(json.dumps(row).encode() + b"\n")

params = {name: spec.get("default") for name, spec in choice_argument_spec().items()}
params.update({"containers": None, "select": None, **json.loads(asked)})
engine = Engine.connect(EngineOptions(sdk_archive=sdk.strip(), timeout=60.0))
for product in items(Host(run), engine, Choice.from_params(params)):
    container = product.container.name if product.container else None
    if not isinstance(product, Item):
        say(item=product.item, container=container, path=None, status=product.status, reason=product.reason)
        continue
    say(item=product.name, container=container, path=product.path, status="collected", reason=product.note)
    blobs, error = [], None
    try:
        for part in product.open():
            if isinstance(part, Blob):
                blobs.append([part.sha256, part.size])
            for piece in part.open() if isinstance(part, Blob) else (part,):
                if piece:
                    out.write(b"%d\n" % len(piece) + piece)
    except Exception as exc:
        error = repr(exc)
    out.write(b"0\n")
    say(notes=product.notes, error=error, blobs=blobs)
out.flush()
"""


@dataclass
class Product:
    """An item or an outcome; ``file`` holds the item's content."""

    item: str
    container: str | None
    path: str | None
    status: str
    reason: str | None
    file: Path | None = None
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    blobs: list[tuple[str, int]] = field(default_factory=list)


def preserve(host: str, folder: Path, **asked: Any) -> list[Product]:
    """What the host gives, its items written below ``folder`` under their own paths."""
    folder.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [LAB, "shell", host, "python3", "-c", DRIVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(folder / "errors").open("wb"),
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise OSError("no pipes")
        for part in (
            base64.b64encode(library_archive()),
            base64.b64encode(sdk_archive()),
            json.dumps(asked).encode(),
        ):
            process.stdin.write(part + b"\n")
        process.stdin.close()
        found = list(_products(process.stdout, folder))
    if process.returncode:
        raise OSError((folder / "errors").read_text())
    return found


def _products(stream: IO[bytes], folder: Path) -> list[Product]:
    found = []
    for line in iter(stream.readline, b""):
        product = Product(**json.loads(line))
        found.append(product)
        if product.path is None:
            continue
        product.file = folder / product.path
        product.file.parent.mkdir(parents=True, exist_ok=True)
        with product.file.open("xb") as file:
            while size := int(stream.readline()):
                file.write(stream.read(size))
        after = json.loads(stream.readline())
        product.notes, product.error = after["notes"], after["error"]
        product.blobs = [(sha256, size) for sha256, size in after["blobs"]]
    return found
