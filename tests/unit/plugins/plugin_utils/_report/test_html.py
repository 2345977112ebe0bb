# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import hashlib
import json
import re
import tracemalloc
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.plugin_utils._report import html, html_container, html_products
from ansible_collections.cordon.docker.plugins.plugin_utils._report.html import asset, sources, write_report
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.build_case import (
    CONTAINER,
    add_container,
    log,
    process,
)
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._report.made_case import (
    LOST,
    Size,
    make_case,
)

SMALL = Size(hosts=2, containers=3, log_lines=10)
BAG = "web1/20260301T120500Z-triage"
_BLOCK = re.compile(
    r'<script type="application/octet-stream" id="data-([a-z0-9]+)">([A-Za-z0-9+/=]*)</script>'
)
_MARKUP_SINKS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|srcdoc|\.html\("
    r"|createContextualFragment|setTimeout\(\s*[\"'`]|fetch\(|XMLHttpRequest|WebSocket|sendBeacon|import\("
)


def blocks(report: Path) -> dict[str, list[dict[str, Any]]]:
    """What the page finds in its blocks."""
    found = {}
    for name, coded in _BLOCK.findall(report.read_text("ascii" if report.stat().st_size == 0 else "utf-8")):
        text = zlib.decompress(base64.b64decode(coded)).decode("ascii")
        found[name] = [json.loads(line) for line in text.splitlines()]
    return found


def overview(report: Path) -> dict[str, Any]:
    return blocks(report)["overview"][0]


def finding(line: int | None, item: str = "processes.jsonl", **more: Any) -> dict[str, Any]:
    reference = {"bag": BAG, "path": f"data/containers/{CONTAINER}/{item}", "line": line}
    return {
        "id": "f1",
        "kind": "intrusion",
        "host": "web1",
        "container": {"id": CONTAINER, "name": "shop", "image": "acme/shop:5.2"},
        "severity": "high",
        "confidence": "high",
        "rule": "r",
        "sentence": "It is so.",
        "technique": "T1059",
        "evidence": [reference],
        "next": "ansible …",
        **more,
    }


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_the_same_case_gives_the_same_bytes(tmp_path: Path) -> None:
    case = make_case(tmp_path / "INC-7", SMALL)
    first = write_report(case).read_bytes()
    assert write_report(case).read_bytes() == first


def test_it_is_private_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    case = make_case(tmp_path / "INC-7", SMALL)
    before = {path.name for path in case.iterdir()}
    report = write_report(case)
    assert report.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in case.iterdir()} == before | {"report.html"}
    assert report.read_bytes().endswith(b"</html>\n")


def test_a_report_that_fails_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case(tmp_path / "INC-7", SMALL)
    report = write_report(case)
    before = report.read_bytes()

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(html, "_copy", full)
    with pytest.raises(OSError, match="No space"):
        write_report(case)
    assert report.read_bytes() == before
    assert not list(case.glob(".report.html*"))


def test_the_policy_allows_what_is_in_the_page_and_nothing_else(tmp_path: Path) -> None:
    page = write_report(make_case(tmp_path / "INC-7", SMALL)).read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    run = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    hashes = [
        "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
        for text in run + styles
    ]
    wanted = f"default-src 'none'; script-src {hashes[0]} {hashes[1]}; style-src {hashes[2]}; "
    assert policy[1] == wanted + "base-uri 'none'; form-action 'none'"
    assert "unsafe" not in policy[1]


def test_nothing_is_loaded_from_elsewhere() -> None:
    shell = asset("report.html")
    assert not re.search(r"\b(src|srcset|poster|data|action|ping)=|<link|url\(|@import|\bon[a-z]+=", shell)
    assert not re.search(r"url\(|@import", asset("report.css"))


def test_our_code_never_parses_markup_or_asks_anyone() -> None:
    own = {name: asset(name) for name in sources() if name.endswith(".js") and name != "d3.min.js"}
    assert len(own) == 9
    assert {
        name: _MARKUP_SINKS.findall(text) for name, text in own.items() if _MARKUP_SINKS.search(text)
    } == {}


@pytest.mark.parametrize("name", sources())
def test_no_asset_can_end_its_own_element(name: str) -> None:
    ends = {"report.html": (), "report.css": ("</style", "<!--")}.get(name, ("</script", "<script", "<!--"))
    assert not [end for end in ends if end in asset(name).lower()]


