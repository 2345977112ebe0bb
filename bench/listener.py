# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listens beside the lab's hosts: who was heard, and when last. Each line on standard input asks for the answer."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time


def listen(flow: socket.socket, last: dict[str, float]) -> None:
    with flow:
        while True:
            try:
                # Without it the other end would hold back what comes within 40 ms.
                flow.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                said = flow.recv(4096)
            except OSError:
                return
            if not said:
                return
            name = said.decode(errors="replace").rstrip("\n").rpartition("\n")[2]
            last[name] = time.time()


def accept(server: socket.socket, last: dict[str, float]) -> None:
    while True:
        flow, _address = server.accept()
        threading.Thread(target=listen, args=(flow, last), daemon=True).start()


def main(address: str, port: str) -> None:
    server = socket.create_server((address, int(port)))
    last: dict[str, float] = {}
    threading.Thread(target=accept, args=(server, last), daemon=True).start()
    print("ready", flush=True)
    for _line in sys.stdin:
        print(json.dumps(dict(last)), flush=True)


main(*sys.argv[1:])
