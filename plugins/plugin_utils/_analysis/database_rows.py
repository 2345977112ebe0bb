# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows of evidence as rows of case.sqlite, in the order of schema.TABLES. Pure; each row begins with its line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import jndi, loglines, values, weblog
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence, Row
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge.requests import LOOKUP_HINTS
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.sockets import Socket

MAX_LINE = weblog.MAX_CHARS
_MAX_PROGRAMS = 50_000
_MAX_SEEN = 200_000  # lines remembered of one container, to tell those that two items have
_MAX_UNDONE = 2 << 20  # characters searched for disguised lookups, a container
_HINTS = tuple(hint.decode() for hint in LOOKUP_HINTS)
_DELETED = " (deleted)"

Values = tuple[Any, ...]


@dataclass
class Programs:
    """Image, command line and user by PID; what the container's logs are written by."""

    known: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    main: str = ""
    runtime: str = ""
    left_to_undo: int = _MAX_UNDONE

    @classmethod
    def of(cls, container: ContainerEvidence) -> Programs:
        made = cls()
        for _line, row in container.stream("processes.jsonl"):
            pid = values.integer(row.get("pid"))
            if pid is None or len(made.known) >= _MAX_PROGRAMS:
                continue
            made.known[pid] = (_image(row), _command(row), _user(row))
            if row.get("container_pid") == 1:
                made.main = made.known[pid][0].rpartition("/")[2].lower()
        names = [image for image, _command_line, _user_name in made.known.values()]
        made.runtime = loglines.runtime_of(names or _declared(container))
        if not made.main:
            made.main = next(iter(_declared(container)), "").rpartition("/")[2].lower()
        return made


class Seen:
    """Which lines of a container's log were there already: the end of the log and the search share some."""

    def __init__(self) -> None:
        self._hashes: set[int] = set()

    def is_new(self, time: str, written: str) -> bool:
        key = hash((time, written))
        if key in self._hashes:
            return False
        if len(self._hashes) < _MAX_SEEN:
            self._hashes.add(key)
        return True


def container(evidence: ContainerEvidence) -> Values:
    """The columns of `container` after its number."""
    inspect, name = evidence.inspect, evidence.name
    config, state = values.record(inspect.get("Config")), values.record(inspect.get("State"))
    ports, made = values.record(config.get("ExposedPorts")), values.record(inspect.get("HostConfig"))
    mounts = [values.record(mount) for mount in values.items(inspect.get("Mounts"))]
    return (
        evidence.bag.host,
        evidence.id,
        name.name,
        name.image,
        values.text(inspect.get("Image"), 255),
        values.text(state.get("StartedAt"), 64),
        int(state.get("Running") is True),
        evidence.bag.name,
        " ".join(_declared(evidence))[:4096],
        json.dumps(values.record(config.get("Labels")), sort_keys=True)[:16384],
        " ".join(sorted(ports))[:4096],
        "true" if made.get("Privileged") is True else "false",
        values.text(made.get("NetworkMode"), 255),
        values.text(made.get("PidMode"), 255),
        values.text(config.get("User"), 255),
        " ".join(values.texts(made.get("CapAdd"), 64)),
        " ".join(values.texts(made.get("SecurityOpt"), 64)),
        " ".join(f"{values.text(m.get('Source'))}:{values.text(m.get('Destination'))}" for m in mounts)[
            :16384
        ],
        values.text(values.record(made.get("RestartPolicy")).get("Name"), 32),
    )


def processes(evidence: ContainerEvidence, programs: Programs) -> Iterator[Values]:
    for line, row in evidence.stream("processes.jsonl"):
        parent = programs.known.get(values.integer(row.get("ppid")) or -1, (None, None, None))
        digest = values.text(values.record(row.get("exe")).get("sha256"), 64) or None
        yield (
            line,
            values.integer(row.get("pid")),
            values.integer(row.get("ppid")),
            _image(row),
            _command(row),
            parent[0],
            parent[1],
            _user(row),
            values.text(row.get("cwd")) or None,
            f"SHA256={digest}" if digest else None,
            digest,
            values.text(row.get("comm"), 64),
            values.text(values.record(row.get("exe")).get("state"), 16) or None,
            values.text(row.get("started"), 64) or None,
            values.integer(row.get("container_pid")),
        )


def files(rows: Iterable[Row]) -> Iterator[Values]:
    """Files that came or changed; what was taken away is none."""
    for line, row in rows:
        kind, path = values.text(row.get("kind"), 1), values.text(row.get("path"))
        if not path or kind == "D" or row.get("type") == "whiteout":
            continue
        digest = values.text(row.get("sha256"), 64) or None
        yield (
            line,
            path,
            None,
            _user(row) or None,
            kind or None,
            values.text(row.get("type"), 16) or None,
            values.text(row.get("mode"), 8) or None,
            values.integer(row.get("bytes")),
            row.get("executable") is True,
            values.text(row.get("mtime"), 64) or None,
            values.text(row.get("ctime"), 64) or None,
            digest,
            f"SHA256={digest}" if digest else None,
            row.get("in_diff") if isinstance(row.get("in_diff"), bool) else None,
        )


