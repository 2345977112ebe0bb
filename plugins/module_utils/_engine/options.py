# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How to reach the engine: the options of community.docker by name, alias and environment. Pure."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption

DEFAULT_HOST = "unix:///var/run/docker.sock"
DEFAULT_TIMEOUT = 20


def engine_argument_spec() -> dict[str, dict[str, Any]]:
    """The options documented in the fragment ``cordon.docker.engine``; merge with the module's own."""
    # Only where there is a module to give it to: see _entries.
    from ansible.module_utils.common.parameters import env_fallback

    return {
        "docker_host": {
            "type": "str",
            "default": DEFAULT_HOST,
            "aliases": ["docker_url"],
            "fallback": (env_fallback, ["DOCKER_HOST"]),
        },
        "tls": {"type": "bool", "default": False, "fallback": (env_fallback, ["DOCKER_TLS"])},
        "validate_certs": {
            "type": "bool",
            "default": False,
            "aliases": ["tls_verify"],
            "fallback": (env_fallback, ["DOCKER_TLS_VERIFY"]),
        },
        "tls_hostname": {"type": "str", "fallback": (env_fallback, ["DOCKER_TLS_HOSTNAME"])},
        "ca_path": {"type": "path", "aliases": ["ca_cert", "tls_ca_cert", "cacert_path"]},
        "client_cert": {"type": "path", "aliases": ["tls_client_cert", "cert_path"]},
        "client_key": {"type": "path", "aliases": ["tls_client_key", "key_path"]},
        "api_version": {
            "type": "str",
            "default": "auto",
            "aliases": ["docker_api_version"],
            "fallback": (env_fallback, ["DOCKER_API_VERSION"]),
        },
        "timeout": {
            "type": "int",
            "default": DEFAULT_TIMEOUT,
            "fallback": (env_fallback, ["DOCKER_TIMEOUT"]),
        },
        "ship_sdk": {"type": "bool", "default": True},
        "_sdk_archive": {"type": "str", "no_log": True},
    }


@dataclass(frozen=True)
class EngineOptions:
    """Where the engine listens, how to prove who is who; ``timeout`` in seconds bounds each call."""

    host: str = DEFAULT_HOST
    tls: bool = False
    validate_certs: bool = False
    tls_hostname: str | None = None
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    api_version: str = "auto"
    timeout: float = DEFAULT_TIMEOUT
    ship_sdk: bool = True
    sdk_archive: str | None = None

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> EngineOptions:
        """Raises InvalidOption for an address or a combination that cannot work."""
        certificates = _certificates(params)
        options = cls(
            host=_address(str(params["docker_host"])),
            tls=bool(params["tls"] or params["validate_certs"]),
            validate_certs=bool(params["validate_certs"]),
            tls_hostname=params.get("tls_hostname") or None,
            api_version=_api_version(str(params["api_version"])),
            timeout=_timeout(params["timeout"]),
            ship_sdk=bool(params["ship_sdk"]),
            sdk_archive=params.get("_sdk_archive") or None,
            ca_path=certificates["ca_path"],
            client_cert=certificates["client_cert"],
            client_key=certificates["client_key"],
        )
        if bool(options.client_cert) != bool(options.client_key):
            raise InvalidOption("client_cert and client_key go together: name both files, or neither.")
        return options

    @property
    def socket_path(self) -> str | None:
        """The path of the engine's socket, or null where the engine is reached over TCP."""
        return self.host[len("unix://") :] if self.host.startswith("unix://") else None


def _certificates(params: Mapping[str, Any]) -> dict[str, str | None]:
    """The files named, else those of DOCKER_CERT_PATH where TLS is wanted, as the CLI does."""
    named = {name: params.get(name) or None for name in ("ca_path", "client_cert", "client_key")}
    folder = os.environ.get("DOCKER_CERT_PATH")
    if folder and (params["tls"] or params["validate_certs"]):
        for name, file in (("ca_path", "ca.pem"), ("client_cert", "cert.pem"), ("client_key", "key.pem")):
            path = os.path.join(folder, file)  # noqa: PTH118
            if named[name] is None and os.path.exists(path):  # noqa: PTH110
                named[name] = path
    return named


def _address(host: str) -> str:
    if host.startswith("unix://"):
        path = "/" + host[len("unix://") :].lstrip("/")
        if path != "/":
            return f"unix://{path}"
    elif host.startswith(("tcp://", "http://", "https://")) and host.isascii():
        address = host.split("://", 1)[1].rstrip("/")
        if address and not any(character in address for character in "/?#@ "):
            return f"tcp://{address}"
    raise InvalidOption(
        f"docker_host cannot be {host!r}: name a socket, such as {DEFAULT_HOST}, or a listener, such as "
        "tcp://192.0.2.7:2376. Ansible itself brings the module to the host; ssh:// is not needed."
    )


def _api_version(version: str) -> str:
    parts = version.split(".")
    if version.lower() == "auto":
        return "auto"
    if len(parts) == 2 and all(part.isdigit() for part in parts):
        return version
    raise InvalidOption(f"api_version cannot be {version!r}: use auto, or a version such as 1.41.")


def _timeout(value: Any) -> float:
    if not 0 < float(value) <= 86400:
        raise InvalidOption(f"timeout cannot be {value}: it is a number of seconds from 1 to 86400.")
    return float(value)
