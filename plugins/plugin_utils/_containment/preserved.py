# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Of which containers of a host the case holds a file system: what may be killed, since the evidence is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import (
    COLLECTED,
    EMPTY,
    Outcome,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._case.names import host_folder

# Each holds all that the container changed: with its image, with the rest of it, or as the image of a commit.
FILE_SYSTEMS = frozenset(("layer", "filesystem", "committed_image"))
_OUTCOMES = "data/outcomes.jsonl"
_MOST_BYTES = 64 << 20


def preserved(case_dir: Path, host: str) -> frozenset[str]:
    """Full IDs. What was cut short does not count; a layer that is empty does: nothing was changed.

    Only sealed bags are read. Raises OSError where the case cannot be.
    """
    home = case_dir / host_folder(host)
    bags = [] if home.is_symlink() else sorted(home.glob("*-preserve*/tagmanifest-sha256.txt"))
    found = (outcome for bag in bags for outcome in _outcomes(bag.parent / _OUTCOMES))
    return frozenset(
        outcome.container.id
        for outcome in found
        if outcome.container is not None
        and outcome.item in FILE_SYSTEMS
        and (outcome.status == COLLECTED or (outcome.status, outcome.item) == (EMPTY, "layer"))
    )


def _outcomes(path: Path) -> Iterator[Outcome]:
    """Those that can be read; what a host spoiled is none."""
    if path.is_symlink() or not path.is_file():
        return
    with path.open("rb") as file:
        for line in file.read(_MOST_BYTES).splitlines():
            try:
                yield Outcome.from_json(values.parse(line))
            except EvidenceError:
                continue