def changes(rows: Iterable[Row]) -> Iterator[Values]:
    """The same from what the engine says, where the layer could not be read."""
    for line, row in rows:
        kind, path = values.text(row.get("kind"), 1), values.text(row.get("path"))
        if path and kind in ("A", "C"):
            yield (line, path, None, None, kind, *[None] * 8, True)


def connections(evidence: ContainerEvidence, programs: Programs) -> Iterator[Values]:
    table = evidence.sockets
    for socket in table.sockets:
        if not socket.is_connected:
            continue
        outbound = table.is_outbound(socket)
        here, there = (socket.local_address, socket.local_port), (socket.remote_address, socket.remote_port)
        source, destination = (here, there) if outbound else (there, here)
        image, command, user = _of(programs, socket)
        yield (
            socket.line,
            socket.protocol,
            *source,
            *destination,
            "true" if outbound else "false",
            socket.pid,
            image,
            command,
            user,
            socket.state,
        )


def listeners(evidence: ContainerEvidence, programs: Programs) -> Iterator[Values]:
    for socket in evidence.sockets.sockets:
        if socket.is_listening:
            image, _command_line, user = _of(programs, socket)
            yield (
                socket.line,
                socket.protocol,
                socket.local_address,
                socket.local_port,
                socket.pid,
                image,
                user,
            )


def log_line(
    line: int, time: str, stream: str, written: str, programs: Programs
) -> Iterator[tuple[str, Values]]:
    """Table and row: a request where it is one, a line of a log else; the plain form is a row of its own."""
    plain = _plain(written, programs)
    yield _written_line(line, time, stream, written, plain, "raw", programs)
    if plain is not None:
        yield _written_line(line, time, stream, plain, None, "plain", programs)


def _written_line(
    line: int, time: str, stream: str, written: str, plain: str | None, form: str, programs: Programs
) -> tuple[str, Values]:
    request = weblog.parse_request(written)
    if request is not None:
        return "webserver", (line, time, *_request(request), written, plain, form)
    service = loglines.service_of(written, programs.main)
    user = loglines.sudo_user(written) if service == "sudo" else None
    return "log", (line, time, stream, written, plain, form, service, programs.runtime, user)


def events(rows: Iterable[Row]) -> Iterator[Values]:
    """What the engine remembers. `command` is what exec was to start."""
    for line, row in rows:
        kind, action = values.text(row.get("Type"), 32), values.text(row.get("Action"))
        actor = values.record(row.get("Actor"))
        attributes = values.record(actor.get("Attributes"))
        name, colon, command = action.partition(": ")
        seconds = values.number(row.get("timeNano")) or (values.number(row.get("time")) or 0) * 1e9
        yield (
            line,
            values.text(row.get("time"), 64) or (f"{seconds / 1e9:.6f}" if seconds else None),
            kind,
            name,
            values.text(actor.get("ID"), 128),
            values.text(attributes.get("name"), 255) or None,
            values.text(attributes.get("image"), 255) or None,
            command if colon else None,
        )


def _request(request: weblog.Request) -> Values:
    return (
        request.client,
        request.user,
        request.method,
        request.uri,
        request.stem,
        request.query,
        request.version,
        request.status,
        request.size,
        request.referer,
        request.agent,
        request.host,
    )


def _plain(written: str, programs: Programs) -> str | None:
    """The line with disguises undone, None where it has none; of one container not without end."""
    folded = written.lower()
    if not any(hint in folded for hint in _HINTS):
        return None
    programs.left_to_undo -= len(written)
    if programs.left_to_undo < 0:
        return None
    plain = jndi.deobfuscate(written)
    return plain if plain != written else None


def _of(programs: Programs, socket: Socket) -> tuple[str | None, str | None, str | None]:
    return programs.known.get(socket.pid if socket.pid is not None else -1, (None, None, None))


def _image(row: dict[str, Any]) -> str:
    return values.text(values.record(row.get("exe")).get("path")).removesuffix(_DELETED)


def _command(row: dict[str, Any]) -> str:
    return " ".join(values.texts(row.get("cmdline"), 256))[:8192]


def _user(row: dict[str, Any]) -> str:
    uid = values.integer(row.get("uid"))
    return values.text(row.get("user"), 64) or ("" if uid is None else str(uid))


def _declared(evidence: ContainerEvidence) -> list[str]:
    """The command line that the container was made to run."""
    path = values.text(evidence.inspect.get("Path"))
    return [path, *values.texts(evidence.inspect.get("Args"), 64)] if path else []
