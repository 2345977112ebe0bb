# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of `make test`: what each runs, and how long each command may take."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import pythons
from tools.commands import BIN, ROOT, StepError, run
from tools.house import files
from tools.stage import stage

PYTHON = BIN / "python"
COLLECTION = "ansible_collections.cordon.docker"
# Folders whose modules import each other by their plain names.
PLAIN = ("bench", "lab", "tests/browser", "tests/system")
LAB = ROOT / "lab" / "lab"


@dataclass(frozen=True)
class Shell:
    """Runs a step's commands one after the other; raises StepError at the first that fails."""

    log: Path
    echo: bool = False
    whatever: bool = False

    def __call__(
        self, *command: str | Path, minutes: float = 5, cwd: Path = ROOT, env: Mapping[str, str] | None = None
    ) -> None:
        run(command, self.log, seconds=minutes * 60, cwd=cwd, env=env, echo=self.echo, whatever=self.whatever)

    def each(self, *commands: Sequence[str | Path]) -> None:
        """Run all, so that one look shows every objection, then raise StepError when any failed."""
        errors = []
        for command in commands:
            try:
                self(*command)
            except StepError as error:
                errors.append(str(error))
        if errors:
            raise StepError("; ".join(errors))


@dataclass(frozen=True)
class Step:
    """One named part of `make test`."""

    name: str
    what: str
    act: Callable[[Shell], None]
    whatever: bool = False  # also after the user interrupted


SYSTEM = (BIN / "pytest", "-p", "no:xdist", "--durations", "10")
# The targets of the modules that change containers.
CONTAINMENT = (
    "container_commit",
    "container_kill",
    "container_link",
    "container_network",
    "container_pause",
    "containment",
)

CONTAIN = sorted(ROOT.glob("tests/system/test_contain*.py"))


def lint(shell: Shell) -> None:
    shell.each(
        (BIN / "ruff", "format", "--check", "--diff", "."),
        (BIN / "ruff", "check", "."),
        (PYTHON, "-m", "tools.house"),
        (BIN / "yamllint", "."),
        ("shellcheck", *[path for path in files() if is_shell_script(path)]),
    )


def is_shell_script(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline(64)
    return first.startswith(b"#!") and first.split()[-1].rsplit(b"/", 1)[-1] in (b"sh", b"bash")


def types(shell: Shell) -> None:
    shell.each(
        (BIN / "mypy", "-p", f"{COLLECTION}.plugins", "-p", f"{COLLECTION}.tests.unit"),
        (BIN / "mypy", "tools", "noxfile.py"),
        *(("env", f"MYPYPATH={ROOT / folder}", BIN / "mypy", folder) for folder in PLAIN),
    )


def ansible_lint(shell: Shell) -> None:
    shell(BIN / "ansible-lint", "--offline", "--strict", "--profile", "production")


def sanity(shell: Shell) -> None:
    ignored = sorted(ROOT.glob("tests/sanity/ignore-*"))
    if ignored:
        raise StepError(f"{ignored[0].relative_to(ROOT)} exists; this collection mends instead of ignoring")
    shell(BIN / "ansible-test", "sanity", "--venv", "--color", "no", minutes=12, cwd=stage())


def units(shell: Shell) -> None:
    shell(BIN / "pytest", "--numprocesses", "2", "tests/unit", minutes=8)


def host_units(shell: Shell) -> None:
    """Code that runs on hosts, on the oldest and newest of their Pythons that are here; sanity imports it on all."""
    there = [version for version in pythons.HOST_PYTHONS if pythons.find(version)]
    paths = ["tests/unit/plugins/module_utils/", "tests/unit/plugins/modules/"]
    staged = stage()
    present = [path for path in paths if any((staged / path).rglob("test_*.py"))]
    for version in dict.fromkeys((there[0], there[-1])):
        command = ["units", "--venv", "--color", "no", "--python", version, *present]
        shell(BIN / "ansible-test", *command, minutes=8, cwd=staged)


def browser(shell: Shell) -> None:
    shell(BIN / "pytest", "-p", "no:xdist", "tests/browser", minutes=8)


def package(shell: Shell) -> None:
    shell(PYTHON, "-m", "tools.package")


def lab(shell: Shell) -> None:
    shell(LAB, "up", minutes=12)


def integration(shell: Shell) -> None:
    left_out = [word for name in CONTAINMENT for word in ("--exclude", name)]
    shell(PYTHON, "-m", "tools.integration", *left_out, minutes=20)


def system(shell: Shell) -> None:
    left_out = [word for glob in ("*/test_contain*", "*/test_zoo*") for word in ("--ignore-glob", glob)]
    shell(*SYSTEM, "tests/system", *left_out, minutes=20)


def contain(shell: Shell) -> None:
    """Containment's playbooks, its modules, and its matrix with the engines taking turns: each row on one of them."""
    shell(*SYSTEM, *CONTAIN, minutes=20, env={"CORDON_MATRIX": "turns"})
    shell(PYTHON, "-m", "tools.integration", *CONTAINMENT, minutes=20)


def containment(shell: Shell) -> None:
    shell(PYTHON, "-m", "tools.integration", *CONTAINMENT, minutes=30)
    shell(*SYSTEM, *CONTAIN, minutes=30)


def zoo(shell: Shell) -> None:
    """In a fleet of its own, with every scene; what somebody practises on stays as it is."""
    os.environ["CORDON_LAB_NAME"] = "lab-zoo"
    try:
        shell(LAB, "up", "--scenes", "all", minutes=20)
        shell(*SYSTEM, "tests/system/test_zoo.py", minutes=20)
    finally:
        shell(LAB, "down", minutes=3)


def lab_down(shell: Shell) -> None:
    shell(LAB, "down", minutes=3)


# What needs no engine, and what does; the two run side by side. Heavy ones first within the first.
STATIC = (
    Step("lint", "format, ruff, house rules, yamllint, shellcheck", lint),
    Step("types", "mypy, strict", types),
    Step("units", "unit tests", units),
    Step("sanity", "ansible-test sanity, no ignores", sanity),
    Step("host-units", "unit tests of host code on the oldest and newest Python", host_units),
    Step("ansible-lint", "ansible-lint, production profile", ansible_lint),
    Step("browser", "the report in a real browser", browser),
    Step("package", "build, install, use by FQCN, documentation", package),
)
RAISE = Step("lab", "a fleet with real engines", lab)
ENGINES = (
    Step("integration", "every module on real engines", integration),
    Step("system", "the playbooks over the fleet", system),
    Step("contain", "what changes containers, engines taking turns", contain),
)
LOWER = Step("lab-down", "nothing stays behind", lab_down, whatever=True)
# Asked for by name: every row of containment's matrix on every engine, and every scene.
LONG = (
    Step("containment", "what changes containers, all of it on every engine", containment),
    Step("zoo", "every break-in is found in a fleet full of them, and no neighbour accused", zoo),
)
STEPS = {step.name: step for step in (*STATIC, RAISE, *ENGINES, LOWER, *LONG)}
