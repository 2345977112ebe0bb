# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import ContainerRef, Outcome
from ansible_collections.cordon.docker.plugins.plugin_utils._containment.preserved import preserved

CONTAINER = "a" * 64


def line(item: str, status: str, container: str = CONTAINER) -> str:
    stored = status in ("collected", "truncated")
    outcome = Outcome(
        item=item,
        container=ContainerRef(container, "dvwa"),
        status=status,
        reason=None if status in ("collected", "empty") else "why",
        path=f"containers/{container[:12]}/{item}.tar" if stored else None,
        bytes=3 if stored else 0,
        sha256="0" * 64 if stored else None,
        started="2026-01-02T12:00:00.000000Z",
        seconds=0.1,
    )
    return json.dumps(outcome.to_json())


def bag(case: Path, *lines: str, host: str = "web1", verb: str = "preserve", sealed: bool = True) -> None:
    home = case / host / f"20260102T120000Z-{verb}"
    (home / "data").mkdir(parents=True)
    (home / "data" / "outcomes.jsonl").write_text("\n".join(lines) + "\n")
    if sealed:
        (home / "tagmanifest-sha256.txt").touch()


@pytest.mark.parametrize(
    ("item", "status", "counts"),
    [
        ("layer", "collected", True),
        ("layer", "empty", True),
        ("filesystem", "collected", True),
        ("committed_image", "collected", True),
        ("layer", "truncated", False),
        ("filesystem", "empty", False),
        ("filesystem", "failed", False),
        ("logs", "collected", False),
        ("layer_list", "collected", False),
    ],
)
def test_what_counts_as_a_file_system(tmp_path: Path, item: str, status: str, counts: bool) -> None:
    bag(tmp_path, line("processes", "collected"), line(item, status))
    assert preserved(tmp_path, "web1") == (frozenset({CONTAINER}) if counts else frozenset())


def test_only_sealed_bags_of_that_verb_and_host_count(tmp_path: Path) -> None:
    bag(tmp_path, line("layer", "collected"), sealed=False)
    bag(tmp_path, line("layer", "collected"), verb="triage")
    bag(tmp_path, line("layer", "collected"), host="app2")
    assert preserved(tmp_path, "web1") == frozenset()
    assert preserved(tmp_path, "none") == frozenset()


def test_what_a_host_spoiled_is_left_out(tmp_path: Path) -> None:
    other = "b" * 64
    bag(tmp_path, "{", "[]", '{"item": "layer"}', "[" * 100000, line("layer", "collected", other))
    assert preserved(tmp_path, "web1") == frozenset({other})


def test_no_link_is_followed(tmp_path: Path) -> None:
    bag(tmp_path / "elsewhere", line("layer", "collected"))
    (tmp_path / "web1").symlink_to(tmp_path / "elsewhere" / "web1")
    assert preserved(tmp_path, "web1") == frozenset()
