# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's data with all images in it, made once per engine and given to each host by hard links."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from . import host as hosts
from . import network, teardown
from .keys import Keys
from .roots import Root
from .scenes import Scene
from .settings import TEMPLATES, Engine, Host
from .shell import LabError, remove_tree, run, say

# Folders whose files an engine only ever reads: layers, and content named by its hash. Everything else, such
# as its databases, is written in place, so a hard link there would join the hosts' engines.
_READ_ONLY = (
    "overlay2/*/diff",
    "containerd/daemon/*snapshotter*/snapshots/*/fs",
    "containerd/daemon/*/blobs",
)
# Each engine makes its own identity and networks.
_OWN = ("network", "containers", "tmp", "runtimes")


def key(engine: Engine, root: Root, images: Sequence[Root], scenes: Sequence[Scene]) -> str:
    """Changes whenever the images would."""
    parts: list[object] = [engine.token, engine.daemon, root.key]
    parts += [[image.image, image.config, image.key] for image in images]
    parts += [[scene.image, scene.digest] for scene in scenes if scene.builds]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def ensure(engine: Engine, root: Root, images: Sequence[Root], scenes: Sequence[Scene], name: str) -> Path:
    """The template of that name for an engine, built when it is not in the cache."""
    stem = f"{engine.token}{name}"
    path = TEMPLATES / f"{stem}-{key(engine, root, images, scenes)}"
    if path.is_dir():
        return path
    started = time.monotonic()
    builder = Host(f"make-{engine.token}"[:11], 200, engine, TEMPLATES / f"{path.name}.partial")
    hosts.forget(builder)
    hosts.prepare(builder, Keys(), [])
    network.isolate(builder)
    try:
        hosts.start(builder, root)
        version = hosts.wait_for_engine(builder)
        for image in images:
            _import(builder, image)
        for scene in scenes:
            if scene.builds:
                _build(builder, scene)
        hosts.run_on(builder, ["service", "docker", "stop"])
    finally:
        teardown.one(builder)
    _keep(builder, path, stem)
    say(f"images for engine {version} ({engine.token}) made in {time.monotonic() - started:.0f} s")
    return path


def give(template: Path, host: Host) -> None:
    """Lay a template out as the host's engine data: layers linked, everything else copied."""
    target = host.state / "docker"
    remove_tree(target)
    run(["cp", "-al", template, target])
    read_only = {folder for pattern in _READ_ONLY for folder in target.glob(pattern)}
    for folder, names, files in os.walk(target):
        here = Path(folder)
        names[:] = [name for name in names if here / name not in read_only]
        for name in files:
            _separate(here / name)


def _separate(path: Path) -> None:
    if path.is_symlink() or not path.is_file():
        return
    copy = path.with_name(f"{path.name}.copy")
    shutil.copy2(path, copy)
    copy.replace(path)


def _import(builder: Host, image: Root) -> None:
    changes = [word for line in image.config for word in ("--change", line)]
    words = hosts.words_on(builder, ["docker", "import", *changes, "-", image.image])
    with subprocess.Popen(["tar", "-C", image.path, "-c", "."], stdout=subprocess.PIPE) as tree:
        done = subprocess.run(words, stdin=tree.stdout, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"The image {image.image} could not be imported: {done.stderr.strip()}")


def _build(builder: Host, scene: Scene) -> None:
    context = subprocess.run(["tar", "-C", scene.folder, "-c", "."], capture_output=True, check=True).stdout
    words = ["docker", "build", "--quiet", "--tag", scene.image, "-"]
    hosts.run_on(builder, words, stdin=context, timeout=300)


def _keep(builder: Host, path: Path, stem: str) -> None:
    made = builder.state / "docker"
    for name in _OWN:
        remove_tree(made / name)
    (made / "engine-id").unlink(missing_ok=True)
    made.rename(path)
    hosts.forget(builder)
    for older in TEMPLATES.glob(f"{stem}-????????????"):
        if older != path:
            remove_tree(older)
