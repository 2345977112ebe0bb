# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place where the library for STIX is imported: it is needed by those alone who exchange in that format."""

from __future__ import annotations

from types import ModuleType

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError


def stix() -> ModuleType:
    """The package stix2. Raises CordonError that names what to install."""
    try:
        import stix2
        import stix2.pattern_visitor
    except ImportError as exc:
        raise CordonError(
            "STIX is read and written with the Python package stix2, which is not installed where Ansible runs:"
            " pip install stix2."
        ) from exc
    library: ModuleType = stix2
    return library
