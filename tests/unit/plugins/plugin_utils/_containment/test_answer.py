# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host says of its containers, read back whatever it says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._errors import EvidenceError
from ansible_collections.cordon.docker.plugins.plugin_utils._containment.answer import MAX_ENTRIES, entries

ID = "d" * 64
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner))


def step(status: str, kind: str = "link_down") -> dict[str, Any]:
    return {"step": kind, "sentence": f"{kind}.", "status": status, "sees": "seen", "error": None}


def entry(**more: Any) -> dict[str, Any]:
    return {"id": ID, "name": "dvwa", "changed": True, "failed": False, "error": None, **more}


def test_each_step_that_was_tried_is_a_custody_line() -> None:
    value = entry(
        failed=True,
        error="It does not hold.",
        steps=[step("undone"), step("failed", "raise_barrier")],
        custody=[{"before": {"links": "up"}, "after": {"links": "up"}}, {"before": 1, "after": 2}],
    )
    (found,) = entries({"containers": [value]}, "isolate") or []
    events = [(event.action, event.host, event.verified, event.before) for event in found.events("web1")]
    assert events == [
        ("link_down undone", "web1", False, {"links": "up"}),
        ("raise_barrier failed", "web1", False, 1),
    ]
    assert found.status == "failed"


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (entry(steps=[step("verified")]), "done"),
        (entry(changed=False), "already"),
        (entry(steps=[step("planned")]), "planned"),
        (entry(failed=True, refused={"code": "no_evidence"}), "refused"),
        (entry(failed=True, refused=None), "failed"),
        (entry(failed=None), "failed"),
        ({}, "failed"),
    ],
)
def test_the_status_is_good_only_where_the_host_says_so(value: dict[str, Any], status: str) -> None:
    (found,) = entries({"containers": [value]}, "isolate") or []
    assert found.status == status


def test_a_name_that_the_engine_does_not_know_is_told_from_other_trouble() -> None:
    unknown = {
        "id": "",
        "name": "x",
        "failed": True,
        "error": "There is no container 'x' on the engine at y. List.",
    }
    late = {"id": "", "name": "x", "failed": True, "error": "The engine did not answer in time."}
    found = entries({"containers": [unknown, late]}, "pause") or []
    assert [item.missing for item in found] == [True, False]


def test_a_state_too_large_for_the_log_is_left_out() -> None:
    value = entry(steps=[step("verified")], custody=[{"before": {"x": "y" * 100_000}, "after": {"x": 1}}])
    (found,) = entries({"containers": [value]}, "pause") or []
    assert found.steps[0].before == {"left_out": "It was too large for the log."}
    assert found.steps[0].after == {"x": 1}


def test_no_containers_at_all_is_no_answer_and_too_many_are_refused() -> None:
    assert entries({"msg": "The engine does not answer."}, "pause") is None
    with pytest.raises(EvidenceError, match="more than"):
        entries({"containers": [{}] * (MAX_ENTRIES + 1)}, "pause")


@given(
    st.dictionaries(
        st.sampled_from(sorted([*entry(), "steps", "custody", "record", "notices", "image"])), ANYTHING
    )
)
def test_nothing_that_a_host_says_raises(value: dict[str, Any]) -> None:
    for found in entries({"containers": [value], "diff": [value]}, "pause") or []:
        found.events("web1")
        found.row("r", "t", "web1")
