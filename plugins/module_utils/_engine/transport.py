# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to the engine: bounded in time and size, read as they come, failures as sentences of ours.

No knowledge of what is asked for; that is the client's.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import socket
import sys
import time
from contextlib import contextmanager
from typing import Any, Iterator, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    EngineDenied,
    EngineError,
    EngineTimeout,
    EngineUnreachable,
)

from .local import CHUNK_BYTES, Local
from .options import EngineOptions

DOCUMENT_BYTES = 1 << 28
_HTTP_MISSING = 404
_GOOD = (200, 201, 204)
Parameters = Mapping[str, Any]


class StatusError(EngineError):
    """The engine's answer is an error of its own, with its status and words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def missing(self) -> bool:
        return self.status == _HTTP_MISSING


class Transport:
    """One engine. Safe for calls from many threads."""

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._prefix = ""
        self._engine = _way(options)

    @property
    def address(self) -> str:
        return self._options.host

    def use_version(self, api_version: str) -> None:
        self._prefix = f"/v{api_version}"

    def headers(self, path: str, timeout: float | None = None) -> dict[str, str]:
        """The headers of an answer whose body does not matter; asked without a version."""
        with self._answer(path, {}, timeout, prefix="") as reply:
            return dict(reply.headers)

    def document(self, path: str, parameters: Parameters, timeout: float | None = None) -> Any:
        """The JSON document of an answer."""
        body = bytearray()
        for chunk in self.stream(path, parameters, timeout):
            body += chunk
            if len(body) > DOCUMENT_BYTES:
                raise EngineError(
                    f"The engine at {self.address} answered {path} with more than {DOCUMENT_BYTES} bytes."
                )
        return parse(bytes(body), f"The engine at {self.address} answered {path}")

    def stream(
        self, path: str, parameters: Parameters, timeout: float | None = None, *, whole: bool = True
    ) -> Iterator[bytes]:
        """The body of an answer as it comes.

        ``timeout`` (seconds) bounds the whole answer, or with ``whole=False`` each wait for more of it.
        """
        limit = self._options.timeout if timeout is None else timeout
        ends = time.monotonic() + limit
        with self._answer(path, parameters, timeout) as reply, self._mapped(path, limit):
            for chunk in reply.pieces():
                yield chunk
                if whole and time.monotonic() > ends:
                    raise EngineTimeout(_late(self.address, path, limit))

    def send(
        self, path: str, parameters: Parameters, body: Parameters | None, timeout: float | None = None
    ) -> Any:
        """Tell the engine to do something, and return what it says of it: a JSON document, or None."""
        said = bytearray()
        limit = self._options.timeout if timeout is None else timeout
        answer = self._answer(path, parameters, timeout, method="POST", body=body or {})
        with answer as reply, self._mapped(path, limit):
            for chunk in reply.pieces():
                said += chunk
        return parse(bytes(said), f"The engine at {self.address} answered {path}") if said.strip() else None

    @contextmanager
    def _answer(
        self,
        path: str,
        parameters: Parameters,
        timeout: float | None,
        prefix: str | None = None,
        method: str = "GET",
        body: Parameters | None = None,
    ) -> Iterator[Any]:
        limit = self._options.timeout if timeout is None else timeout
        target = f"{self._prefix if prefix is None else prefix}{path}"
        query = {key: value for key, value in parameters.items() if value is not None}
        with self._mapped(path, limit):
            reply = self._engine.request(method, target, query, body, limit)
        try:
            if reply.status not in _GOOD:
                with self._mapped(path, limit):
                    raise StatusError(reply.status, _words(reply, self.address))
            yield reply
        finally:
            reply.close()

    @contextmanager
    def _mapped(self, path: str, limit: float) -> Iterator[None]:
        try:
            yield
        except Exception as exc:
            if _is(exc, "Timeout", "TimeoutError") or isinstance(exc, (TimeoutError, socket.timeout)):
                raise EngineTimeout(_late(self.address, path, limit)) from exc
            if _is(exc, "RequestException", "HTTPError") or isinstance(
                exc, (OSError, http.client.HTTPException)
            ):
                raise explain(exc, self._options) from exc
            raise


def _way(options: EngineOptions) -> Any:
    """How the engine is reached: what only TCP needs is not even imported for a socket."""
    if options.socket_path:
        return Local(options.socket_path)
    from .remote import Remote

    return Remote(options)


def _is(exc: BaseException, requests_name: str, urllib3_name: str) -> bool:
    """Whether an error is of a kind of the HTTP libraries', which are imported only where they are in use."""
    kinds = (("requests.exceptions", requests_name), ("urllib3.exceptions", urllib3_name))
    found = (getattr(sys.modules.get(module), name, None) for module, name in kinds)
    return isinstance(exc, tuple(kind for kind in found if kind is not None))


