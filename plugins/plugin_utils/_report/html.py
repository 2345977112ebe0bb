# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""report.html: everything about a case in one file that needs no network. Pure over the case.

No byte of evidence stands in the page as such: it lies in blocks of compressed, base64-coded JSON that are no
script, and the page's own code puts text, never markup, into the document. The policy in the head allows that
code and style alone, by their hashes. Evidence goes through in streams, so memory does not grow with it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import IO, Protocol

from ansible_collections.cordon.docker.plugins.plugin_utils._case import files
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_blocks import Blocks
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html_overview import (
    Command,
    overview,
    typed,
)

REPORT = "report.html"

_ASSETS = Path(__file__).parent / "assets"
_LIBRARY = "d3.min.js"
_CODE = (
    "base.js",
    "overview.js",
    "containers.js",
    "tables.js",
    "card.js",
    "picture.js",
    "graph.js",
    "search.js",
    "keys.js",
)
_COPIED_BYTES = 1 << 20


class _Sink(Protocol):
    def write(self, data: bytes, /) -> int: ...


def write_report(case_dir: Path, command: Command = typed) -> Path:
    """Write report.html anew and return its path; a reader sees the old or the new one. Raises OSError.

    The same case gives the same bytes. `command` makes the commands that the report shows: it takes the case,
    what `-l` is to be, the verb and further variables.
    """
    place = case_dir / REPORT
    partial = case_dir / f".{REPORT}.{os.getpid()}"
    try:
        with tempfile.TemporaryFile(dir=case_dir) as evidence, os.fdopen(files.create(partial), "wb") as page:
            blocks = Blocks(evidence)
            told = overview(case_dir, blocks, command)
            first = Blocks(page)
            page.write(_head(case_dir.name))
            first.add("overview", [told])
            page.write(_scripts())
            _copy(evidence, page)
            page.write(b"</body>\n</html>\n")
            page.flush()
            os.fsync(page.fileno())
        partial.replace(place)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    files.sync_folder(case_dir)
    return place


def _copy(source: IO[bytes], target: _Sink) -> None:
    source.seek(0)
    while block := source.read(_COPIED_BYTES):
        target.write(block)


@cache
def asset(name: str) -> str:
    """The text of a file that comes with the collection."""
    return (_ASSETS / name).read_text("utf-8")


@cache
def _code() -> str:
    """The page's own code: one strict scope, nothing global."""
    return "".join(['(() => {\n"use strict";\n', *(asset(name) for name in _CODE), "})();\n"])


def policy() -> str:
    """What the page may do: run these two scripts, apply this style. Nothing is loaded from anywhere."""
    scripts = " ".join(_hash(text) for text in (asset(_LIBRARY), _code()))
    return (
        f"default-src 'none'; script-src {scripts}; style-src {_hash(asset('report.css'))}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _head(case: str) -> bytes:
    """The page up to its blocks. The name of a case has letters, digits, dots, dashes and underscores only."""
    safe = "".join(char for char in case if char.isascii() and (char.isalnum() or char in "._-"))
    page = asset("report.html")
    for mark, text in (("POLICY", policy()), ("CASE", safe), ("STYLE", asset("report.css"))):
        page = page.replace(f"%{mark}%", text)
    return page.encode()


def _scripts() -> bytes:
    return "".join(f"<script>{text}</script>\n" for text in (asset(_LIBRARY), _code())).encode()


def sources() -> Sequence[str]:
    """The names of all assets, for those who check them."""
    return ("report.html", "report.css", _LIBRARY, *_CODE)
