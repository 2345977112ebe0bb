# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Output that Ansible would lose is not lost."""

from __future__ import annotations

import subprocess
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._host.commands import whole


def forgetful(command: list[str], data: str | None, **_more: Any) -> tuple[int, str, str]:
    """As AnsibleModule.run_command where it looked away at the wrong moment (ansible#51393)."""
    done = subprocess.run(command, input=data, capture_output=True, text=True, check=False)
    return done.returncode, "", done.stderr


def test_what_nobody_read_is_not_lost() -> None:
    assert whole(forgetful, ["sh", "-c", "cat; echo done; exit 4"], "given\n")[:2] == (4, "given\ndone\n")


def test_arguments_and_errors_pass_through_as_they_are() -> None:
    hostile = "$(touch /tmp/x) 'shell' \"reads\" this"
    assert whole(forgetful, ["sh", "-c", 'echo "$1" >&2', "sh", hostile]) == (0, "", f"{hostile}\n")


def test_much_output_and_none() -> None:
    assert len(whole(forgetful, ["seq", "100000"])[1]) == 588895
    assert whole(forgetful, ["true"]) == (0, "", "")


def test_a_command_that_is_not_there() -> None:
    assert whole(forgetful, ["no-such-command"])[0] == 127
