# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._engine.moments import parse_moment
from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("30s", 999_970.0),
        ("2h", 992_800.0),
        ("1d12h", 1_000_000.0 - 129_600),
        ("1.5m", 999_910.0),
        ("1970-01-01T00:00:10Z", 10.0),
        ("1970-01-01T01:00:10.5+01:00", 10.5),
        ("1700000000", 1.7e9),
    ],
)
def test_times(text: str | None, expected: float | None) -> None:
    assert parse_moment("since", text, 1e6) == expected


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2 h", "2026-02-03", "2026-02-03T04:05:06", "-2h", "9999-99-99T00:00:00Z"]
)
def test_times_that_cannot_be(text: str) -> None:
    with pytest.raises(InvalidOption, match="since cannot be"):
        parse_moment("since", text, 1e6)
