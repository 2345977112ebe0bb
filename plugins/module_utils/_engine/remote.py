# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An engine that is reached over TCP, with TLS or without: by the docker SDK's own session."""

from __future__ import annotations

import ssl
from typing import Any, Iterator, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._errors import EngineError, InvalidOption

from . import sdk
from .options import EngineOptions

CHUNK_BYTES = 1 << 16
CONNECTIONS = 32


class RemoteReply:
    """An answer of which the head has arrived."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self.status = int(response.status_code)
        self.headers = {str(key).lower(): str(value) for key, value in response.headers.items()}

    def pieces(self) -> Iterator[bytes]:
        # Chunked bodies come chunk by chunk, so that nothing waits for a full buffer.
        for piece in self._response.raw.stream(CHUNK_BYTES, decode_content=True):
            yield bytes(piece)

    def close(self) -> None:
        # A body that was read to its end gives its connection back by itself; any other is cut here.
        self._response.close()


class Remote:
    """Safe for calls from many threads: the SDK's pool gives each its own connection."""

    def __init__(self, options: EngineOptions) -> None:
        sdk.load(options.sdk_archive, allowed=options.ship_sdk)
        self._session = _session(options)

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        body: Mapping[str, Any] | None,
        timeout: float,
    ) -> RemoteReply:
        """Raises what requests and urllib3 do."""
        url = f"{self._session.base_url}{path}"
        return RemoteReply(
            self._session.request(
                method, url, params=query, json=body, stream=True, timeout=timeout, allow_redirects=False
            )
        )


def _session(options: EngineOptions) -> Any:
    from docker.errors import DockerException

    tls: dict[str, Any] = {}
    if options.tls:
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
