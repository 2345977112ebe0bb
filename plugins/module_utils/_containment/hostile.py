# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading back what was written down about a change. Pure, and trusting nothing.

A record has lain on a host that may be the attacker's, and has been on its way through a controller: a field
that is absent, unknown, too long or of another shape is an error, never a command's argument.
"""

from __future__ import annotations

import re
from typing import Any, Mapping, Pattern

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError

CONTAINER_ID = re.compile(r"[0-9a-f]{64}\Z")
LINK_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,14}\Z")
NETWORK_ID = re.compile(r"[^\x00-\x20\x7f/]{1,255}\Z")  # a stopped container may only know a name
SIGNAL = re.compile(r"(SIG)?[A-Z][A-Z0-9+-]{1,12}\Z|[1-9][0-9]?\Z")
PLAIN = re.compile(r"[^\x00-\x1f\x7f]*\Z")
MAC = re.compile(r"([0-9a-f]{2}(:[0-9a-f]{2}){5})?\Z")
ADDRESS = re.compile(r"[0-9a-fA-F.:]{0,45}\Z")
CGROUP = re.compile(r"[A-Za-z0-9_.:@/-]{1,512}\Z")
_MOST = 1024


class Fields:
    """The fields of one object, each asked for by its shape; ``exactly`` refuses what nobody asked for."""

    def __init__(self, value: Any, subject: str, names: Mapping[str, Any]) -> None:
        self.subject = subject
        if not isinstance(value, dict) or set(value) != set(names):
            raise EvidenceError(f"A record holds {subject} without the fields it should have.")
        self._value = value

    def text(self, name: str, shape: Pattern[str] = PLAIN, longest: int = 512) -> str:
        found = self._value[name]
        if not isinstance(found, str) or len(found) > longest or not shape.match(found):
            raise self._unusable(name)
        return found

    def number(self, name: str, low: int = 0, high: int = 1 << 62) -> int:
        found = self._value[name]
        if isinstance(found, bool) or not isinstance(found, int) or not low <= found <= high:
            raise self._unusable(name)
        return found

    def flag(self, name: str) -> bool:
        found = self._value[name]
        if not isinstance(found, bool):
            raise self._unusable(name)
        return found

    def texts(self, name: str, shape: Pattern[str] = PLAIN, longest: int = 512) -> tuple[str, ...]:
        found = self.items(name)
        if not all(isinstance(item, str) and len(item) <= longest and shape.match(item) for item in found):
            raise self._unusable(name)
        return tuple(found)

    def pairs(self, name: str, length: int = 2) -> tuple[tuple[str, ...], ...]:
        """Lists of texts of one length, such as names with their values."""
        found = self.items(name)
        for item in found:
            if not isinstance(item, list) or len(item) != length:
                raise self._unusable(name)
            if not all(isinstance(part, str) and len(part) <= 4096 and PLAIN.match(part) for part in item):
                raise self._unusable(name)
        return tuple(tuple(item) for item in found)

    def items(self, name: str) -> list[Any]:
        found = self._value[name]
        if not isinstance(found, list) or len(found) > _MOST:
            raise self._unusable(name)
        return found

    def value(self, name: str) -> Any:
        return self._value[name]

    def _unusable(self, name: str) -> EvidenceError:
        shown = repr(self._value[name])[:100]
        return EvidenceError(f"A record holds {self.subject} with an unusable {name}: {shown}.")
