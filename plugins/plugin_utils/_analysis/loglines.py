# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a line of a log belongs to: the service that wrote it, and what runs the application. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SYSLOG = re.compile(
    r"(?:<[0-9]{1,3}>1? ?)?(?:[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}\S{0,6})"
    r" \S{1,255} ([A-Za-z][A-Za-z0-9_./-]{0,47})(?:\[[0-9]{1,10}\])?: "
)
_SUDO_USER = re.compile(r"\bUSER=(\S{1,64})")

# What Sigma calls that which runs an application, by the name of the program.
_RUNTIMES = {
    "java": "jvm",
    "node": "nodejs",
    "nodejs": "nodejs",
    "python": "python",
    "gunicorn": "python",
    "uwsgi": "python",
    "uvicorn": "python",
    "ruby": "ruby",
    "puma": "ruby",
    "php": "php",
    "php-fpm": "php",
    "apache2": "php",
    "mysqld": "sql",
    "mariadbd": "sql",
    "postgres": "sql",
    "mongod": "sql",
}
_VERSION = re.compile(r"[-_]?[0-9][0-9.]*$")


def service_of(line: str, program: str) -> str:
    """The program that wrote the line: as syslog names it, else the container's main program."""
    found = _SYSLOG.match(line)
    return found.group(1).rpartition("/")[2].lower() if found else program


def sudo_user(line: str) -> str | None:
    """As whom sudo was to run something."""
    found = _SUDO_USER.search(line) if "USER=" in line else None
    return found.group(1) if found else None


def runtime_of(programs: Iterable[str]) -> str:
    """What runs the application of a container with these programs, empty where that is not known."""
    for program in programs:
        name = program.rpartition("/")[2].lower()
        found = _RUNTIMES.get(name) or _RUNTIMES.get(_VERSION.sub("", name))
        if found:
            return found
    return ""
