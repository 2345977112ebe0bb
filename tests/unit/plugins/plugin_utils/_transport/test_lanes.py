# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a connection is used: its own ssh command where it has one, its file transfer otherwise."""

from __future__ import annotations

from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._transport.lanes import lanes, pipe_command, quick


class Ssh:
    transport = "ssh"

    def __init__(
        self, password: str | None = None, error: bool = False, args: str = "", code: int = 0
    ) -> None:
        self._options = {"password": password, "host": "web1", "ssh_executable": "ssh", "ssh_args": args}
        self._options.update(port="22", remote_user="ada")
        self._code = code
        self._error = error

    def get_option(self, name: str) -> Any:
        return self._options[name]

    def exec_command(self, _command: str, sudoable: bool) -> tuple[int, bytes, bytes]:
        assert not sudoable
        return self._code, b"", b""

    def _build_command(self, program: str, _subsystem: str, *words: str) -> list[bytes]:
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


def test_the_compression_of_ssh_is_left_out_by_a_connection_of_its_own() -> None:
    usual = Ssh(args="-C -o ControlMaster=auto -o ControlPersist=60s")
    plain = quick(usual)
    assert plain.get_option("ssh_args") == "-o ControlMaster=auto -o ControlPersist=60s"
    assert plain.get_option("control_path").startswith("%(directory)s/")
    assert "control_path" not in usual._options
    assert usual.get_option("ssh_args").startswith("-C")


def test_where_a_second_login_is_refused_or_nothing_is_gained_the_first_one_is_used() -> None:
    for same in (
        Ssh(args="-C", code=255),
        Ssh(args="-o ControlMaster=auto"),
        Ssh(args="-C -o ControlPath=/x"),
        Other(),
    ):
        assert quick(same) is same
