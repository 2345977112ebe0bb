# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of a log that tell of someone trying things on a server."""

from __future__ import annotations

import re
from typing import NamedTuple


class Attempt(NamedTuple):
    """One kind of request: its name in findings, what it looks like, what was tried, and the technique."""

    name: str
    pattern: re.Pattern[str]
    tried: str
    technique: str


_COMMANDS = (
    r"id|whoami|uname|cat|ls|pwd|wget|curl|nc|bash|sh|python\d?|perl|ps|ifconfig|hostname|env|rm|touch|echo"
)

# Matched against the line with its URL escapes undone.
ATTEMPTS: tuple[Attempt, ...] = (
    Attempt(
        "command",
        re.compile(
            rf"[?&](?:cmd|command|exec|execute|c|code|run|shell|q|x|0)=(?:{_COMMANDS})(?=[\s;&|<>+%\"'$/-]|$)",
            re.IGNORECASE,
        ),
        "a command as a parameter",
        "T1505.003",
    ),
    Attempt(
        "download",
        re.compile(
            r"(?:wget|curl)[^|;&]{1,200}(?:\||;|&&)\s{0,4}(?:sudo\s{1,4})?(?:ba|da|a|z)?sh\b", re.IGNORECASE
        ),
        "fetching a program and running it",
        "T1105",
    ),
    Attempt(
        "reverse-shell",
        re.compile(
            r"/dev/tcp/[^/\s]{1,255}/[0-9]{1,5}|\bnc(?:at)?\b[^|;&]{0,80}\s-[a-z]{0,4}e\b|\bbash\s{1,4}-i\b[^|;]{0,40}>&",
            re.IGNORECASE,
        ),
        "opening a shell to another machine",
        "T1059.004",
    ),
    Attempt(
        "traversal",
        re.compile(r"(?:\.\./){2,}|/etc/(?:passwd|shadow)\b|/proc/self/environ", re.IGNORECASE),
        "reading files outside the web root",
        "T1190",
    ),
    Attempt(
        "injection",
        re.compile(
            r"\bunion\b[\s+/*]{1,20}(?:all[\s+/*]{1,20})?select\b|\bor\b\s{1,4}1\s{0,4}=\s{0,4}1|\bxp_cmdshell\b",
            re.IGNORECASE,
        ),
        "SQL injection",
        "T1190",
    ),
    Attempt(
        "ognl",
        re.compile(
            r"[%$]\{[^{}]{0,200}(?:@java\.lang|getRuntime|ProcessBuilder|#_memberAccess)|class\.module\.classLoader",
            re.IGNORECASE,
        ),
        "running Java code through an expression",
        "T1190",
    ),
)

# What a line with a JNDI lookup cannot be without, in lower case: the opening brace, plain or escaped. A log
# without any of these is passed over unread.
LOOKUP_HINTS: tuple[bytes, ...] = (
    b"${",
    b"24{",
    b"dollar;",
    b"$%7b",
    b"24%7b",
    b"%257b",
    b"u007b",
    b"u{7b",
    b"x7b",
    b"&#",
    b"&lbrace",
    b"&lcub",
)

# Answers that mean that nothing was there.
REFUSED = re.compile(r"\" (?:400|401|403|404|405|410|429|50\d) ")
