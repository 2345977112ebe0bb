# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's API, one call a method. A missing container is None; what goes wrong is an EngineError.

Only calls: what answers mean is told by the views.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, Iterable, Iterator, TypeVar
from urllib.parse import quote

from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    CordonError,
    EngineError,
    UnknownContainer,
)

from .frames import LogFrame, demultiplex, undivided
from .options import EngineOptions
from .transport import StatusError, Transport

# The newest version these answers were tested with; an engine that offers more is asked for this one.
NEWEST_API = (1, 51)
Document = Dict[str, Any]
T = TypeVar("T")
R = TypeVar("R")


class Engine:
    """One engine. Safe for calls from many threads; each call takes ``timeout`` seconds at most."""

    def __init__(
        self, options: EngineOptions, transport: Transport, api_version: str, engine_version: str
    ) -> None:
        self.options = options
        self.api_version = api_version
        self.engine_version = engine_version
        self._transport = transport

    @classmethod
    def connect(cls, options: EngineOptions) -> Engine:
        """Ping the engine, agree on a version. Raises EngineError and its kin, SdkMissing, InvalidOption."""
        transport = Transport(options)
        # A ping costs a millisecond; /version makes engines start runc and init to ask for theirs.
        headers = transport.headers("/_ping")
        version = options.api_version
        if version == "auto":
            version = _agreed(headers.get("api-version", ""), options.host)
        transport.use_version(version)
        return cls(options, transport, version, _server_version(headers.get("server", "")))

    @property
    def address(self) -> str:
        return self.options.host

    def version(self, *, timeout: float | None = None) -> Document:
        return self._object("/version", {}, timeout)

    def info(self, *, timeout: float | None = None) -> Document:
        return self._object("/info", {}, timeout)

    def containers(self, all: bool = True, *, timeout: float | None = None) -> list[Document]:  # noqa: A002
        """The rows of ``docker ps``."""
        return self._objects("/containers/json", {"all": int(all)}, timeout)

    def inspect(self, container: str, *, size: bool = False, timeout: float | None = None) -> Document | None:
        parameters = {"size": 1} if size else {}
        return self._or_none(lambda: self._object(f"{_path(container)}/json", parameters, timeout))

    def inspect_all(
        self, containers: Iterable[str], parallel: int = 8
    ) -> list[Document | CordonError | None]:
        """Inspect many at once, in the order given; one that fails yields its error."""
        return each(self.inspect, containers, parallel)

    def top(self, container: str, ps_args: str | None = None, *, timeout: float | None = None) -> Document:
        """What the host's ps says of a running or paused container's processes."""
        return self._object(f"{_path(container)}/top", {"ps_args": ps_args}, timeout)

    def changes(self, container: str, *, timeout: float | None = None) -> list[Document] | None:
        """What differs from the image; the engine answers null where nothing does."""
        return self._or_none(lambda: list(self.iter_changes(container, timeout=timeout)))

    def iter_changes(self, container: str, *, timeout: float | None = None) -> Iterator[Document]:
        """As ``changes``, one after the other: a layer can hold 100,000. Raises UnknownContainer."""
        try:
            yield from _elements(
                self._transport.stream(f"{_path(container)}/changes", {}, timeout), self.address
            )
        except StatusError as exc:
            raise self._unknown(container) if exc.missing else exc from exc

    def stats(self, container: str, one_shot: bool = True, *, timeout: float | None = None) -> Document:
        """One sample. With ``one_shot`` engines do not wait for a second one, and leave out the delta."""
        parameters = {"stream": 0, "one-shot": 1 if one_shot else None}
        return self._object(f"{_path(container)}/stats", parameters, timeout)

    def logs(
        self,
        container: str,
        since: float | None = None,
        until: float | None = None,
        tail: int | None = None,
        *,
        timestamps: bool = True,
        tty: bool | None = None,
        timeout: float | None = None,
    ) -> Iterator[LogFrame]:
        """What a container wrote, as it comes; ``since`` and ``until`` in seconds of the epoch.

        ``timeout`` bounds each wait for more, not the whole: a log may be long. With a terminal
        (``tty``; asked for when not given) there are no frames, and all is stdout. Raises UnknownContainer.
        """
        if tty is None:
            document = self.inspect(container)
            if document is None:
                raise self._unknown(container)
            tty = bool(document.get("Config", {}).get("Tty"))
        parameters = {
            "stdout": 1,
            "stderr": 1,
            "timestamps": int(timestamps),
            "since": None if since is None else f"{since:.9f}",
            "until": None if until is None else f"{until:.9f}",
            "tail": "all" if tail is None else tail,
        }
        try:
            body = self._transport.stream(f"{_path(container)}/logs", parameters, timeout, whole=False)
            yield from undivided(body) if tty else demultiplex(body)
        except StatusError as exc:
            raise self._unknown(container) if exc.missing else exc from exc

    def events(self, since: float, until: float, *, timeout: float | None = None) -> list[Document]:
        """What the engine remembers of that time (seconds of the epoch): at most its last 256 events."""
        parameters = {"since": f"{since:.9f}", "until": f"{until:.9f}"}
        body = b"".join(self._transport.stream("/events", parameters, timeout))
        events = []
        for line in body.splitlines():
            try:
                event = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(event, dict):
                events.append(event)
        return events

    def image(self, image: str, *, timeout: float | None = None) -> Document | None:
        return self._or_none(lambda: self._object(f"/images/{_quoted(image)}/json", {}, timeout))

    def image_history(self, image: str, *, timeout: float | None = None) -> list[Document] | None:
        return self._or_none(lambda: self._objects(f"/images/{_quoted(image)}/history", {}, timeout))

    def export(self, container: str, *, timeout: float | None = None) -> Iterator[bytes]:
        """A container's file system as an archive, as it comes; ``timeout`` bounds each wait for more.

        The engine does not pause the container, and leaves out volumes, binds and tmpfs. Raises UnknownContainer.
        """
        try:
            yield from self._transport.stream(f"{_path(container)}/export", {}, timeout, whole=False)
        except StatusError as exc:
            raise self._unknown(container) if exc.missing else exc from exc

    def save(self, image: str, *, timeout: float | None = None) -> Iterator[bytes]:
        """An image as the archive that ``docker load`` takes; ``timeout`` bounds each wait for more.

        An engine that keeps images itself first writes it whole to its own disk, and says nothing meanwhile.
        """
        yield from self._transport.stream(f"/images/{_quoted(image)}/get", {}, timeout, whole=False)

    def images(self, label: str, *, timeout: float | None = None) -> list[Document]:
        """The images that carry a label, given as ``name=value``."""
        return self._objects("/images/json", {"filters": json.dumps({"label": [label]})}, timeout)

    def networks(self, *, timeout: float | None = None) -> list[Document]:
        return self._objects("/networks", {}, timeout)

    def _object(self, path: str, parameters: dict[str, Any], timeout: float | None) -> Document:
        document = self._transport.document(path, parameters, timeout)
        if not isinstance(document, dict):
            raise EngineError(
                f"The engine at {self.address} answered {path} with something else than an object."
            )
        return document

    def _objects(self, path: str, parameters: dict[str, Any], timeout: float | None) -> list[Document]:
        document = self._transport.document(path, parameters, timeout)
        if not isinstance(document, list) or not all(isinstance(item, dict) for item in document):
            raise EngineError(
                f"The engine at {self.address} answered {path} with something else than a list of objects."
            )
        return document

    def _or_none(self, call: Callable[[], R]) -> R | None:
        try:
            return call()
        except UnknownContainer:
            return None
        except StatusError as exc:
            if exc.missing:
                return None
            raise

    def _unknown(self, container: str) -> UnknownContainer:
        return UnknownContainer(unknown(container, self.address))


