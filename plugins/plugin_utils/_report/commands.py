# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths and commands as they can be pasted where the responder's command was run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from ansible import context

_BOOK = re.compile(r"(triage|hunt|preserve|analyse|contain|release|respond|verify)(\.ya?ml)?\Z")


def near(path: Path) -> str:
    """The path, relative where it lies below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def shown(path: Path) -> str:
    """The same, quoted."""
    return shlex.quote(near(path))


def command(
    case: Path, limit: str, verb: str | None = None, more: Sequence[str] = (), extra: Sequence[str] = ()
) -> str:
    """The command that was run, with the same inventories, on other hosts: again, or to do `verb` next.

    `more` are further words, such as another inventory; `extra` are variables, as NAME=VALUE.
    """
    sources = [word for source in context.CLIARGS.get("inventory") or () for word in ("-i", str(source))]
    words = ["ansible-playbook", *_books(verb), *sources, *more, "-l", limit]
    elsewhere = [] if case.parent == Path.cwd() / "evidence" else [f"evidence_dir={case.parent}"]
    given = [word for value in (f"case={case.name}", *elsewhere, *extra) for word in ("-e", value)]
    return shlex.join([*words, *given])


def _books(verb: str | None) -> list[str]:
    """What was run; of our own playbooks the one beside it that does `verb`, else ours by its full name."""
    books = [str(book) for book in context.CLIARGS.get("args") or ("cordon.docker.triage",)]
    if verb is None:
        return books
    if len(books) == 1 and _BOOK.search(books[0]):
        return [_BOOK.sub(rf"{verb}\2", books[0])]
    return [f"cordon.docker.{verb}"]
