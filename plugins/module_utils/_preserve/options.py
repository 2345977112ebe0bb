# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of how evidence is sent: their argument spec, and their meaning as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption

from .send import Known

PIPE, CHUNKS = "pipe", "chunks"
STAGED_BYTES = 64 << 20
CHUNK_BYTES = 16 << 20


def sending_argument_spec() -> dict[str, dict[str, Any]]:
    """The module's own options; those of the engine, of the selection and of what is preserved are merged with them."""
    return {
        "case": {"type": "path"},
        "run": {"type": "str"},
        "total_bytes": {"type": "int", "default": 1 << 50},
        "staged_bytes": {"type": "int", "default": STAGED_BYTES},
        "chunk_bytes": {"type": "int", "default": CHUNK_BYTES},
        "compress": {"type": "str", "default": "auto", "choices": ["auto", "always", "never"]},
        "transfer": {"type": "str", "default": "auto", "choices": ["auto", PIPE, CHUNKS]},
        "idle_seconds": {"type": "int", "default": 120},
        "budget": {"type": "int", "default": 86400},
        "bytes_per_second": {"type": "int", "default": 0},
        "senders": {"type": "int", "default": 8},
        "reserve_bytes": {"type": "int", "default": 256 << 20},
        "stage_dir": {"type": "path"},
        "stage_owner": {"type": "str"},
        "controller_time": {"type": "str"},
        "room_bytes": {"type": "int", "default": 1 << 50},
        "known": {"type": "list", "elements": "dict", "default": []},
    }


@dataclass(frozen=True)
class SendingOptions:
    """``compress`` is null for what pays; ``known`` is what the controller has of items, by their paths."""

    total_bytes: int
    staged_bytes: int
    chunk_bytes: int
    compress: bool | None
    way: str
    idle_seconds: int
    stage_dir: str | None
    stage_owner: str | None
    controller_time: str | None
    room_bytes: int
    known: Mapping[str, Known]

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> SendingOptions:
        """Raises InvalidOption with the option's name for a value that cannot be used."""
        for name, least in (
            ("total_bytes", 4096),
            ("staged_bytes", 4 << 20),
            ("chunk_bytes", 1 << 20),
            ("idle_seconds", 5),
        ):
            if params[name] < least:
                raise InvalidOption(f"{name} cannot be {params[name]}: it is at least {least}.")
        known = {
            str(row.get("path")): Known(int(row["offset"]), str(row["sha256"])) for row in params["known"]
        }
        return cls(
            total_bytes=params["total_bytes"],
            staged_bytes=params["staged_bytes"],
            chunk_bytes=min(params["chunk_bytes"], params["staged_bytes"] // 2),
            compress={"always": True, "never": False}.get(params["compress"]),
            way=CHUNKS if params["transfer"] == CHUNKS else PIPE,
            idle_seconds=params["idle_seconds"],
            stage_dir=params["stage_dir"],
            stage_owner=params["stage_owner"],
            controller_time=params["controller_time"],
            room_bytes=params["room_bytes"],
            known=known,
        )
