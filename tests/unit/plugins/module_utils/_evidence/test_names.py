# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.names import container_path, safe_path


@pytest.mark.parametrize("name", ["host.json", "containers/0123456789ab/logs/tail.jsonl", "a", "A.b-c_d"])
def test_ordinary_names_are_kept(name: str) -> None:
    assert str(safe_path(name)) == name


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "/", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".hidden", "-rf", "_x", "a\n",
        "a\\b", "a b", "a\x00", "é", "C:x", "a/b/c/d/e/f/g/h/i", "x" * 129, "\u202eevil",
    ],
)  # fmt: skip
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(EvidenceError):
        safe_path(name)


@given(st.text(alphabet="ab./\\\n -_~\x00é", max_size=40))
def test_no_accepted_name_leaves_its_folder(name: str) -> None:
    try:
        path = safe_path(name)
    except EvidenceError:
        return
    assert posixpath.normpath(f"/case/{path}") == f"/case/{name}"


def test_container_path() -> None:
    assert (
        container_path("0123456789ab" + "f" * 52, "logs/tail.jsonl")
        == "containers/0123456789ab/logs/tail.jsonl"
    )
    with pytest.raises(EvidenceError):
        container_path("../../../etc", "x")
