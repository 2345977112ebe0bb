# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._engine.options import (
    EngineOptions,
    engine_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption


def params(**given: Any) -> dict[str, Any]:
    return dict({name: option.get("default") for name, option in engine_argument_spec().items()}, **given)


def test_the_defaults_are_the_engine_s_socket() -> None:
    options = EngineOptions.from_params(params())
    assert options.socket_path == "/var/run/docker.sock"
    assert not options.tls


@pytest.mark.parametrize(
    ("host", "socket"),
    [
        ("unix:///run/user/1000/docker.sock", "/run/user/1000/docker.sock"),
        ("unix://run/docker.sock", "/run/docker.sock"),
        ("tcp://192.0.2.7:2376", None),
        ("https://192.0.2.7:2376/", None),
    ],
)
def test_addresses(host: str, socket: str | None) -> None:
    assert EngineOptions.from_params(params(docker_host=host)).socket_path == socket


@pytest.mark.parametrize(
    "host",
    [
        "",
        "unix://",
        "unix:///",
        "tcp://",
        "ssh://root@192.0.2.7",
        "npipe:////./pipe",
        "tcp://münchen:1",
        "tcp://a/b",
    ],
)
def test_addresses_that_cannot_be(host: str) -> None:
    with pytest.raises(InvalidOption, match="docker_host cannot be"):
        EngineOptions.from_params(params(docker_host=host))


def test_checking_certificates_means_tls() -> None:
    assert EngineOptions.from_params(params(validate_certs=True)).tls


@pytest.mark.parametrize("given", [{"client_cert": "/a"}, {"client_key": "/a"}])
def test_certificate_and_key_go_together(given: dict[str, str]) -> None:
    with pytest.raises(InvalidOption, match="go together"):
        EngineOptions.from_params(params(**given))


def test_certificates_are_taken_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).touch()
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    assert EngineOptions.from_params(params(tls=True)).ca_path == str(tmp_path / "ca.pem")
    assert EngineOptions.from_params(params()).ca_path is None


@pytest.mark.parametrize(
    "given", [{"api_version": "1"}, {"api_version": "newest"}, {"timeout": 0}, {"timeout": -1}]
)
def test_values_that_cannot_be(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption, match="cannot be"):
        EngineOptions.from_params(params(**given))
