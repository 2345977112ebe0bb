# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files by which programs are made to start again, or people let in, and what to make of their content."""

from __future__ import annotations

import re
from typing import NamedTuple


class Place(NamedTuple):
    """A kind of such file: the rule that tells of it, how it is called, and the technique."""

    rule: str
    pattern: re.Pattern[str]
    called: str
    technique: str


PLACES: tuple[Place, ...] = (
    Place(
        "preload",
        re.compile(r"/etc/ld\.so\.preload$"),
        "the list of libraries that every program loads first",
        "T1574.006",
    ),
    Place(
        "ssh-key",
        re.compile(r"/\.ssh/authorized_keys2?$"),
        "the list of keys that may log in by SSH",
        "T1098.004",
    ),
    Place(
        "cron",
        re.compile(r"/etc/(?:crontab|crontabs/[^/]+|cron\.[a-z]+/[^/]+)$|/var/spool/cron/(?:[^/]+/)?[^/]+$"),
        "a job of cron",
        "T1053.003",
    ),
    Place(
        "startup-file",
        re.compile(
            r"/etc/(?:profile|bash\.bashrc|profile\.d/[^/]+)$|/\.(?:bashrc|profile|bash_profile|bash_login|zshrc)$"
        ),
        "what shells read when they start",
        "T1546.004",
    ),
    Place(
        "startup-file",
        re.compile(r"/etc/(?:rc\.local|init\.d/[^/]+|systemd/system/[^/]+)$"),
        "what starts with the system",
        "T1543.002",
    ),
    Place(
        "startup-file", re.compile(r"/etc/(?:sudoers|sudoers\.d/[^/]+)$"), "who may become root", "T1548.003"
    ),
)

# Pieces of which a row has to hold one, so that the others are not parsed.
PIECES = (
    b"ld.so.preload",
    b"authorized_keys",
    b"cron",
    b"profile",
    b"bashrc",
    b"bash_",
    b"zshrc",
    b"rc.local",
    b"/init.d/",
    b"systemd/system",
    b"sudoers",
)

# Content that nobody writes with good intent, and what it does.
BAD: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"\b(?:curl|wget|fetch|lwp-download)\b[^\n;]{0,300}\|[^\n]{0,40}\b(?:ba|da|a|z|k)?sh\b",
            re.IGNORECASE,
        ),
        "fetches a program and runs it",
    ),
    (re.compile(r"/dev/(?:tcp|udp)/"), "opens a connection to another machine"),
    (re.compile(r"\bbase64\s{1,4}(?:-d|-D|--decode)[^\n]{0,80}\|"), "decodes a program and runs it"),
    (
        re.compile(r"\b(?:nc|ncat|netcat)\b[^\n]{0,80}\s-[a-z]{0,4}[ec]\b|\bmkfifo\b[^\n]{0,200}\bnc\b"),
        "opens a shell to another machine",
    ),
    (
        re.compile(
            r"\b(?:python[0-9.]*|perl|ruby|php)\b[^\n]{0,40}\s-[A-Za-z]*[cer]\b[^\n]{0,200}(?:socket|fsockopen)",
            re.IGNORECASE,
        ),
        "opens a connection to another machine",
    ),
    (re.compile(r"stratum\+(?:tcp|ssl|tls)://|\bxmrig\b|--donate-level", re.IGNORECASE), "starts a miner"),
    (
        re.compile(
            r"(?:^|[;&|(`])[ \t]{0,8}(?:(?:nohup|setsid|exec|sudo)[ \t]{1,4}){0,2}(?:/tmp|/var/tmp|/dev/shm)/[^\s]",
            re.MULTILINE,
        ),
        "starts a file from a folder for temporary files",
    ),
)
# The same of a job of cron, where the times come first, and the user in some files.
BAD_JOB = (
    re.compile(
        r"^[ \t]{0,4}(?:@[a-z]{1,10}|(?:[-0-9*/,A-Za-z]{1,40}[ \t]{1,8}){4}[-0-9*/,A-Za-z]{1,40})[ \t]{1,8}"
        r"(?:[\w.-]{1,32}[ \t]{1,8})?(?:(?:nohup|setsid|exec|sh|bash|python3?|perl)[ \t]{1,4}){0,2}"
        r"(?:/tmp|/var/tmp|/dev/shm)/[^\s]",
        re.MULTILINE,
    ),
    "starts a file from a folder for temporary files",
)

# What a package manager changes: whose files come with it were not put there by hand.
PACKAGES = (
    "/var/lib/dpkg/status",
    "/lib/apk/db/installed",
    "/usr/lib/apk/db/installed",
    "/var/lib/rpm/rpmdb.sqlite",
    "/var/lib/rpm/Packages",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
)
