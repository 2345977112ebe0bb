# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of case.sqlite. Tables carry the names and fields of Sigma's taxonomy; the views beside them are for
people, and say of each row where it comes from. Data only.

Text is compared without regard to case, as Sigma wants it. Times are RFC 3339 UTC as the host wrote them.
"""

from __future__ import annotations

# A line with a disguised lookup has two rows: `raw`, with the plain form beside, and `plain`, where the plain form is
# the message. Rules look at both, views show the first.
# Of each table the columns after `source` (which item of which container) and `line` (of that item, from 1).
TABLES: dict[str, tuple[str, ...]] = {
    "process_creation": (
        *("ProcessId", "ParentProcessId", "Image", "CommandLine", "ParentImage", "ParentCommandLine"),
        *("User", "CurrentDirectory", "Hashes", "sha256", "comm", "exe_state", "started", "container_pid"),
    ),
    "file_event": (
        *("TargetFilename", "Image", "User", "kind", "type", "mode", "bytes", "executable"),
        *("mtime", "ctime", "sha256", "Hashes", "in_diff"),
    ),
    "network_connection": (
        *("Protocol", "SourceIp", "SourcePort", "DestinationIp", "DestinationPort", "Initiated"),
        *("ProcessId", "Image", "CommandLine", "User", "state"),
    ),
    "listening": ("Protocol", "LocalIp", "LocalPort", "ProcessId", "Image", "User"),
    "webserver": (
        *("time", "c-ip", "cs-username", "cs-method", "cs-uri", "cs-uri-stem", "cs-uri-query"),
        *("cs-version", "sc-status", "sc-bytes", "cs-referer", "cs-user-agent", "cs-host"),
        *("message", "plain", "form"),
    ),
    "log": ("time", "stream", "message", "plain", "form", "service", "runtime", "USER"),
    "event": ("time", "type", "action", "actor", "name", "image", "command"),
}

NUMBERS = frozenset(
    {
        *("source", "line", "ProcessId", "ParentProcessId", "container_pid", "bytes", "executable"),
        *("in_diff", "SourcePort", "DestinationPort", "LocalPort", "sc-status", "sc-bytes", "running"),
    }
)

# What people ask for, by the names they would think of.
VIEWS = {
    "processes": "process_creation",
    "files": "file_event",
    "connections": "network_connection",
    "listeners": "listening",
    "requests": "webserver",
    "logs": "log",
    "events": "event",
}

# Of each container after its number: who it is, and how it was made to run. Lists stand in one text, a space between.
CONTAINER = (
    *("host", "id", "name", "image", "image_id", "started", "running", "bag", "command", "labels", "ports"),
    *("Privileged", "NetworkMode", "PidMode", "User", "CapAdd", "SecurityOpt", "Mounts", "RestartPolicy"),
)

_SOURCES = """
CREATE TABLE source (
  number INTEGER PRIMARY KEY, container INTEGER REFERENCES container, host TEXT, bag TEXT, path TEXT
);
CREATE VIEW containers AS SELECT * FROM container;
"""


def quoted(name: str) -> str:
    """A name of a column or table as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def statements() -> str:
    """The SQL that makes all tables and views."""
    fields = ", ".join(map(_column, CONTAINER))
    made = [f"CREATE TABLE container (number INTEGER PRIMARY KEY, {fields});", _SOURCES]
    for table, columns in TABLES.items():
        fields = ", ".join(_column(name) for name in ("source", "line", *columns))
        made.append(f"CREATE TABLE {quoted(table)} ({fields});")
    for view, table in VIEWS.items():
        columns = TABLES[table]
        fields = ", ".join(f"t.{quoted(name)}" for name in columns if name != "form")
        once = " WHERE t.form = 'raw'" if "form" in columns else ""
        made.append(
            f"CREATE VIEW {quoted(view)} AS SELECT s.host AS host, c.name AS container, c.id AS container_id, "
            f"c.image AS container_image, {fields}, s.bag AS bag, s.path AS path, t.line AS line "
            f"FROM {quoted(table)} t JOIN source s ON s.number = t.source "
            f"LEFT JOIN container c ON c.number = s.container{once};"
        )
    return "\n".join(made)


def insertion(table: str) -> str:
    """The statement that adds a row; values come as parameters, never as text."""
    marks = ", ".join("?" * (len(TABLES[table]) + 2))
    return f"INSERT INTO {quoted(table)} VALUES ({marks})"


def _column(name: str) -> str:
    kind = "INTEGER" if name in NUMBERS else "TEXT COLLATE NOCASE"
    return f"{quoted(name)} {kind}"
