# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether what a shell was told on its command line is what services have shells do. Pure over the words."""

from __future__ import annotations

import re

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge import programs
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.processes import Process

_MAX_CHARS = 2000
_PIECES = re.compile(r"&&|\|\||[;|&\n]")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w{0,60}=\S{0,200}$")
# What hides further programs from a look at the first words, or reaches for what no service needs.
_DOUBTFUL = re.compile(
    r"[`<>]\(|`|\$\(|\$\{|/dev/(?:tcp|udp)|https?:|ftp:|base64|\beval\b|\bsystem\b|/etc/(?:passwd|shadow)|/inet/"
    r"|/\.ssh|docker\.sock|\bexec\b|-exec\b|\\x|\bchmod\b|\bnohup\b"
)


def is_harmless(process: Process) -> bool:
    """A shell with `-c` whose every program is one that packs, converts, measures or waits."""
    words = process.arguments
    if len(words) < 2 or not re.fullmatch(r"-[a-z]{0,4}c", words[0]):
        return False
    written = words[1]
    if len(written) > _MAX_CHARS or _DOUBTFUL.search(written):
        return False
    names = [_program(piece) for piece in _PIECES.split(written) if piece.strip()]
    return bool(names) and all(name in programs.HARMLESS_COMMANDS for name in names)


def _program(piece: str) -> str:
    """The first word that is no assignment, without its folder."""
    for word in piece.split():
        if not _ASSIGNMENT.match(word):
            return word.strip("'\"").rpartition("/")[2]
    return "true"
