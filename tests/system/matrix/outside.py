# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The world outside the containers: runs alone in some network namespace, with the standard library only.

``outside.py listen LOG DNS [TCP]`` takes established flows at the TCP port and DNS questions at the DNS port, and
writes each sign of life as a line of JSON: time (seconds, this machine's clock), channel, row, and for a flow its
number. ``outside.py ask SECONDS`` reads a JSON object of URLs and prints what each answered, null for nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TICK_SECONDS = 0.5
NO_SUCH_NAME = 0x8183


class Log:
    """A line for each sign of life."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)
        self._flows = itertools.count(1)

    def heard(self, channel: str, row: str, flow: int = 0) -> None:
        line = {"time": time.time(), "channel": channel, "row": row, "flow": flow}
        self._file.write(json.dumps(line) + "\n")

    async def flow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: what is at its other end says its name and sends back all that it is sent."""
        number = next(self._flows)
        ticking = asyncio.create_task(tick(writer))
        try:
            row = (await reader.readline()).decode().strip()
            while await reader.readline():
                self.heard("flow", row, number)
        except OSError:
            return
        finally:
            ticking.cancel()
            writer.close()


async def tick(writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"tick\n")
        await asyncio.sleep(TICK_SECONDS)


def answer(log: Log, datagrams: socket.socket, local: bool) -> None:
    """Note a DNS question and say that there is no such name; all but the last label are the row's name."""
    data, address = datagrams.recvfrom(1500)
    kind = "datagram" if address[0].startswith("::ffff:") else "datagram6"
    log.heard("resolver" if local else kind, first_labels(data[12:]))
    datagrams.sendto(data[:2] + NO_SUCH_NAME.to_bytes(2, "big") + data[4:], address)


def first_labels(question: bytes) -> str:
    """All but the last label of the name in a DNS question."""
    labels = []
    while question and question[0]:
        labels.append(question[1 : 1 + question[0]].decode(errors="replace"))
        question = question[1 + question[0] :]
    return ".".join(labels[:-1])


async def listen(log: Log, dns: int, tcp: int | None) -> None:
    """At every address; without a TCP port at the loopback address alone, as a host's own resolver."""
    family, address = (socket.AF_INET, "127.0.0.1") if tcp is None else (socket.AF_INET6, "::")
    datagrams = socket.socket(family, socket.SOCK_DGRAM)
    if tcp is not None:
        datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        flows = socket.create_server(("::", tcp), family=socket.AF_INET6, dualstack_ipv6=True)
        await asyncio.start_server(log.flow, sock=flows)
    datagrams.bind((address, dns))
    asyncio.get_running_loop().add_reader(datagrams, answer, log, datagrams, tcp is None)
    print("ready", flush=True)
    await asyncio.Event().wait()


def ask(url: str, seconds: float) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=seconds) as answer:
            return str(answer.read(100).decode().strip())
    except OSError:
        return None


def main(verb: str, *arguments: str) -> None:
    if verb == "listen":
        path, dns, *tcp = arguments
        asyncio.run(listen(Log(Path(path)), int(dns), int(tcp[0]) if tcp else None))
    else:
        urls = json.load(sys.stdin)
        with ThreadPoolExecutor(max_workers=64) as pool:
            answers = pool.map(lambda url: ask(url, float(arguments[0])), urls.values())
            print(json.dumps(dict(zip(urls, answers, strict=True))))


if __name__ == "__main__":
    main(*sys.argv[1:])
