# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets, neighbours, routes and addresses of each network namespace, as the kernel and the host's ip tell them.

One archive a namespace: ``proc/`` holds the files of /proc/PID/net as they are, ``ip/`` what ip prints as JSON. The
host's ip runs in the container's network namespace with the host's own files: nothing of the container is executed.
"""

from __future__ import annotations

from typing import Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import describe
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import ContainerRef
from ansible_collections.cordon.docker.plugins.module_utils._host.processes import Process, read_all
from ansible_collections.cordon.docker.plugins.module_utils._triage.subject import Subject

from . import tar
from .content import joined
from .living import check, opened
from .notes import Notes
from .view import Product, View, item, outcome

FILES = (
    "tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp", "icmp6", "unix", "packet", "netlink",
    "arp", "route", "ipv6_route", "fib_trie", "if_inet6", "dev", "sockstat", "sockstat6", "snmp", "snmp6", "netstat",
    "nf_conntrack", "igmp", "mcfilter", "wireless", "ptype",
)  # fmt: skip
_REQUIRED = ("tcp", "udp", "unix")
_BYTES = 16 << 20
_IP = {
    "neighbours": "neighbour show",
    "routes": "-4 route show table all",
    "routes6": "-6 route show table all",
    "rules": "rule show",
    "rules6": "-6 rule show",
    "addresses": "-s address show",
}
# One execution for a namespace. The PID is an argument, never text of the script.
_SCRIPT = "\n".join(
    [
        'pid=$1',
        'inside() { if [ "$pid" = self ]; then "$@"; else nsenter -t "$pid" -n "$@"; fi; }',
        *(f"printf '\\n@%s\\n' {name}; inside ip -j -d {words}" for name, words in _IP.items()),
    ]
)  # fmt: skip


def network(view: View, subject: Subject) -> Iterator[Product]:
    """The container's namespace; where it shares one, a row that says whose."""
    init = subject.init
    if init is None:
        yield outcome("network", subject.ref, subject.without_processes().reason)
        return
    others = [one for one in view.subjects if one.init and one.init.net_namespace == init.net_namespace]
    if init.net_namespace == view.snapshot.own_net_namespace:
        yield outcome(
            "network", subject.ref, "The container uses the host's network: see network.tar of the host."
        )
    elif others and others[0] is not subject:
        yield outcome("network", subject.ref, f"It shares the network of {others[0].ref.name}: see there.")
    else:
        yield _item(view, subject.ref, init)


def host_network(view: View) -> Iterator[Product]:
    """The host's own namespace: its neighbours tell which container had which address."""
    yield _item(view, None, None)


def _item(view: View, ref: ContainerRef | None, process: Process | None) -> Product:
    def read(notes: Notes) -> Iterator[bytes]:
        if process is None:
            files = _read(view.host.proc + "/self/", None, notes)
        else:
            with opened(view.host.proc, process) as handle:
                files = _read("", handle, notes)
                files.update(_ask(view, str(process.pid), notes))
                check(handle, process)
        if process is None:
            files.update(_ask(view, "self", notes))
        return joined(_members(files))

    return item("network", ref, "network.tar", read)


def _read(prefix: str, handle: int | None, notes: Notes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for name in FILES:
        try:
            files[f"proc/{name}"] = read_all(f"{prefix}net/{name}", handle, _BYTES)
        except OSError as exc:
            if name in _REQUIRED:
                notes.add(f"{name} could not be read: {describe(exc)}")
            continue
        if len(files[f"proc/{name}"]) == _BYTES:
            notes.add(f"{name} is cut at {_BYTES} bytes")
    return files


def _ask(view: View, pid: str, notes: Notes) -> dict[str, bytes]:
    code, output, errors = view.host.run(["sh", "-c", _SCRIPT, "sh", pid])
    files: dict[str, bytes] = {}
    for block in output.split("\n@")[1:]:
        name, _newline, document = block.partition("\n")
        if name in _IP and document.strip():
            files[f"ip/{name}.json"] = document.encode("utf-8", "surrogateescape")
    # An older ip prints nothing at all for an empty list; without neighbours and addresses it did not work.
    if "ip/addresses.json" not in files:
        notes.add(f"the host's ip told nothing (code {code}): {' '.join(errors.split())[:200]}")
    return files


def _members(files: dict[str, bytes]) -> Iterator[bytes]:
    folders: set[str] = set()
    for name in sorted(files):
        folder = name.partition("/")[0]
        if folder not in folders:
            folders.add(folder)
            yield tar.header(tar.Member(folder.encode() + b"/", tar.FOLDER, 0o700))
        content = files[name]
        yield tar.header(tar.Member(name.encode(), size=len(content))) + content + tar.padding(len(content))
    yield tar.END
