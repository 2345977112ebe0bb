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


def listen(datagrams: socket.socket, last: dict[str, float]) -> None:
    while True:
        name = datagrams.recv(100).decode(errors="replace").strip()
        last[name] = time.time()


def main(address: str, port: str) -> None:
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    datagrams.bind((address, int(port)))
    last: dict[str, float] = {}
    threading.Thread(target=listen, args=(datagrams, last), daemon=True).start()
    print("ready", flush=True)
    for _line in sys.stdin:
        print(json.dumps(dict(last)), flush=True)


main(*sys.argv[1:])
