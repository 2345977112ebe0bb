# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of this collection that runs on hosts, as a zip: what _travelled.host_library imports there."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path, PurePosixPath

from ansible_collections.cordon.docker.plugins.module_utils import _travelled
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.archive import pack


@lru_cache(maxsize=1)
def library_archive() -> bytes:
    """All of module_utils, under the name it is imported by, with the packages above it. Raises OSError."""
    root = Path(_travelled.__file__).parent
    package = PurePosixPath(*str(_travelled.__package__).split("."))
    found = {
        f"{package}/{path.relative_to(root).as_posix()}": path.read_bytes() for path in root.rglob("*.py")
    }
    above = {f"{folder}/__init__.py": b"" for folder in package.parents if folder.name}
    return pack({**above, **found})
