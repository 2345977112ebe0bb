# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The docker SDK that travels with a task: the controller's own, as a zip of Python sources."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path

from ansible_collections.cordon.docker.plugins.module_utils._errors import SdkMissing
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.archive import pack

PACKAGES = ("docker", "requests", "urllib3", "idna", "jmespath")
# Parts of the SDK that the low-level client does without: they would only make each task heavier.
LEFT_OUT = (
    "docker/client.py",
    "docker/context/",
    "docker/models/",
    "docker/transport/npipe",
    "docker/transport/ssh",
    "idna/cli.py",
    "idna/codec.py",
    "idna/compat.py",
    "idna/uts46data.py",
    "requests/help.py",
    "urllib3/http2/connection.py",
    "urllib3/contrib/",
)
STAND_INS = {
    # The real one imports the high-level client.
    "docker/__init__.py": "from .version import __version__\n",
    # The real one reads the version from metadata that does not travel.
    "docker/version.py": "__version__ = {docker!r}\n",
    # The CA is named by the task, or the host's own store is used: Mozilla's list need not travel.
    "certifi/__init__.py": "def where():\n    return '/nonexistent'\n\n\ndef contents():\n    return ''\n",
    "urllib3/contrib/__init__.py": "",
    "urllib3/contrib/socks.py": "raise ImportError('not shipped')\n",
}


@lru_cache(maxsize=1)
def sdk_archive() -> bytes:
    """The zip, the same bytes for the same versions. Raises SdkMissing naming what is not installed."""
    stand_ins = {
        **STAND_INS,
        "docker/version.py": STAND_INS["docker/version.py"].format(docker=_docker_version()),
    }
    sources = {name: text.encode() for name, text in stand_ins.items()}
    for package in PACKAGES:
        root = _folder(package)
        for path in root.rglob("*.py"):
            name = path.relative_to(root.parent).as_posix()
            if not name.startswith(LEFT_OUT) and name not in STAND_INS:
                sources[name] = path.read_bytes()
    return pack(sources)


def _docker_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("docker")
    except PackageNotFoundError as exc:
        raise _missing("docker") from exc


def _folder(package: str) -> Path:
    # Found, not imported: the controller may never need them itself.
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise _missing(package)
    return Path(spec.origin).parent


def _missing(package: str) -> SdkMissing:
    return SdkMissing(
        f"The controller's Python has no {package} to send along: install docker, requests and jmespath "
        "where Ansible runs, or set ship_sdk: false where every host has the docker SDK."
    )
