# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._host.sockets import (
    address,
    in_use,
    parse_sockets,
)

HEADING = (
    b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
)
ROW = (
    b"   0: 040011AC:CA26 0642D50A:115C 01 00000000:00000000 "
    b"00:00000000 00000000     33        0 306717 1 0 20 4 30\n"
)
ROW6 = (
    b"   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A "
    b"00000000:00000000 00:00000000 00000000     0        0 306000 1 0 100 0 0 10 0\n"
)
little = pytest.mark.skipif(sys.byteorder != "little", reason="recorded on a little-endian host")


@little
def test_an_established_connection() -> None:
    (found,) = parse_sockets(HEADING + ROW, "tcp")
    assert (found.state, found.local_address, found.local_port) == ("ESTABLISHED", "172.17.0.4", 51750)
    assert (found.remote_address, found.remote_port, found.uid, found.inode) == (
        "10.213.66.6",
        4444,
        33,
        306717,
    )


def test_a_listener_of_version_6() -> None:
    (found,) = parse_sockets(HEADING + ROW6, "tcp6")
    assert (found.state, found.local_address, found.local_port) == ("LISTEN", "::", 8080)


@little
def test_addresses() -> None:
    assert address(b"0100007F") == "127.0.0.1"
    assert address(b"00000000000000000000000001000000") == "::1"
    assert address(b"0000000000000000FFFF00000642D50A") == "::ffff:10.213.66.6"


def test_udp_has_states_of_its_own() -> None:
    row = ROW.replace(b" 01 ", b" 07 ")
    assert [found.state for found in parse_sockets(HEADING + row, "udp")] == ["UNCONN"]
    assert [found.state for found in parse_sockets(HEADING + row, "tcp")] == ["CLOSE"]


@given(st.binary())
def test_lines_that_make_no_sense_are_passed_over(raw: bytes) -> None:
    list(parse_sockets(HEADING + raw, "tcp"))


def test_in_use() -> None:
    v4 = b"sockets: used 3\nTCP: inuse 2 orphan 0 tw 1 alloc 5 mem 1\nUDP: inuse 4 mem 2\nRAW: inuse 0\n"
    v6 = b"TCP6: inuse 3\nUDP6: inuse 0\n"
    assert in_use(v4, v6) == {"tcp": 3, "tcp6": 4, "udp": 4, "udp6": 0}
    assert in_use(v4, b"") == {"tcp": 3, "tcp6": 1, "udp": 4, "udp6": 0}


@pytest.mark.skipif(not Path("/proc/self/net/sockstat").exists(), reason="needs a Linux host with networking")
def test_sockstat_counts_what_the_tables_hold() -> None:
    """What spares the walk over the kernel's hash table has to see every socket, in each of its states."""
    here = Path("/proc/self/net")
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())
        counts = in_use((here / "sockstat").read_bytes(), b"")
        port = server.getsockname()[1]
        rows = [
            row
            for row in parse_sockets((here / "tcp").read_bytes(), "tcp")
            if port in (row.local_port, row.remote_port)
        ]
        assert {row.state for row in rows} == {"LISTEN", "ESTABLISHED"}
        assert counts["tcp"] >= 2
