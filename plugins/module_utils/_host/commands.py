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
from typing import Any, Callable, Sequence

# The shell becomes the command; its output goes where nobody has to read in time. No argument is ever its text.
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
