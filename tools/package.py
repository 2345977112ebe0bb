# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the tarball that a user installs, install it into an empty path, and use it there by its name."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.commands import BIN, BUILD, ROOT, StepError, environment
from tools.stage import stage

OUTPUT = BUILD / "package"
INSTALLED = OUTPUT / "collections"
COLLECTION = INSTALLED / "ansible_collections" / "cordon" / "docker"
# All that a tarball may hold; build_ignore of galaxy.yml leaves the rest out.
ALLOWED = {
    "CHANGELOG.md", "CONTRIBUTING.md", "COPYING", "FILES.json", "LICENSES", "MANIFEST.json", "README.md", "REUSE.toml",
    "changelogs", "docs", "meta", "playbooks", "plugins", "roles",
}  # fmt: skip
DOCUMENTED = ("callback", "filter", "lookup", "module")


def call(*command: str | Path, env: Mapping[str, str] | None = None, cwd: Path = OUTPUT) -> str:
    """Run a command of .venv where only what was installed can be found; return its standard output."""
    print(f"$ {' '.join(str(word) for word in command)}", flush=True)
    isolated = {
        "ANSIBLE_COLLECTIONS_PATH": str(INSTALLED),
        # .venv also knows the checkout under this name; here it must not step in.
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
        "ANSIBLE_CONFIG": str(OUTPUT / "ansible.cfg"),
    }
    program, *arguments = command
    done = subprocess.run(
        [BIN / program, *arguments],
        cwd=cwd,
        env=environment(isolated | dict(env or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise StepError(f"{done.stdout}\n{command[0]} ended with {done.returncode}")
    return done.stdout


def build() -> Path:
    """Build from the checkout itself, as a release does."""
    call("ansible-galaxy", "collection", "build", "--force", "--output-path", OUTPUT, ROOT)
    tarball = next(OUTPUT.glob("cordon-docker-*.tar.gz"))
    with tarfile.open(tarball) as archive:
        extra = {name.split("/")[0] for name in archive.getnames()} - ALLOWED
    if extra:
        raise StepError(
            f"The tarball holds {', '.join(sorted(extra))}: add them to build_ignore in galaxy.yml"
        )
    return tarball


def install(tarball: Path) -> None:
    """Install offline, which also proves that nothing else is needed, and compare with the manifest."""
    call("ansible-galaxy", "collection", "install", tarball, "--offline", "--collections-path", INSTALLED)
    call("ansible-galaxy", "collection", "verify", "--offline", "cordon.docker")


def plugins(kind: str) -> set[str]:
    """Names of the collection's plugins of that kind, by their files."""
    folder = COLLECTION / "plugins" / ("modules" if kind == "module" else kind)
    paths = folder.glob("*.py") if kind != "filter" else folder.glob("*.y*ml")
    return {f"cordon.docker.{path.stem}" for path in paths if not path.stem.startswith("_")}


def documentation() -> Iterator[str]:
    """ansible-doc finds every plugin and role, with documentation."""
    for kind in DOCUMENTED:
        names = plugins(kind)
        if not names:
            continue
        shown = json.loads(call("ansible-doc", "--type", kind, "--json", *sorted(names)))
        lacking = {name for name in names if not shown.get(name, {}).get("doc")}
        yield from (f"ansible-doc shows nothing for the {kind} {name}" for name in sorted(lacking))
    roles = {f"cordon.docker.{path.name}" for path in (COLLECTION / "roles").glob("*")}
    shown = json.loads(call("ansible-doc", "--type", "role", "--list", "--json", "cordon.docker"))
    yield from (
        f"ansible-doc shows no argument_specs for the role {name}" for name in sorted(roles - set(shown))
    )


def syntax() -> None:
    """Each playbook starts under its FQCN."""
    for playbook in sorted((COLLECTION / "playbooks").glob("*.yml")):
        name = f"cordon.docker.{playbook.stem}"
        call("ansible-playbook", name, "--syntax-check", "--inventory", "localhost,")


def docs_lint() -> None:
    """Documentation that the docsite would accept, checked beside the source since it wants galaxy.yml."""
    source = stage(OUTPUT / "source")
    paths = {"ANSIBLE_COLLECTIONS_PATH": str(OUTPUT / "source")}
    arguments = ["--plugin-docs", "--validate-collection-refs", "all"]
    print(call("antsibull-docs", "lint-collection-docs", *arguments, source, env=paths, cwd=source))
    print(call("antsibull-changelog", "lint", env=paths, cwd=source))


def main() -> None:
    """Raise StepError at the first thing a user would stumble over."""
    shutil.rmtree(INSTALLED, ignore_errors=True)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "ansible.cfg").touch()
    for old in OUTPUT.glob("*.tar.gz"):
        old.unlink()
    install(build())
    objections = list(documentation())
    if objections:
        raise StepError("\n".join(objections))
    syntax()
    docs_lint()


if __name__ == "__main__":
    try:
        main()
    except StepError as error:
        sys.exit(str(error))