def _of_tls(exc: BaseException) -> bool:
    ssl = sys.modules.get("ssl")
    return ssl is not None and isinstance(exc, ssl.SSLError)


def parse(body: bytes, subject: str) -> Any:
    """JSON, or an EngineError that begins with ``subject``."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise EngineError(f"{subject} with something that is not JSON: {body[:80]!r}.") from exc


def explain(exc: BaseException, options: EngineOptions) -> EngineError:
    """Our error for one of the SDK's, of the HTTP library's or of the kernel's, with the mend."""
    where = options.host
    number = _errno(exc)
    if _is(exc, "SSLError", "SSLError") or any(_of_tls(item) for item in _chain(exc)):
        return EngineDenied(_tls(exc, options))
    if number in (errno.EACCES, errno.EPERM) and options.socket_path:
        return EngineDenied(
            f"The engine's socket at {where} does not let this user in: use become: true, "
            "or connect as a member of the socket's group (docker)."
        )
    if number == errno.ENOENT and options.socket_path:
        return EngineUnreachable(
            f"There is no engine at {where}: no such socket. "
            "Start the engine, or name its socket with docker_host."
        )
    if number is not None:
        return EngineUnreachable(
            f"The engine at {where} does not answer: {os.strerror(number)}. "
            "Start it, or name another with docker_host."
        )
    if _is(exc, "ConnectionError", "ProtocolError") or isinstance(exc, (OSError, http.client.HTTPException)):
        hint = (
            ""
            if options.tls or options.socket_path
            else " If it listens with TLS, say so with tls or validate_certs."
        )
        return EngineUnreachable(f"The engine at {where} broke the connection: {_innermost(exc)}.{hint}")
    return EngineError(f"The engine at {where} could not be asked: {_innermost(exc)}.")


def _words(reply: Any, address: str) -> str:
    """What the engine says of its refusal, in its own words."""
    body = b""
    for chunk in reply.pieces():
        body += chunk
        if len(body) > CHUNK_BYTES:
            break
    try:
        message = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        message = body[:200].decode("utf-8", "backslashreplace").strip() or "no reason given"
    if reply.status == 400 and "HTTP request to an HTTPS server" in message:
        message = "it listens with TLS: set tls or validate_certs, with ca_path, client_cert and client_key"
    return f"The engine at {address} answered {reply.status}: {message}"


def _late(address: str, path: str, limit: float) -> str:
    return (
        f"The engine at {address} did not answer {path} within {limit:g} s: it may hang or be overloaded. "
        "Raise timeout, or look at the engine."
    )


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """An exception and what lies beneath it: causes, contexts, and exceptions carried as arguments."""
    waiting, seen = [exc], set()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        beneath = [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
        waiting.extend(item for item in beneath if isinstance(item, BaseException))


def _errno(exc: BaseException) -> int | None:
    # The number of an SSLError is OpenSSL's own, and 1 is not EPERM.
    errors = [item for item in _chain(exc) if isinstance(item, OSError) and not _of_tls(item)]
    numbers = [item.errno for item in errors]
    return next((number for number in numbers if number in errno.errorcode), None)


def _innermost(exc: BaseException) -> str:
    texts = [" ".join(str(item).split()) for item in _chain(exc)]
    return [text for text in texts if text][-1].rstrip(".") if any(texts) else type(exc).__name__


def _tls(exc: BaseException, options: EngineOptions) -> str:
    reason = _innermost(exc)
    if "CERTIFICATE_VERIFY_FAILED" in str(exc) or "certificate verify failed" in str(exc):
        mend = "name the CA that signed the engine's certificate with ca_path, and its name with tls_hostname"
    elif "match" in str(exc) and "hostname" in str(exc):
        mend = "name the host that the certificate is for with tls_hostname"
    elif options.client_cert is None:
        mend = "name your certificate and key with client_cert and client_key"
    else:
        mend = "check ca_path, client_cert, client_key, and that the port speaks TLS"
    return f"The TLS connection to the engine at {options.host} failed ({reason}): {mend}."
