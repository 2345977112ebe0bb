# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Libraries that the controller needs only for what is asked for: found here, or named with the mend."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError


class LibraryMissing(CordonError):  # noqa: N818 - named for what happened
    """A library that an option needs is not installed on the controller."""


def library(name: str, package: str, purpose: str) -> Any:
    """The module of that name. Raises LibraryMissing with the package to install; `purpose` begins a sentence."""
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        raise LibraryMissing(
            f"{purpose} needs {package}, which the controller's Python does not have: {sys.executable} -m pip"
            f" install {package}"
        ) from exc
