# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.module_utils._evidence.names import safe_path
from ansible_collections.cordon.docker.plugins.plugin_utils._case.names import case_name, host_folder, stamp

NOON = 1767355200.0  # 2026-01-02T12:00:00Z


def test_a_case_without_a_name_is_called_by_its_start() -> None:
    assert case_name("", NOON) == stamp(NOON) == "20260102T120000Z"


@pytest.mark.parametrize("name", ["INC-7", "a", "2026.01_x", "x" * 64])
def test_usable_case_names(name: str) -> None:
    assert case_name(name, NOON) == name


@pytest.mark.parametrize("name", ["..", ".x", "-x", "a/b", "a b", "x" * 65, "a\n", "é", "a\\b", "~"])
def test_unusable_case_names_are_named_with_a_mend(name: str) -> None:
    with pytest.raises(InvalidOption, match="such as case=INC-7"):
        case_name(name, NOON)


@pytest.mark.parametrize("host", ["web1", "web1.example.org", "10.0.0.1", "DB_3"])
def test_plain_host_names_are_their_folders(host: str) -> None:
    assert host_folder(host) == host


@pytest.mark.parametrize(
    "host", ["custody.jsonl", "compromised.yml", "Report.HTML", "..", ".incoming", "a/b", ""]
)
def test_other_names_get_a_folder_of_their_own(host: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*-[0-9a-f]{12}", host_folder(host))


@given(st.text())
def test_any_host_name_gives_one_safe_part(host: str) -> None:
    folder = host_folder(host)
    assert len(safe_path(folder).parts) == 1
    assert not folder.endswith((".jsonl", ".yml"))


@given(st.text(), st.text())
def test_two_hosts_never_share_a_folder(one: str, other: str) -> None:
    assert (host_folder(one) == host_folder(other)) == (one == other)
