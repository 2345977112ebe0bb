# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to the engine: bounded in time and size, read as they come, failures as sentences of ours.

No knowledge of what is asked for; that is the client's.
"""

from __future__ import annotations

import errno
import json
import os
import ssl
import time
from contextlib import contextmanager
from typing import Any, Iterator, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    EngineDenied,
    EngineError,
    EngineTimeout,
    EngineUnreachable,
    InvalidOption,
)

from . import sdk
from .options import EngineOptions

CHUNK_BYTES = 1 << 16
DOCUMENT_BYTES = 1 << 28
CONNECTIONS = 32
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
    """One engine. Safe for calls from many threads: the SDK's pool gives each its own connection."""

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._prefix = ""
        sdk.load(options.sdk_archive, allowed=options.ship_sdk)
        self._session = _session(options)

    @property
    def address(self) -> str:
        return self._options.host

    def use_version(self, api_version: str) -> None:
        self._prefix = f"/v{api_version}"

    def headers(self, path: str, timeout: float | None = None) -> dict[str, str]:
        """The headers of an answer whose body does not matter; asked without a version."""
        with self._answer(path, {}, timeout, prefix="") as response:
            return {str(key).lower(): str(value) for key, value in response.headers.items()}

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
        with self._answer(path, parameters, timeout) as response, self._mapped(path, limit):
            for chunk in _pieces(response):
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
        with answer as response, self._mapped(path, limit):
            for chunk in _pieces(response):
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
        url = f"{self._session.base_url}{self._prefix if prefix is None else prefix}{path}"
        query = {key: value for key, value in parameters.items() if value is not None}
        with self._mapped(path, limit):
            response = self._session.request(
                method, url, params=query, json=body, stream=True, timeout=limit, allow_redirects=False
            )
        try:
            if response.status_code not in _GOOD:
                with self._mapped(path, limit):
                    raise StatusError(response.status_code, _words(response, self.address))
            yield response
        finally:
            # A body that was read to its end gives its connection back by itself; any other is cut here.
            response.close()

    @contextmanager
    def _mapped(self, path: str, limit: float) -> Iterator[None]:
        import requests.exceptions as theirs
        import urllib3.exceptions as below

        try:
            yield
        except (theirs.Timeout, below.TimeoutError, TimeoutError) as exc:
            raise EngineTimeout(_late(self.address, path, limit)) from exc
        except (theirs.RequestException, below.HTTPError, OSError) as exc:
            raise explain(exc, self._options) from exc


def parse(body: bytes, subject: str) -> Any:
    """JSON, or an EngineError that begins with ``subject``."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise EngineError(f"{subject} with something that is not JSON: {body[:80]!r}.") from exc


def explain(exc: BaseException, options: EngineOptions) -> EngineError:
    """Our error for one of the SDK's, of the HTTP library's or of the kernel's, with the mend."""
    import requests.exceptions as theirs

    where = options.host
    number = _errno(exc)
    if isinstance(exc, theirs.SSLError) or any(isinstance(item, ssl.SSLError) for item in _chain(exc)):
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
    if isinstance(exc, theirs.ConnectionError):
        hint = (
            ""
            if options.tls or options.socket_path
            else " If it listens with TLS, say so with tls or validate_certs."
        )
        return EngineUnreachable(f"The engine at {where} broke the connection: {_innermost(exc)}.{hint}")
    return EngineError(f"The engine at {where} could not be asked: {_innermost(exc)}.")


def _session(options: EngineOptions) -> Any:
    from docker.errors import DockerException

    tls: dict[str, Any] = {}
    if options.tls and not options.socket_path:
        for path in (options.ca_path, options.client_cert, options.client_key):
            _readable(path)
        tls["verify"] = options.validate_certs
        tls["ca_cert"] = options.ca_path
        if options.client_cert:
            tls["client_cert"] = (options.client_cert, options.client_key)
    try:
        session = sdk.api_client(options.host, options.timeout, CONNECTIONS, **tls)
    except (DockerException, AttributeError, KeyError, TypeError, ValueError) as exc:
        raise EngineError(
            f"The docker SDK cannot be set up for {options.host}: {exc}. "
            "A damaged ~/.docker/config.json does this."
        ) from exc
    # Neither proxies nor .netrc lie between a module and the engine; looking for them costs time.
    session.trust_env = False
    if tls:
        _configure_tls(session, options)
    return session


def _configure_tls(session: Any, options: EngineOptions) -> None:
    from requests.adapters import HTTPAdapter

    if options.validate_certs and not options.ca_path:
        store = ssl.get_default_verify_paths()
        session.verify = store.cafile or store.capath or "/etc/ssl/certs"
    checked: dict[str, Any] = {}
    if options.tls_hostname:
        checked = {"assert_hostname": options.tls_hostname, "server_hostname": options.tls_hostname}

    class _Adapter(HTTPAdapter):
        def init_poolmanager(
            self, connections: int, maxsize: int, block: bool = False, **kwargs: Any
        ) -> None:
            super().init_poolmanager(connections, maxsize, block, **kwargs, **checked)  # type: ignore[no-untyped-call]

    session.mount("https://", _Adapter(pool_maxsize=CONNECTIONS))


def _readable(path: str | None) -> None:
    if path is None:
        return
    try:
        with open(path, "rb"):  # noqa: PTH123
            return
    except OSError as exc:
        raise InvalidOption(f"The file {path}, named for TLS, cannot be read: {exc.strerror}.") from exc


def _pieces(response: Any) -> Iterator[bytes]:
    raw = response.raw
    # Chunked bodies come chunk by chunk, so that nothing waits for a full buffer.
    stream = raw.stream(CHUNK_BYTES, decode_content=True)
    for piece in stream:
        yield bytes(piece)


def _words(response: Any, address: str) -> str:
    """What the engine says of its refusal, in its own words."""
    body = b""
    for chunk in _pieces(response):
        body += chunk
        if len(body) > CHUNK_BYTES:
            break
    try:
        message = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        message = body[:200].decode("utf-8", "backslashreplace").strip() or "no reason given"
    if response.status_code == 400 and "HTTP request to an HTTPS server" in message:
        message = "it listens with TLS: set tls or validate_certs, with ca_path, client_cert and client_key"
    return f"The engine at {address} answered {response.status_code}: {message}"


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
    errors = [
        item for item in _chain(exc) if isinstance(item, OSError) and not isinstance(item, ssl.SSLError)
    ]
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