def test_the_page_without_evidence_is_small(tmp_path: Path) -> None:
    assert write_report(make_case(tmp_path / "INC-7", Size(hosts=0))).stat().st_size < 600_000


def test_no_byte_of_evidence_stands_in_the_page_as_such(tmp_path: Path) -> None:
    add_container(tmp_path, {"logs/tail.jsonl": log("</script><b>needle</b>\u2028\u202e")})
    report = write_report(tmp_path)
    assert b"needle" not in report.read_bytes()
    found = [row["line"] for rows in blocks(report).values() for row in rows if row.get("k") == "log"]
    assert found == ["</script><b>needle</b>\u2028\u202e"]


def test_lone_surrogates_and_broken_lines_do_no_harm(tmp_path: Path) -> None:
    folder = add_container(tmp_path, {"logs/tail.jsonl": b'{"line":"\\ud800"}\n{\n\xff\n[1]\n'})
    assert folder.is_dir()
    report = write_report(tmp_path)
    lines = [row["line"] for rows in blocks(report).values() for row in rows if row.get("k") == "log"]
    assert lines == ["\ud800"]
    assert overview(report)["containers"][0]["unreadable"] == 3


def test_what_a_finding_points_at_is_there_however_long_the_item(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html_container, "MAX_ROWS", 5)
    rows = [process(100 + number, 99, "/bin/x") for number in range(50)]
    add_container(tmp_path, {"processes.jsonl": rows})
    write_lines(tmp_path / "findings.jsonl", [finding(40)])
    report = write_report(tmp_path)
    found = next(rows for rows in blocks(report).values() if rows[0].get("k") == "facts")
    assert [row["n"] for row in found if row["k"] == "process"] == [1, 2, 3, 4, 5, 40]
    assert {"k": "count", "i": "processes.jsonl", "of": "process", "shown": 6, "total": 50} in found


def test_a_finding_has_the_time_of_what_it_points_at(tmp_path: Path) -> None:
    add_container(
        tmp_path, {"processes.jsonl": [process(100, 99, "/bin/x", started="2026-03-01T11:00:00.000000Z")]}
    )
    write_lines(tmp_path / "findings.jsonl", [finding(1)])
    told = overview(write_report(tmp_path))
    assert told["findings"][0]["time"] == "2026-03-01T11:00:00.000000Z"
    assert "The only dated sign is of 2026-03-01 11:00:00 UTC." in told["lines"][2]["text"]


def test_suppressed_findings_are_counted_and_kept_apart(tmp_path: Path) -> None:
    add_container(tmp_path, {})
    write_lines(tmp_path / "findings.jsonl", [finding(None, suppressed={"reason": "Our scanner does that."})])
    told = overview(write_report(tmp_path))
    assert told["lines"][0]["text"] == (
        "No sign of a break-in was found in 1 container on 1 host. 1 finding suppressed by a list."
    )
    assert told["findings"][0]["suppressed"] == "Our scanner does that."
    assert told["containers"][0]["severity"] is None


def test_a_host_that_did_not_answer_is_there(tmp_path: Path) -> None:
    told = overview(write_report(make_case(tmp_path / "INC-7", SMALL)))
    lost = [host for host in told["hosts"] if host["status"] == "unreachable"]
    assert [host["name"] for host in lost] == [LOST]
    assert told["lines"][4]["text"].startswith(f"1 of 3 hosts not collected: {LOST} (unreachable).")


def test_what_is_not_there_yet_is_said(tmp_path: Path) -> None:
    add_container(tmp_path, {})
    told = overview(write_report(tmp_path))
    assert told["correlations"] is None
    assert [notice.split(" in this case")[0] for notice in told["notices"]] == [
        "There is no timeline.jsonl",
        "There is no correlations.jsonl",
    ]
    assert told["chain"] == ["custody.jsonl: It is missing."]


def test_a_custody_log_that_was_changed_is_told(tmp_path: Path) -> None:
    case = make_case(tmp_path / "INC-7", SMALL)
    assert overview(write_report(case))["chain"] == []
    path = case / "custody.jsonl"
    path.write_text(path.read_text().replace("ada@bastion", "eve@bastion", 1))
    assert overview(write_report(case))["chain"] == [
        "custody.jsonl: Line 2 is not bound to the line before it."
    ]


