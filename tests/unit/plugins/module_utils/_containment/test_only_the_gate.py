# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""That only the gate changes anything on a host, read from imports, calls and commands of every plugin."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Iterator

import pytest

PLUGINS = Path(__file__).resolve().parents[5] / "plugins"
ROOM = "module_utils/_containment"
CONTROL = "module_utils/_engine/control.py"
GATE = f"{ROOM}/gate.py"
MEANS = (f"{ROOM}/means_engine.py", f"{ROOM}/means_host.py")

# Everything of the engine's API, or of the SDK's client, that changes a container, a network or an image.
CHANGING_CALLS = frozenset(
    (
        "pause",
        "unpause",
        "kill",
        "commit",
        "disconnect",
        "connect_network",
        "set_restart_policy",
        "connect_container_to_network",
        "disconnect_container_from_network",
        "update_container",
        "exec_create",
        "exec_start",
        "exec_run",
        "put_archive",
        "remove_container",
        "remove_image",
        "remove_volume",
        "remove_network",
        "prune_containers",
        "create_container",
        "send",
    )
)
# Methods of these names that belong to other things: a socket, and a process of the controller.
HARMLESS = frozenset(
    (
        ("module_utils/_host/netns.py", "send"),
        ("plugin_utils/_transport/watchdog.py", "kill"),
        ("plugin_utils/_analysis/database.py", "commit"),  # of SQLite
    )
)
# The host's commands that can change something, and the words with which they do.
_VERBS = frozenset(
    (
        "pause",
        "unpause",
        "kill",
        "stop",
        "start",
        "restart",
        "rm",
        "exec",
        "update",
        "commit",
        "network",
        "cp",
    )
)
CHANGING_WORDS = {
    "ip": frozenset(("set", "add", "del", "delete", "flush", "replace", "change", "exec")),
    "nft": frozenset(("-f", "add", "delete", "flush", "insert", "replace", "create")),
    "tc": frozenset(("add", "del", "change", "replace")),
    "docker": _VERBS,
    "podman": _VERBS,
    "nerdctl": _VERBS,
    "runc": _VERBS,
    "ctr": _VERBS,
    "iptables": frozenset(("-A", "-I", "-D", "-F", "-X", "-P", "-N", "-R")),
    "ip6tables": frozenset(("-A", "-I", "-D", "-F", "-X", "-P", "-N", "-R")),
    "systemctl": frozenset(("start", "stop", "restart", "kill", "mask", "disable", "enable")),
    "service": frozenset(("start", "stop", "restart")),
}
RUNNERS = frozenset(
    (
        "run_command",
        "Popen",
        "check_call",
        "check_output",
        "system",
        "execv",
        "execve",
        "spawn",
        "spawned",
        "posix_spawn",
    )
)
FILES = sorted(str(path.relative_to(PLUGINS)) for path in PLUGINS.rglob("*.py"))


def tree(name: str) -> ast.Module:
    return ast.parse((PLUGINS / name).read_text(encoding="utf-8"))


def imports(name: str) -> Iterator[str]:
    """Each module that is imported, and each name that is taken from one."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def called(name: str) -> Iterator[str]:
    """The last part of the name of each method that is called."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr


def _without_documentation(module: ast.Module) -> ast.Module:
    texts = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
    module.body = [
        node
        for node in module.body
        if not (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id in texts
        )
    ]
    return module


def commands(name: str) -> Iterator[list[str]]:
    """Each list or tuple of texts, and each text that reads like a script, as words."""
    for node in ast.walk(_without_documentation(tree(name))):
        if isinstance(node, (ast.List, ast.Tuple)):
            items = [item.value for item in node.elts if isinstance(item, ast.Constant)]
            yield [item for item in items if isinstance(item, str)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value:
            yield from (line.split() for line in node.value.splitlines() if "=" not in line[:20])


def changing(words: list[str]) -> bool:
    return any(CHANGING_WORDS.get(word, frozenset()) & set(words[at + 1 :]) for at, word in enumerate(words))


@pytest.mark.parametrize("name", FILES)
def test_only_the_gates_means_can_tell_an_engine_to_change(name: str) -> None:
    control = [item for item in imports(name) if "control" in item.lower() and "_engine" in item]
    if name in (GATE, MEANS[0]):
        assert control
    else:
        assert not control, control


@pytest.mark.parametrize("name", FILES)
def test_only_the_gate_has_the_means(name: str) -> None:
    hands = {"EngineMeans", "HostMeans"}
    taken = [item for item in imports(name) if item.rsplit(".", 1)[-1] in hands]
    if name not in (GATE, *MEANS):
        assert not taken, taken


@pytest.mark.parametrize("name", FILES)
def test_no_other_file_calls_a_changing_method(name: str) -> None:
    if name in (CONTROL, MEANS[0]):
        return
    found = {method for method in called(name) if method in CHANGING_CALLS}
    assert not {method for method in found if (name, method) not in HARMLESS}


@pytest.mark.parametrize("name", FILES)
def test_no_other_file_has_a_changing_command(name: str) -> None:
    if name == MEANS[1]:
        return
    found = [words for words in commands(name) if changing(words)]
    assert not found


@pytest.mark.parametrize("name", FILES)
def test_commands_go_through_one_file_or_the_module(name: str) -> None:
    run = {method for method in called(name) if method in RUNNERS}
    if not name.startswith(("module_utils/", "modules/")):
        return
    assert run <= {"run_command", *(("posix_spawn",) if name == "module_utils/_host/commands.py" else ())}
    assert not [item for item in imports(name) if item.split(".")[0] == "subprocess"]


def test_the_proof_can_fail() -> None:
    """What the gate itself does is found by the same reading."""
    assert {"pause", "kill", "disconnect", "commit"} <= set(called(MEANS[0]))
    assert [words for words in commands(MEANS[1]) if changing(words)]
    assert changing(["nsenter", "-t", "1", "-n", "ip", "link", "set", "eth0", "down"])
    assert not changing(["ip", "-j", "-d", "address"])
