# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command: up, down, stage, status, inventory, shell."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import host as hosts
from . import inventory, machine, network, outside, roots, roster, scenes, teardown, templates
from .keys import Keys
from .settings import (
    DEFAULT_ENGINES,
    DEFAULT_HOSTS,
    ENGINES,
    INVENTORY,
    LOCK,
    MAX_HOSTS,
    OWN_LOCK,
    Engine,
    Host,
    fleet,
)
from .shell import LabError, say

# More at once only makes two cores switch.
_AT_ONCE = 4
_BUILDERS = 2


def main() -> int:
    """Run the command; 1 with one sentence on standard error when something must be mended."""
    options = _parser().parse_args()
    try:
        machine.require_root()
        return int(options.act(options))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"lab: the machine refuses: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; `lab/lab up` starts anew, `lab/lab down` cleans up", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="A fleet of Docker hosts on this machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="raise the fleet; what was there before is taken down first")
    up.add_argument("--hosts", type=_count, default=DEFAULT_HOSTS, help="how many (default %(default)s)")
    up.add_argument(
        "--engines",
        type=_engines,
        default=DEFAULT_ENGINES,
        help=f"engines, dealt to the hosts in turn: {', '.join(ENGINES)}",
    )
    up.add_argument(
        "--scenes",
        choices=scenes.SETS,
        default=scenes.CORE,
        help="core: a few, quickly there; all: every one that the lab knows (default %(default)s)",
    )
    up.add_argument(
        "--no-scenes", action="store_const", dest="scenes", const=scenes.NONE, help="engines and sshd only"
    )
    up.set_defaults(act=_up)
    down = commands.add_parser("down", help="take the fleet down and leave nothing behind")
    down.set_defaults(act=_down)
    stage = commands.add_parser("stage", help="remove all containers of hosts and stage their scenes anew")
    stage.add_argument("hosts", nargs="*", metavar="HOST", help="which (default: all)")
    stage.set_defaults(act=_restage)
    status = commands.add_parser("status", help="which hosts are up; exit code 1 when none or not all are")
    status.set_defaults(act=_status)
    where = commands.add_parser("inventory", help="the path of the fleet's inventory")
    where.set_defaults(act=_inventory)
    shell = commands.add_parser("shell", help="run a command on a host as root; its exit code is passed on")
    shell.add_argument("host")
    shell.add_argument("command", nargs=argparse.REMAINDER)
    shell.set_defaults(act=_shell)
    return parser


def _inventory(_options: argparse.Namespace) -> int:
    print(INVENTORY)
    return 0


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= MAX_HOSTS):
        raise argparse.ArgumentTypeError(f"a number of hosts from 1 to {MAX_HOSTS}, not {text}")
    return int(text)


def _engines(text: str) -> tuple[str, ...]:
    tokens = tuple(token.strip() for token in text.split(","))
    for token in tokens:
        if token not in ENGINES:
            raise argparse.ArgumentTypeError(f"the lab has no engine {token!r}; it has {', '.join(ENGINES)}")
    return tokens


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock; the kernel gives it back however this process ends."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another lab command is at work; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _up(options: argparse.Namespace) -> int:
    started = time.monotonic()
    with _alone(OWN_LOCK):
        with _alone(LOCK):
            machine.require_packages()
            machine.require_file_system()
            teardown.sweep()
            members = fleet(options.hosts, options.engines)
            placed = scenes.place(scenes.load(options.scenes), members)
            _make_ready(members, options.scenes == scenes.ALL)
            versions = _raise(members, options.scenes)
        inventory.write(members, placed, versions)
        outside.start(_visits(members, placed))
        _stage(members, placed)
    count = "1 host" if len(members) == 1 else f"{len(members)} hosts"
    say(f"{count} up in {time.monotonic() - started:.1f} s; inventory: {INVENTORY}")
    return 0


