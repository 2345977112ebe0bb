# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._engine.options import engine_argument_spec
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import selection_argument_spec
from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.module_utils._triage.options import (
    ITEMS,
    TriageOptions,
    parse_since,
    parse_time,
    triage_argument_spec,
)

NOW = 1_800_000_000.0


def options(**given: Any) -> TriageOptions:
    spec = {**engine_argument_spec(), **selection_argument_spec(), **triage_argument_spec()}
    result = ArgumentSpecValidator(spec).validate(given)
    assert not result.error_messages
    return TriageOptions.from_params(result.validated_parameters, NOW)


def test_defaults() -> None:
    found = options()
    assert found.items == set(ITEMS)
    assert found.since == NOW - 86400
    assert found.log_patterns
    assert "_sdk_archive" not in found.asked


def test_what_is_given() -> None:
    found = options(since="all", collectors=["host"], log_patterns=[], controller_time="2027-01-15T08:00:01Z")
    assert found.since is None
    assert found.items == {"host"}
    assert not found.log_patterns
    assert found.clock_offset == -1.0


@pytest.mark.parametrize(
    "given",
    [
        {"since": "yesterday"}, {"parallel": 0}, {"parallel": 65}, {"budget": 0}, {"item_bytes": 1},
        {"hash_bytes": -1}, {"controller_time": "now"}, {"log_lines": -1},
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption, match=next(iter(given))):
        options(**given)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30m", NOW - 1800),
        ("2h", NOW - 7200),
        ("1.5d", NOW - 129600),
        ("1w", NOW - 604800),
        ("all", None),
        (None, None),
        ("2026-01-31T12:00:00Z", 1769860800.0),
        ("2026-01-31T13:30:00.5+01:30", 1769860800.5),
    ],
)
def test_since(value: str | None, seconds: float | None) -> None:
    assert parse_since(value, NOW) == seconds


@given(st.text(max_size=40) | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", fullmatch=True))
def test_any_other_time_is_an_error_of_ours(value: str) -> None:
    try:
        parse_time("since", value)
    except InvalidOption as exc:
        assert "since" in str(exc)  # noqa: PT017
