# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands on the host whose whole output is needed.

AnsibleModule.run_command loses output now and then: where a command says nothing for a second, and then prints
and ends just between the look at its pipes and the look at the process, what it printed is never read
(ansible#51393; seen on hosts under load). A decision must not rest on such an answer.
"""

from __future__ import annotations

import os
import shutil
import signal
from typing import Any, Callable, Sequence

# The shell becomes the command; its output goes where nobody has to read in time. No argument is ever its text.
_SBIN = "/usr/sbin:/sbin:/usr/local/sbin"
_INTO = 'exec "$@" >"$0"'


def whole(
    run_command: Callable[..., Any], command: Sequence[str], given: str | None = None
) -> tuple[int, str, str]:
    """The code, all of the output, and what came of the errors, which may be less than was said."""
    handle = os.memfd_create("output")
    try:
        into = f"/proc/{os.getpid()}/fd/{handle}"
        code, _unread, errors = run_command(
            ["sh", "-c", _INTO, into, *command], data=given, handle_exceptions=False
        )
        with os.fdopen(handle, "rb", closefd=False) as file:
            output = file.read().decode("utf-8", "surrogateescape")
    finally:
        os.close(handle)
    return code, output, errors


def spawned(command: Sequence[str], given: str | None = None) -> tuple[int, str, str]:
    """The same without a module: the code, all of the output, and all of the errors.

    Into files in memory and not into pipes, so that nothing has to be read while the command runs. A command that the
    host does not have gives code 127, as it would in a shell.
    """
    path = shutil.which(command[0], path=os.pathsep.join((os.environ.get("PATH", os.defpath), _SBIN)))
    if path is None:
        return 127, "", f"{command[0]} is not on the host"
    files = [os.memfd_create(name) for name in ("input", "output", "errors")]
    try:
        with os.fdopen(files[0], "wb", closefd=False) as file:
            file.write((given or "").encode("utf-8", "surrogateescape"))
        os.lseek(files[0], 0, os.SEEK_SET)
        child = os.posix_spawn(
            path,
            [path, *command[1:]],
            {**os.environ, "LC_ALL": "C"},
            file_actions=[(os.POSIX_SPAWN_DUP2, handle, number) for number, handle in enumerate(files)],
            setsigdef=[signal.SIGPIPE],
        )
        code = _exit_code(os.waitpid(child, 0)[1])
        return code, _all_of(files[1]), _all_of(files[2])
    finally:
        for handle in files:
            os.close(handle)


def _exit_code(status: int) -> int:
    """Of a status as wait gives it; a signal is negative (os.waitstatus_to_exitcode comes with Python 3.9)."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _all_of(handle: int) -> str:
    os.lseek(handle, 0, os.SEEK_SET)
    with os.fdopen(handle, "rb", closefd=False) as file:
        return file.read().decode("utf-8", "surrogateescape")
