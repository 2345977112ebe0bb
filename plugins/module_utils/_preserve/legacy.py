# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Layers in the archives of engines before 25, whose names are no hashes of what is in them. Pure.

``<id>/layer.tar`` lies beside ``<id>/json``, and the ID is the hash of that document with the layer's place in the
image put in (moby image/v1/imagev1.go, CreateID): so each place that is possible is tried, and the one that gives
the ID is right.
"""

from __future__ import annotations

import hashlib
import json
from typing import Sequence

_SPACE = " \t\r\n"


class LegacyLayers:
    """The layers of one image; ``diff_ids`` are the hashes of their archives from the bottom to the top, without or
    with ``sha256:`` in front."""

    def __init__(self, diff_ids: Sequence[str]) -> None:
        self._diff_ids = [one[len("sha256:") :] if one.startswith("sha256:") else one for one in diff_ids]
        self._chains: list[str] = []
        for diff_id in self._diff_ids:
            above = f"sha256:{self._chains[-1]} sha256:{diff_id}" if self._chains else ""
            self._chains.append(hashlib.sha256(above.encode()).hexdigest() if above else diff_id)
        self._found: dict[str, str] = {}

    def learn(self, layer: str, document: bytes) -> None:
        """Take in ``<id>/json``; one that fits no place is passed over."""
        try:
            members = raw_members(document.decode("utf-8"))
        except ValueError:
            return
        members.pop("id", None)
        parent = members.pop("parent", None)
        if parent is not None:
            members["parent"] = '"sha256:' + parent.strip('"') + '"'
        # The operating system is written into all documents, but hashed in the uppermost only.
        without = {key: value for key, value in members.items() if key != "os"}
        for diff_id, chain in zip(self._diff_ids, self._chains):
            place = {"layer_id": f'"sha256:{chain}"'}
            if layer in (_hash({**members, **place}), _hash({**without, **place})):
                self._found[layer] = diff_id
                return

    def digest(self, layer: str) -> str | None:
        """The hash of the archive of a layer by its ID, where that is known."""
        return self._found.get(layer)


def _hash(members: dict[str, str]) -> str:
    """As Go writes and hashes an object: keys sorted, nothing between."""
    text = "{" + ",".join(f"{json.dumps(key)}:{members[key]}" for key in sorted(members)) + "}"
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def raw_members(text: str) -> dict[str, str]:
    """The members of a JSON object with their values as they are written. Raises ValueError."""
    decoder = json.JSONDecoder()
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        raise ValueError("no object")
    members: dict[str, str] = {}
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}":
        key, at = decoder.raw_decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":" or not isinstance(key, str):
            raise ValueError("no member")
        start = _skip(text, at + 1)
        _value, end = decoder.raw_decode(text, start)
        members[key] = text[start:end]
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "}":
            raise ValueError("no end of the object")
    return members


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at
