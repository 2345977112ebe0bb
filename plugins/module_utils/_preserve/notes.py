# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a stream had to leave out: some of it word for word, the rest counted, however much it is. Pure."""

from __future__ import annotations

_MOST = 20


class Notes:
    """Writes into a list that somebody else reads, such as an item's: at most 20 lines, and one that counts."""

    def __init__(self, into: list[str]) -> None:
        self._into = into
        self._beyond = 0
        del into[:]

    def add(self, note: str) -> None:
        if note in self._into:
            return
        if len(self._into) < _MOST:
            self._into.append(note[:500])
            return
        self._beyond += 1
        del self._into[_MOST:]
        self._into.append(f"and {self._beyond} more like these")