def unknown(container: str, address: str) -> str:
    """The sentence for a name that the engine does not know."""
    return (
        f"There is no container {container!r} on the engine at {address}. "
        "List them with cordon.docker.container_info, or with docker ps -a on the host."
    )


def each(call: Callable[[T], R], items: Iterable[T], parallel: int = 8) -> list[R | CordonError]:
    """Call for all items, ``parallel`` at a time; one that fails gives its error alone."""
    queue = list(items)

    def one(item: T) -> R | CordonError:
        try:
            return call(item)
        except CordonError as exc:
            return exc

    if len(queue) < 2 or parallel < 2:
        return [one(item) for item in queue]
    with ThreadPoolExecutor(max_workers=min(parallel, len(queue))) as pool:
        return list(pool.map(one, queue))


def _path(container: str) -> str:
    return f"/containers/{_quoted(container)}"


def _quoted(name: str) -> str:
    quoted = quote(name, safe=":@")
    if not quoted.strip("."):
        raise UnknownContainer(f"{name!r} names nothing that an engine could have.")
    return quoted


def _agreed(offered: str, address: str) -> str:
    parts = offered.split(".")
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise EngineError(
            f"What listens at {address} answers a ping without the version of an engine's API. "
            "Name the engine's address with docker_host, or its version with api_version."
        )
    return ".".join(str(number) for number in min((int(parts[0]), int(parts[1])), NEWEST_API))


def _server_version(server: str) -> str:
    """``20.10.24+dfsg1`` of ``Docker/20.10.24+dfsg1 (linux)``."""
    words = server.split()
    return words[0].split("/", 1)[1] if words and words[0].startswith("Docker/") else ""


def _elements(body: Iterator[bytes], address: str) -> Iterator[Document]:
    """The objects of a JSON list, parsed as they arrive; nothing of null."""
    decoder = json.JSONDecoder()
    pending, started = "", False
    import codecs

    text = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    for chunk in body:
        pending += text.decode(chunk)
        if not started:
            pending = pending.lstrip()
            if pending and not pending.startswith("["):
                break
            started, pending = bool(pending), pending[1:]
        position = 0
        while True:
            start = _skip(pending, position)
            try:
                item, position = decoder.raw_decode(pending, start)
            except (ValueError, RecursionError):
                break
            if not isinstance(item, dict):
                raise EngineError(f"The engine at {address} listed something else than objects.")
            yield item
        pending = pending[position:]
        if len(pending) > 1 << 20:
            break
    if pending.strip(" \t\r\n,]") not in ("", "null"):
        raise EngineError(f"The engine at {address} broke off in the middle of a list.")


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n,":
        position += 1
    return position
