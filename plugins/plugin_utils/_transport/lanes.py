# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of an Ansible connection evidence is brought through: ssh's own pipe, or fetched files. Few connections can
bear two transfers at once; the others do one after the other."""

from __future__ import annotations

import copy
import hashlib
import shlex
from contextlib import suppress
from typing import Any

# Each of these starts a process of its own for each transfer.
_PARALLEL = ("ssh", "local")


def quick(connection: Any) -> Any:
    """The same connection without the compression that Ansible asks ssh for: evidence that does not compress takes
    several times as long with it. The connection itself where that cannot be had, such as where a second login is
    refused."""
    with suppress(Exception):
        plain = _uncompressed(connection)
        if plain is not None and plain.exec_command("exit 0", sudoable=False)[0] == 0:
            return plain
    return connection


def _uncompressed(connection: Any) -> Any:
    """A copy with a master connection of its own; None where there is no compression to leave out."""
    if getattr(connection, "transport", None) != "ssh":
        return None
    words = shlex.split(str(connection.get_option("ssh_args") or ""))
    if "-C" not in words or any("controlpath" in word.lower() for word in words):
        return None
    plain = copy.copy(connection)
    plain._options = dict(connection._options)
    plain._options["ssh_args"] = shlex.join(word for word in words if word != "-C")
    place = [connection.get_option(name) for name in ("host", "port", "remote_user")]
    plain._options["control_path"] = f"%(directory)s/{hashlib.sha256(repr(place).encode()).hexdigest()[:10]}"
    plain.control_path = None
    return plain


def pipe_command(connection: Any, path: str) -> list[str] | None:
    """A command of this machine that writes what comes out of the host's pipe; None where files have to be fetched.

    The ssh connection says how it would run a command. One with a password is left to it, since it hands that over
    in ways of its own.
    """
    transport = getattr(connection, "transport", None)
    if transport == "local":
        return ["cat", path]
    if transport != "ssh" or not hasattr(connection, "_build_command"):
        return None
    try:
        if connection.get_option("password"):
            return None
        host = connection.get_option("host")
        program = connection.get_option("ssh_executable")
        # To the shell of whoever fetches: the path is of a shape that means nothing to any.
        command = connection._build_command(program, "ssh", host, f"exec cat {shlex.quote(path)}")
    except Exception:  # noqa: BLE001 - whatever a version of it objects to, fetching files works with all
        return None
    return [word.decode() if isinstance(word, bytes) else str(word) for word in command]


def lanes(connection: Any) -> list[Any]:
    """The connection, as often as it may be used at once."""
    if getattr(connection, "transport", None) in _PARALLEL:
        # What it notes down while it works must not be another's.
        return [copy.copy(connection), copy.copy(connection)]
    return [connection]
