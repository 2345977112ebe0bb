# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Python sources that travelled with a task, as a zip, imported straight from memory.

Nothing is written to the host and nothing has to be removed, even when the module is killed. This file needs no other
of ours at first: where a task is run without Ansible's frame for modules, it is what all the rest is imported by.
"""

from __future__ import annotations

import base64
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import sys
import zipfile
from types import ModuleType
from typing import Sequence


class Travelled(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports the packages of a zip that is held in memory; to be put on sys.meta_path."""

    def __init__(self, data: bytes) -> None:
        self._zip = zipfile.ZipFile(io.BytesIO(data))
        self._names = frozenset(self._zip.namelist())

    @classmethod
    def of(cls, archive: str) -> Travelled:
        """From the base64 that a task carries. Raises ValueError where that is damaged."""
        try:
            return cls(base64.b64decode(archive, validate=True))
        except zipfile.BadZipFile as exc:
            raise ValueError(str(exc)) from exc

    def has(self, package: str) -> bool:
        return self._entry(package) is not None

    def _entry(self, fullname: str) -> str | None:
        stem = fullname.replace(".", "/")
        return next((name for name in (f"{stem}/__init__.py", f"{stem}.py") if name in self._names), None)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        entry = self._entry(fullname)
        if entry is None:
            return None
        origin = f"<travelled>/{entry}"
        return importlib.util.spec_from_loader(
            fullname, self, origin=origin, is_package=self.is_package(fullname)
        )

    def is_package(self, fullname: str) -> bool:
        return (self._entry(fullname) or "").endswith("/__init__.py")

    def get_source(self, fullname: str) -> str | None:
        entry = self._entry(fullname)
        return None if entry is None else self._zip.read(entry).decode("utf-8")


def host_library(archive: str | None, name: str) -> ModuleType:
    """A module of our own that travelled beside the task: ``name`` as below module_utils, such as ``_triage.run``.

    Ansible packs what a module imports anew for every run, parsing each file, which for the whole of triage takes as
    long as the collection itself. Packed as a zip it costs nothing, so the module imports only what its options need.
    Raises CordonError where nothing travelled, or what did is damaged.
    """
    from ._errors import CordonError

    if archive is None:
        raise CordonError(
            "This module is run by its action plugin, which sends along what it needs on the host."
        )
    try:
        sys.meta_path.append(Travelled.of(archive))
    except ValueError as exc:
        raise CordonError(f"What travelled with the task is damaged ({exc}): run it again.") from exc
    return importlib.import_module(f"{__package__}.{name}")
