# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only import of the docker SDK and of jmespath: the host's own, or those that travelled with the task.

What travelled is imported straight from memory: see _travelled.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
import warnings
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import SdkMissing
from ansible_collections.cordon.docker.plugins.module_utils._travelled import Travelled

if TYPE_CHECKING:
    from docker.api.client import APIClient

TRAVELLING = ("docker", "requests", "urllib3", "idna", "certifi", "jmespath")
# requests does without them, and each costs as much to import as the engine takes to answer.
_NOT_NEEDED = ("chardet", "charset_normalizer", "simplejson", "paramiko", "socks", "brotli", "brotlicffi")
_lock = threading.Lock()


def load(archive: str | None, allowed: bool = True) -> ModuleType:
    """Make ``docker.api.client`` importable and return it.

    ``archive`` is the base64 of the zip, where one travelled. Raises SdkMissing, saying what the host has.
    """
    with _lock:
        loaded = sys.modules.get("docker.api.client")
        if loaded is not None:
            return loaded
        why_not = _host_problem()
        if why_not is None:
            return importlib.import_module("docker.api.client")
        if archive is None:
            raise SdkMissing(f"{why_not} {_mend(allowed)}")
        _install(archive)
        with _quiet_import():
            return importlib.import_module("docker.api.client")


def load_jmespath(archive: str | None, allowed: bool = True) -> ModuleType:
    """The module jmespath, from the host or from what travelled; raises SdkMissing."""
    with _lock:
        try:
            return importlib.import_module("jmespath")
        except ImportError as exc:
            if archive is None:
                raise SdkMissing(
                    f"The host's Python has no jmespath, which select needs. {_mend(allowed)}"
                ) from exc
        if not _travelled():
            sys.meta_path.append(_unpack(archive))
        return importlib.import_module("jmespath")


def api_client(base_url: str, timeout: float, connections: int, **tls: Any) -> APIClient:
    """The SDK's low-level client, without a request being made; ``load`` comes first."""
    from docker.api.client import APIClient
    from docker.tls import TLSConfig

    # A version that is named keeps the constructor from asking; the engine's own is set after a ping.
    return APIClient(
        base_url=base_url,
        version="1.41",
        timeout=timeout,  # type: ignore[arg-type]
        tls=TLSConfig(**tls) if tls else False,
        max_pool_size=connections,
    )


def _mend(allowed: bool) -> str:
    if not allowed:
        return "Let the controller's copy travel with the task (ship_sdk: true), or install it on the host."
    return "The controller has none to send either: install docker, requests and jmespath where Ansible runs."


def _host_problem() -> str | None:
    """Import the host's own SDK; a sentence when there is none, or when it cannot work as installed."""
    if importlib.util.find_spec("docker") is None:
        return "The host's Python has no docker SDK."
    try:
        with _quiet_import():
            docker = importlib.import_module("docker")
            requests = importlib.import_module("requests")
            urllib3 = importlib.import_module("urllib3")
            importlib.import_module("docker.api.client")
        versions = [_version(module) for module in (docker, requests, urllib3)]
    except Exception as exc:  # noqa: BLE001 - whatever a stranger's installation raises, it is unusable
        return f"The host's docker SDK cannot be imported ({type(exc).__name__}: {exc})."
    if works_together(*versions):
        return None
    found = ", ".join(
        f"{name} {'.'.join(map(str, version))}"
        for name, version in zip(("docker", "requests", "urllib3"), versions)
    )
    return f"The host's docker SDK does not work with what is installed beside it ({found})."


def works_together(docker: tuple[int, ...], requests: tuple[int, ...], urllib3: tuple[int, ...]) -> bool:
    """SDKs before 7.1 find no socket with requests 2.32 and later, those before 6.1 none with urllib3 2."""
    if docker >= (7, 1):
        return True
    if requests >= (2, 32):
        return False
    return docker >= (6, 1) or (docker >= (5, 0) and urllib3 < (2, 0))


def _version(module: ModuleType) -> tuple[int, ...]:
    parts = str(getattr(module, "__version__", "0")).split(".")
    return tuple(int(part) for part in parts[:3] if part.isdigit())


def _install(archive: str) -> None:
    """Put the travelled packages before the host's, and forget what was imported of those."""
    finder = _unpack(archive)
    for name in list(sys.modules):
        if name.split(".", 1)[0] in TRAVELLING:
            del sys.modules[name]
    sys.meta_path.insert(0, finder)


def _travelled() -> bool:
    """Whether the SDK that travelled is in use; our own code may have travelled the same way."""
    return any(isinstance(finder, Travelled) and finder.has("docker") for finder in sys.meta_path)


def _unpack(archive: str) -> Travelled:
    try:
        return Travelled.of(archive)
    except ValueError as exc:
        raise SdkMissing(f"The docker SDK that travelled with the task is damaged ({exc}).") from exc


@contextmanager
def _quiet_import() -> Iterator[None]:
    """Keep requests from warning, and from reading all CAs of the world before it is asked to (15 ms)."""
    hidden = [name for name in _NOT_NEEDED if name not in sys.modules]
    try:
        if _travelled():
            sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _no_preloaded_context():
                importlib.import_module("requests.adapters")
            yield
    finally:
        for name in hidden:
            if name in sys.modules and sys.modules[name] is None:
                del sys.modules[name]


@contextmanager
def _no_preloaded_context() -> Iterator[None]:
    """requests 2.32.0-2.32.4 preload a context unless Python has no ssl, which ImportError tells them."""
    ssl_ = importlib.import_module("urllib3.util.ssl_")
    original = ssl_.create_urllib3_context

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise ImportError("not before it is needed")

    ssl_.create_urllib3_context = refuse  # type: ignore[attr-defined]
    try:
        yield
    finally:
        ssl_.create_urllib3_context = original  # type: ignore[attr-defined]
