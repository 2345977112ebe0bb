# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that were changed or placed so as not to be noticed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values, wording
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence, Row
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    Confidence,
    EvidenceRef,
    Severity,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge import places
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import Sign

ITEM = "layer.jsonl"
_MAX_TOLD = 50
_IS_EDITED = (b'"content_changed":true', b'"content_changed": true')
_IS_PROGRAM = (b'"code":"elf"', b'"code": "elf"')
_CODE = frozenset({"php", "jsp", "asp", "python", "perl", "shell", "node", "elf"})


def edited_unseen(container: ContainerEvidence) -> Iterator[Sign]:
    """Files of the image with other content though size, owner, mode and times are as they were: whoever did
    that set the time back. The engine's diff does not show them (it compares no content)."""
    for count, (line, row) in enumerate(container.stream(ITEM, _IS_EDITED)):
        if count == _MAX_TOLD:
            return
        if row.get("content_changed") is not True or row.get("in_diff") is True:
            continue
        path = values.text(row.get("path"))
        severity, confidence = _grade_edit(path, row)
        yield Sign(
            rule="edited-unseen",
            key=path,
            severity=severity,
            confidence=confidence,
            sentence=f"{wording.plain(path, 160)} is not what the image holds, though size and time are the "
            "same: its time was set back, and docker diff does not show it.",
            technique="T1070.006",
            evidence=[container.ref(ITEM, line)],
            module="container_diff_info",
        )


def dropped_executables(container: ContainerEvidence) -> Iterator[Sign]:
    """Executables in folders for passing files; whether they run is told by other rules."""
    found = [row for row in container.stream(ITEM, _IS_PROGRAM) if _is_dropped(row[1])][:1000]
    if not found:
        return
    names = [wording.plain(values.text(row.get("path")), 100) for _dummy, row in found]
    verb = "is an executable" if len(names) == 1 else "are executables"
    yield Sign(
        rule="dropped-executable",
        key="",
        severity="medium",
        confidence="medium",
        sentence=f"{wording.listed(names)} {verb} in a folder for temporary files, not from the image.",
        technique="T1105",
        evidence=_refs(container, found),
        module="container_diff_info",
    )


def _is_dropped(row: dict[str, Any]) -> bool:
    path = values.text(row.get("path"))
    return (
        row.get("executable") is True
        and row.get("kind") != "C"
        and path.startswith(places.TEMPORARY)
        and not places.LIBRARY.search(path)
    )


def _grade_edit(path: str, row: dict[str, Any]) -> tuple[Severity, Confidence]:
    if row.get("executable") is True or values.text(row.get("code"), 16) in _CODE:
        return "high", "high"
    return ("medium", "medium") if path.startswith(places.SETTINGS) else ("low", "medium")


def _refs(container: ContainerEvidence, rows: list[Row]) -> list[EvidenceRef]:
    return [container.ref(ITEM, line) for line, _dummy in rows]
