# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a connection is used: its own ssh command where it has one, its file transfer otherwise."""

from __future__ import annotations

from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._transport.lanes import lanes, pipe_command


class Ssh:
    transport = "ssh"

    def __init__(self, password: str | None = None, error: bool = False) -> None:
        self._password = password
        self._error = error

    def get_option(self, name: str) -> Any:
        return {"password": self._password, "host": "web1", "ssh_executable": "ssh"}[name]

    def _build_command(self, program: str, subsystem: str, *words: str) -> list[bytes]:
        if self._error:
            raise TypeError("another signature")
        return [program.encode(), b"-C", *(word.encode() for word in words)]


class Other:
    transport = "community.docker.docker"


def test_ssh_reads_the_pipe_by_its_own_command() -> None:
    command = pipe_command(Ssh(), "/dev/shm/cordon-ab12/stream")
    assert command == ["ssh", "-C", "web1", "exec cat /dev/shm/cordon-ab12/stream"]


def test_what_is_in_the_way_of_that_means_fetching() -> None:
    assert pipe_command(Ssh(password="secret"), "/x") is None
    assert pipe_command(Ssh(error=True), "/x") is None
    assert pipe_command(Other(), "/x") is None


def test_two_at_once_only_where_that_is_known_to_be_right() -> None:
    ssh, other = Ssh(), Other()
    assert len({id(lane) for lane in [ssh, *lanes(ssh)]}) == 3
    assert lanes(other) == [other]
