# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's calls that change something. Only the gate of ``_containment`` imports this."""

from __future__ import annotations

from typing import Any, Mapping
from urllib.parse import quote

from ansible_collections.cordon.docker.plugins.module_utils._errors import EngineError

from .client import Engine

# What an endpoint may be asked for, since which version of the API.
_SINCE = {"MacAddress": (1, 44), "GwPriority": (1, 48)}


class EngineControl(Engine):
    """An engine that can be told to do something. Each call takes ``timeout`` seconds at most."""

    @classmethod
    def over(cls, engine: Engine) -> EngineControl:
        """The same engine, by the same connections."""
        return cls(engine.options, engine._transport, engine.api_version, engine.engine_version)

    def offers(self, option: str) -> bool:
        """Whether the engine's API knows an option of an endpoint."""
        return self._api >= _SINCE.get(option, (1, 0))

    @property
    def _api(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.api_version.split("."))

    def pause(self, container: str) -> None:
        self._change(f"/containers/{_quoted(container)}/pause")

    def unpause(self, container: str) -> None:
        self._change(f"/containers/{_quoted(container)}/unpause")

    def kill(self, container: str, signal: str) -> None:
        self._change(f"/containers/{_quoted(container)}/kill", {"signal": signal})

    def set_restart_policy(self, container: str, name: str, retries: int = 0) -> None:
        policy = {"Name": name, "MaximumRetryCount": retries}
        self._change(f"/containers/{_quoted(container)}/update", body={"RestartPolicy": policy})

    def disconnect(self, network: str, container: str, force: bool = False) -> None:
        body = {"Container": container, "Force": force}
        self._change(f"/networks/{_quoted(network)}/disconnect", body=body)

    def connect_network(self, network: str, container: str, endpoint: Mapping[str, Any]) -> None:
        """``endpoint`` carries the engine's own names (EndpointSettings); what it does not know is left
        out."""
        known = {name: value for name, value in endpoint.items() if self.offers(name)}
        body = {"Container": container, "EndpointConfig": known}
        self._change(f"/networks/{_quoted(network)}/connect", body=body)

    def commit(
        self,
        container: str,
        repository: str,
        tag: str,
        config: Mapping[str, Any],
        timeout: float | None = None,
    ) -> str:
        """Keep the file system as an image with this configuration; the engine does not pause by itself.

        Returns the image's ID. Raises EngineError.
        """
        query = {"container": container, "repo": repository, "tag": tag, "pause": 0}
        answer = self._change("/commit", query, dict(config), timeout)
        if not isinstance(answer, dict) or not isinstance(answer.get("Id"), str):
            raise EngineError(f"The engine at {self.address} committed without naming the image.")
        return str(answer["Id"])

    def _change(
        self,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Any:
        return self._transport.send(path, query or {}, body, timeout)


def _quoted(name: str) -> str:
    return quote(name, safe="")
