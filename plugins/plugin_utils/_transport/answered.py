# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bundle that came with a task's own answer, for the same intake as one that is fetched."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError


@dataclass(frozen=True)
class Answered:
    """Stands where a connection would: what is to be fetched is here already."""

    content: bytes

    @classmethod
    def of(cls, bundle: Mapping[str, Any], most_bytes: int) -> Answered:
        """Raises EvidenceError where the answer holds no content, or more than may be."""
        text = bundle.get("content")
        if not isinstance(text, str) or len(text) > most_bytes * 4 // 3 + 4:
            raise EvidenceError(f"The host's answer holds no bundle of at most {most_bytes} bytes.")
        try:
            return cls(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError) as exc:
            raise EvidenceError(f"The bundle in the host's answer is damaged: {exc}.") from exc

    def fetch_file(self, _in_path: str, out_path: str) -> None:
        Path(out_path).write_bytes(self.content)