def _make_ready(members: Sequence[Host], zoo: bool) -> None:
    known = scenes.load(scenes.ALL if zoo else scenes.CORE)
    recipes = roots.load()
    images = [recipe for recipe in recipes.values() if recipe.image and (zoo or not recipe.zoo)]
    needed = {host.engine.root for host in members}
    roots.ensure([*(recipes[name] for name in sorted(needed)), *images])
    engines = sorted({host.engine.token: host.engine for host in members}.values(), key=lambda one: one.token)

    def template(engine: Engine) -> Path:
        return templates.ensure(engine, recipes[engine.root], images, known, "-zoo" if zoo else "")

    with ThreadPoolExecutor(_BUILDERS) as pool:
        found = dict(zip([engine.token for engine in engines], pool.map(template, engines), strict=True))
    keys = Keys()
    for host in members:
        hosts.prepare(host, keys, members)
    keys.pin(list(members))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(lambda host: templates.give(found[host.engine.token], host), members):
            pass


def _raise(members: Sequence[Host], which: str) -> dict[str, str]:
    recipes = roots.load()
    roster.write(members, which)
    network.make_bridge()

    def one(host: Host) -> str:
        started = time.monotonic()
        network.connect(host)
        hosts.start(host, recipes[host.engine.root])
        version = hosts.wait_for_engine(host)
        say(f"{host.name} engine {version} at {host.address} up in {time.monotonic() - started:.1f} s")
        return version

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip([host.name for host in members], pool.map(one, members), strict=True))


def _stage(members: Sequence[Host], placed: dict[str, list[scenes.Scene]]) -> None:
    pairs = [(host, scene) for host in members for scene in placed[host.name]]
    # Those that have to wait for their last steps begin first.
    pairs.sort(key=lambda pair: not pair[1].late)
    started = time.monotonic()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        staged = [pool.submit(scenes.stage, *pair) for pair in pairs]
    errors = [str(error) for one in staged if (error := one.exception())]
    if errors:
        raise LabError("\n".join(errors))
    for (host, scene), one in zip(pairs, staged, strict=True):
        scenes.finish(host, scene, one.result())
    for host in members:
        names = ", ".join(scene.name for scene in placed[host.name])
        if names:
            say(f"{host.name} runs {names}")
    if pairs:
        say(f"all staged in {time.monotonic() - started:.1f} s")


def _visits(members: Sequence[Host], placed: dict[str, list[scenes.Scene]]) -> list[str]:
    return [
        f"{host.address}:{port}" for host in members for scene in placed[host.name] for port in scene.visits
    ]


def _restage(options: argparse.Namespace) -> int:
    with _alone(OWN_LOCK):
        members = roster.read()
        chosen = [_member(name) for name in options.hosts] or members
        # A fleet that was raised without scenes has the images of the few.
        which = roster.which_scenes()
        placed = scenes.place(scenes.load(scenes.CORE if which == scenes.NONE else which), members)
        for host in chosen:
            scenes.clear(host)
        _stage(chosen, placed)
    return 0


def _down(_options: argparse.Namespace) -> int:
    with _alone(OWN_LOCK), _alone(LOCK):
        teardown.sweep()
        left = teardown.leftovers()
    if left:
        raise LabError(f"This is still there: {'; '.join(left)}.")
    say("down; nothing is left running")
    return 0


def _status(_options: argparse.Namespace) -> int:
    members = roster.read()
    if not members:
        say("no fleet is up: raise one with `lab/lab up`")
        return 1
    healthy = True
    for host in members:
        version = hosts.engine_version(host)
        healthy = healthy and version is not None
        state = "down" if hosts.first_process(host) is None else f"engine {version or 'does not answer'}"
        say(f"{host.name} ({host.engine.token}) at {host.address}: {state}")
    return 0 if healthy else 1


def _shell(options: argparse.Namespace) -> int:
    hosts.replace_by(_member(options.host), options.command or ["bash"])
    return 0


def _member(name: str) -> Host:
    members = {host.name: host for host in roster.read()}
    if name not in members:
        names = ", ".join(members) or "none: raise a fleet with `lab/lab up`"
        raise LabError(f"There is no lab host {name}; there are {names}.")
    return members[name]
