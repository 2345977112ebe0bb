# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recordings of the lab's engines: /proc of real containers and what the host's ip printed beside them.

Values of environment variables were replaced when they were recorded.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).with_name("recorded")
ENGINES = ("20.10", "26", "28")


def load(engine: str) -> dict[str, Any]:
    recording: dict[str, Any] = json.loads((RECORDED / f"engine-{engine}.json").read_text(encoding="utf-8"))
    return recording


def raise_proc(recording: dict[str, Any], root: Path) -> Path:
    """The recorded /proc as a tree of files and links."""
    for name, target in recording["self"].items():
        _link(root / "self" / "ns" / name, target)
    for pid, process in recording["processes"].items():
        for name, content in process["files"].items():
            path = root / pid / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode("latin-1"))
        (root / pid / "fd").mkdir(parents=True, exist_ok=True)
        for name, target in process["links"].items():
            _link(root / pid / name, target)
    return root


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
