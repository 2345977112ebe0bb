# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests in a container's log for files of its web root."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import EvidenceRef
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge.requests import REFUSED
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge.webroots import COMMON_NAMES

HITS = "logs/hits.jsonl"
LOGS = (HITS, "logs/tail.jsonl")
_MAX_PATHS = 200


@dataclass
class Asked:
    """How often a file was asked for, as far as the log that was kept tells."""

    count: int = 0
    evidence: list[EvidenceRef] = field(default_factory=list)


def requests_for(container: ContainerEvidence, paths: Iterable[str]) -> dict[str, Asked]:
    """Requests by file, for `paths` as a browser would ask for them. Refused requests do not count."""
    wanted = {needle: path for path in list(paths)[:_MAX_PATHS] for needle in [_needle(path)]}
    found: dict[str, Asked] = {}
    for item, line, written in log_lines(container, tuple(wanted)):
        for needle, path in wanted.items():
            if needle in written and _asks(written, needle):
                asked = found.setdefault(path, Asked())
                asked.count += 1
                asked.evidence.append(container.ref(item, line))
    return found


def log_lines(container: ContainerEvidence, words: tuple[str, ...]) -> Iterator[tuple[str, int, str]]:
    """Item, number and text of the lines that hold one of the words. What both the search and the end of the
    log have comes once."""
    seen: set[tuple[str, str]] = set()
    pieces = tuple(word.encode("utf-8", "backslashreplace") for word in words)
    for item in LOGS if pieces else ():
        for line, row in container.stream(item, pieces):
            written = values.text(row.get("line"), 65536)
            key = (values.text(row.get("time"), 64), written[:512])
            if key not in seen:
                seen.add(key)
                yield item, line, written


def _needle(path: str) -> str:
    """What to look for: the name alone, unless every site has a file of that name. The web root may begin
    higher or lower than is thought."""
    name = path.rpartition("/")[2]
    return path if name.lower() in COMMON_NAMES else f"/{name}"


def _asks(written: str, needle: str) -> bool:
    end = rf"{re.escape(needle)}(?=[?\s\"'#;/&]|$)"
    return re.search(end, written) is not None and REFUSED.search(written) is None
