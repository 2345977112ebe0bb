# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scenes: containers that were broken into, and ordinary neighbours. Each is a folder in lab/scenes."""

from __future__ import annotations

import contextlib
import hashlib
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import host as hosts
from . import outside
from .settings import INTRUDER, INTRUDER_PORT, LAB, SILENT_PORT, Host
from .shell import LabError

_FOLDER = LAB / "scenes"
# Sets of scenes: what a fleet is raised with.
NONE, CORE, ALL = "none", "core", "all"
SETS = (NONE, CORE, ALL)
# When a container has long started up, for steps that would be part of its start before, in seconds.
LATE = 65.0
# The fleet is laid out in rounds of three hosts: two that were broken into, one that was not.
ROUND = 3
# For --privileged this engine asks for every capability by name, and fails where the machine lacks one.
_ASKS_FOR_ALL = "20.10"


@dataclass(frozen=True)
class Scene:
    """What scene.toml says; README.md in lab/scenes explains the fields."""

    name: str
    folder: Path
    kind: str
    image: str
    seats: tuple[int, ...] = ()
    expect: tuple[str, ...] = ()
    zoo: bool = False
    once: bool = False
    options: tuple[str, ...] = ()
    unprivileged_options: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    before: tuple[tuple[str, ...], ...] = ()
    after: tuple[dict[str, Any], ...] = field(default=())
    late: tuple[dict[str, Any], ...] = field(default=())
    visits: tuple[str, ...] = ()

    @property
    def is_breach(self) -> bool:
        """Whether the container was broken into."""
        return self.kind == "breach"

    @property
    def builds(self) -> bool:
        """Whether the scene brings an image of its own."""
        return (self.folder / "Dockerfile").exists()

    @property
    def digest(self) -> str:
        """Changes whenever what goes into the image does."""
        found = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.name != "scene.toml":
                found.update(f"{path.relative_to(self.folder)} {path.stat().st_mode:o}\n".encode())
                found.update(path.read_bytes())
        return found.hexdigest()


def load(which: str = ALL) -> list[Scene]:
    """The scenes of the set `which` (none, core or all), by name."""
    found = []
    for path in sorted(_FOLDER.glob("*/scene.toml")):
        data = tomllib.loads(path.read_text())
        name = path.parent.name
        try:
            values: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
            }
            scene = Scene(name=name, folder=path.parent, **values)
        except TypeError as error:
            raise LabError(f"lab/scenes/{name}/scene.toml: {error}") from error
        if scene.kind not in ("breach", "neighbour"):
            raise LabError(f"lab/scenes/{name}/scene.toml: kind is breach or neighbour, not {scene.kind}.")
        if which == ALL or (which == CORE and not scene.zoo):
            found.append(scene)
    return found


def place(scenes: Sequence[Scene], fleet: Sequence[Host]) -> dict[str, list[Scene]]:
    """Which scenes run on which host, by the seat (0, 1, 2) a host has in its round of three; those without a
    seat are dealt to the hosts in turn, once each."""
    placed: dict[str, list[Scene]] = {host.name: [] for host in fleet}
    for turn, scene in enumerate(scene for scene in scenes if not scene.seats):
        placed[fleet[turn % len(fleet)].name].append(scene)
    for scene in scenes:
        if not scene.seats:
            continue
        seats = [host for index, host in enumerate(fleet) if index % ROUND in scene.seats]
        if scene.unprivileged_options:
            able = [host for host in [*seats, *fleet] if host.engine.token != _ASKS_FOR_ALL]
            seats = able or seats
        for host in (seats or list(fleet))[: 1 if scene.once else None]:
            if scene not in placed[host.name]:
                placed[host.name].append(scene)
    return placed


def stage(host: Host, scene: Scene) -> float:
    """Start the scene's container, then do what its intruder did; by the monotonic clock, when it started."""
    words = ["docker", "run", "--detach", "--name", scene.name, "--hostname", scene.name]
    narrow = scene.unprivileged_options and host.engine.token == _ASKS_FOR_ALL
    options = _filled(scene.unprivileged_options if narrow else scene.options, host)
    command = _filled(scene.command, host)
    with _told(host, scene):
        for before in scene.before:
            hosts.run_on(host, before)
        hosts.run_on(host, [*words, *options, scene.image, *command])
        started = time.monotonic()
        for step in scene.after:
            _do(host, scene, step)
    return started


def finish(host: Host, scene: Scene, started: float) -> None:
    """Do what was done long after the container had started up."""
    if not scene.late:
        return
    time.sleep(max(0.0, started + LATE - time.monotonic()))
    with _told(host, scene):
        for step in scene.late:
            _do(host, scene, step)


@contextlib.contextmanager
def _told(host: Host, scene: Scene) -> Iterator[None]:
    try:
        yield
    except LabError as error:
        raise LabError(f"The scene {scene.name} could not be staged on {host.name}: {error}") from error


def clear(host: Host) -> None:
    """Remove every container and volume of the host."""
    script = "docker ps -aq | xargs -r docker rm -fv && docker volume prune -f"
    hosts.run_on(host, ["sh", "-c", script])


def _do(host: Host, scene: Scene, step: dict[str, Any]) -> None:
    if "exec" in step:
        stdin = (scene.folder / step["stdin"]).read_bytes() if "stdin" in step else None
        flags = ["--interactive"] if stdin is not None else []
        if step.get("detach"):
            flags.append("--detach")
        if step.get("terminal"):
            flags.append("--tty")
        hosts.run_on(host, ["docker", "exec", *flags, scene.name, *_filled(step["exec"], host)], stdin=stdin)
    if "requests" in step:
        outside.request(host.address, step["port"], step["requests"])
    if "sleep" in step:
        time.sleep(step["sleep"])


def _filled(words: Sequence[str], host: Host) -> list[str]:
    values = {
        "{intruder}": INTRUDER,
        "{port}": str(INTRUDER_PORT),
        "{silent}": str(SILENT_PORT),
        "{host}": host.name,
    }
    filled = list(words)
    for mark, value in values.items():
        filled = [word.replace(mark, value) for word in filled]
    return filled
