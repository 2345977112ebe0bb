# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A case that was recorded as one file, laid out again."""

from __future__ import annotations

import json
from pathlib import Path


def unpack(recorded: Path, case: Path) -> Path:
    """Write the files of the case below `case`, and return it."""
    with recorded.open(encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            path = case / row["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(row["text"], encoding="utf-8")
    return case