def test_the_release_command_is_the_callers(tmp_path: Path) -> None:
    case = make_case(tmp_path / "INC-7", SMALL)

    def ours(case: Path, limit: str, verb: str, *, extra: Sequence[str] = ()) -> str:
        return f"{verb} {case.name} {limit} {' '.join(extra)}"

    undo = overview(write_report(case, ours))["undo"]
    assert [entry["command"] for entry in undo] == ["release INC-7 web1 containers=orders"]


def test_a_long_timeline_keeps_what_matters_and_samples_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html_products, "MAX_EVENTS", 50)
    add_container(tmp_path, {})
    event = {"datetime": "2026-03-01T11:00:00.000000Z", "message": "m", "kind": "log", "severity": None}
    grave = [{**event, "kind": "finding", "severity": "high", "message": f"g{n}"} for n in range(10)]
    write_lines(tmp_path / "timeline.jsonl", [*([event] * 500), *grave, {"datetime": "never"}])
    report = write_report(tmp_path)
    kept = blocks(report)["timeline"]
    assert [row["message"] for row in kept if row["kind"] == "finding"] == [f"g{n}" for n in range(10)]
    assert 40 <= len(kept) <= 50
    assert overview(report)["timeline"] == {
        "block": "timeline",
        "shown": len(kept),
        "source": "timeline.jsonl",
        "total": 511,
    }


def test_figures_of_earlier_runs_make_a_curve(tmp_path: Path) -> None:
    stats = {"cpu_percent": 1.0, "second": {"time": "2026-03-01T11:00:00.000000Z"}}
    add_container(tmp_path, {"stats.json": stats})
    add_container(tmp_path, {"stats.json": {**stats, "cpu_percent": 9.0}}, bag="20260301T130500Z-triage")
    found = [
        row for rows in blocks(write_report(tmp_path)).values() for row in rows if row.get("k") == "figures"
    ]
    assert [row["cpu"] for row in found] == [1.0, 9.0]


def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    line = json.dumps({"time": "t", "stream": "stdout", "line": "x" * 150}).encode() + b"\n"
    peaks = []
    for number, name in ((2_000, "SMALL"), (100_000, "LARGE")):
        case = tmp_path / name
        add_container(case, {"logs/tail.jsonl": line * number})
        write_report(case)
        tracemalloc.start()
        write_report(case)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + (1 << 20)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
_FIELDS = [
    "pid",
    "ppid",
    "cmdline",
    "exe",
    "started",
    "line",
    "time",
    "path",
    "head",
    "kind",
    "severity",
    "container",
    "evidence",
    "host",
    "status",
    "reason",
    "suppressed",
    "datetime",
    "ref",
    "members",
    "first",
    "value",
    "action",
    "Config",
    "State",
    "Mounts",
    "NetworkSettings",
    "HostConfig",
    "second",
    "network",
    "cpu_percent",
    "item",
    "Actor",
    "engine",
]
_ROWS = st.lists(st.dictionaries(st.sampled_from(_FIELDS), _JSON, max_size=6) | _JSON, max_size=4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=_ROWS, document=st.dictionaries(st.sampled_from(_FIELDS), _JSON, max_size=6))
def test_whatever_a_host_wrote_a_report_comes_out(
    tmp_path: Path, rows: list[Any], document: dict[str, Any]
) -> None:
    written = "".join(json.dumps(row) + "\n" for row in rows).encode()
    items = (
        "processes.jsonl",
        "sockets.jsonl",
        "layer.jsonl",
        "volumes.jsonl",
        "changes.jsonl",
        "logs/tail.jsonl",
        "logs/hits.jsonl",
    )
    known = finding(1)
    folder = add_container(
        tmp_path, dict.fromkeys(items, written) | {"inspect.json": document, "stats.json": document}
    )
    (folder.parents[1] / "host.json").write_text(json.dumps(document))
    for path in (folder.parents[1] / "events.jsonl", folder.parents[1] / "outcomes.jsonl"):
        path.write_bytes(written)
    for name in ("timeline", "correlations", "custody", "hosts"):
        (tmp_path / f"{name}.jsonl").write_bytes(written)
    spoiled = [{**known, **row} for row in rows if isinstance(row, dict)]
    (tmp_path / "findings.jsonl").write_bytes("".join(json.dumps(row) + "\n" for row in spoiled).encode())
    assert overview(write_report(tmp_path))["case"] == tmp_path.name
