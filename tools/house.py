# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of the house that no linter knows: licence headers, and the sizes of files and functions."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# REUSE-IgnoreStart
IDENTIFIER = "SPDX-License-Identifier: GPL-3.0-or-later"
# REUSE-IgnoreEnd
WITH_HEADER = (".cfg", ".j2", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml")
FILE_LINES = 400
FUNCTION_LINES = 60


def files() -> list[Path]:
    """What git knows or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file()]


def header(path: Path, text: str) -> Iterator[str]:
    """A file with text in a language that has comments says its licence; REUSE.toml speaks for the others."""
    if (
        path.suffix in WITH_HEADER
        and path.parent.name != "LICENSES"
        and text
        and IDENTIFIER not in text[:2000]
    ):
        yield f"has no line '{IDENTIFIER}' at its head"


def sizes(text: str) -> Iterator[str]:
    """Long files and functions are split, not excused."""
    length = len(text.splitlines())
    if length > FILE_LINES:
        yield f"has {length} lines; {FILE_LINES} is the most"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{node.name}() has {lines} lines; {FUNCTION_LINES} is the most"


def objections(path: Path) -> Iterator[str]:
    """What this file breaks."""
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return
    if "tests" not in path.relative_to(ROOT).parts or path.suffix == ".py":
        yield from header(path, text)
    if path.suffix == ".py":
        yield from sizes(text)


def main() -> int:
    """Print each objection; 1 when there is one."""
    found = [f"{path.relative_to(ROOT)}: {text}" for path in files() for text in objections(path)]
    print("\n".join(found) or "No objection.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
