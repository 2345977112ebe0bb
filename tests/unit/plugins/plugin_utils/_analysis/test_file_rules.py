# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Web shells, executables that are not from the image, and files changed so as not to be noticed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import severity_level
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.rules.web_files import (
    judge_content,
    web_root,
)
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.build_case import (
    BEFORE,
    LATER,
    SOON,
    file,
    findings_of,
    grades,
    inspect,
    log,
    process,
)

SHELL = '<?php system($_GET["cmd"]); ?>'
SHELLS = [
    SHELL,
    '<?php if(isset($_REQUEST["c"])){ $cmd = ($_REQUEST["c"]); system($cmd); }',
    "<?php @eval($_POST['x']);",
    "<?php echo `{$_GET['x']}`;",
    "<?php eval(base64_decode('aWQ='));",
    "<?php $_GET['f']($_GET['a']);",
    "<?php $f = create_function('', $_POST['x']);",
    '<% Runtime.getRuntime().exec(request.getParameter("c")); %>',
    "<% new ProcessBuilder(cmd).start(); %>",
    '<%@ Page Language="C#"%><% Process.Start("cmd.exe"); %>',
    "<?php /* b374k 3.2 */",
]
HARMLESS = [
    "<?php echo htmlspecialchars($_GET['name']);",
    "<?php $config = ['db' => 'shop'];",
    "<?php $system = 1; require 'x.php';",
    "<?php class Mailer { function run() { return $this->execute(); } }",
    "<%= order.total %>",
    "",
]


@pytest.mark.parametrize("head", SHELLS)
def test_content_of_web_shells(head: str) -> None:
    assert judge_content(head)[1]


@pytest.mark.parametrize("head", HARMLESS)
def test_content_of_pages(head: str) -> None:
    assert judge_content(head) == ("", False)


def test_halves_that_stand_apart_are_less_certain() -> None:
    assert judge_content("<?php $a = $_GET['a']; $b = f($a); system($b);") == (
        "reads requests and runs programs",
        False,
    )


SCRIPT_SHELLS = [
    ("python", "os.system(request.args.get('c'))", True),
    ("python", "return subprocess.check_output(request.form['c'], shell=True)", True),
    ("python", "q = os.environ['QUERY_STRING']\nprint(os.popen(q).read())", False),
    ("node", "app.get('/x', (req, res) => require('child_process').exec(req.query.c))", True),
    ("node", "eval(req.body.code)", True),
    ("node", "const cp = require('child_process');\nconst c = url.parse(u).query;", False),
    ("perl", "system($ENV{QUERY_STRING});", True),
    ("perl", "my $q = param('c');\nprint `$q`;", False),
    ("shell", 'eval "$QUERY_STRING"', True),
]
SCRIPTS = [
    ("python", "subprocess.run(['gzip', name], check=True)"),
    ("python", "return render(request.args['name'])"),
    ("node", "const { execSync } = require('child_process'); execSync('mkdir -p dist');"),
    ("node", "http.createServer((req, res) => res.end(req.url))"),
    ("perl", "print $ENV{QUERY_STRING};"),
    ("shell", 'echo "$QUERY_STRING"'),
]


@pytest.mark.parametrize(("code", "head", "certain"), SCRIPT_SHELLS)
def test_content_of_web_shells_in_scripts(code: str, head: str, certain: bool) -> None:
    runs, sure = judge_content(head, code)
    assert runs
    assert sure is certain


@pytest.mark.parametrize(("code", "head"), SCRIPTS)
def test_content_of_scripts(code: str, head: str) -> None:
    assert judge_content(head, code) == ("", False)


@pytest.mark.parametrize(
    ("path", "code", "head", "lines", "severity"),
    [
        (
            "/srv/www/cgi-bin/x.py",
            "python",
            SCRIPT_SHELLS[0][1],
            ['"GET /cgi-bin/x.py?c=id HTTP/1.1" 200 -'],
            "critical",
        ),
        (
            "/srv/api/routes/debug.js",
            "node",
            SCRIPT_SHELLS[3][1],
            ['"GET /debug?c=id HTTP/1.1" 200 -'],
            "critical",
        ),
        (
            "/app/routes/debug/index.js",
            "node",
            SCRIPT_SHELLS[3][1],
            ['"GET /debug?c=id HTTP/1.1" 200 -'],
            "critical",
        ),
        ("/app/routes/debug.js", "node", SCRIPT_SHELLS[3][1], [], "high"),
        ("/app/server.js", "node", SCRIPT_SHELLS[5][1], [], "low"),
        ("/app/server.js", "node", SCRIPTS[2][1], [], None),
        ("/app/node_modules/x/debug.js", "node", SCRIPT_SHELLS[3][1], [], None),
        ("/usr/lib/x.js", "node", SCRIPT_SHELLS[3][1], [], None),
    ],
)
def test_web_shells_among_the_code_of_services(
    tmp_path: Path, path: str, code: str, head: str, lines: list[str], severity: str | None
) -> None:
    items = {"layer.jsonl": [file(path, code=code, head=head)], "logs/tail.jsonl": log(*lines)}
    assert grades(findings_of(tmp_path, items)).get("web-shell") == severity


@pytest.mark.parametrize("item", ["layer.jsonl", "volumes.jsonl"])
def test_a_web_shell_that_was_used_is_critical(tmp_path: Path, item: str) -> None:
    lines = log(
        '10.0.0.9 - - "GET /uploads/shell.php?cmd=id HTTP/1.1" 200 54',
        '10.0.0.9 - - "GET /uploads/shell.php HTTP/1.1" 404 12',
        '10.0.0.9 - - "GET /uploads/shell.php.bak HTTP/1.1" 200 12',
        '10.0.0.9 - - "POST /uploads/shell.php HTTP/1.1" 200 54',
    )
    rows = [file("/x"), file("/var/www/html/uploads/shell.php", code="php", head=SHELL)]
    found = findings_of(tmp_path, {item: rows, "logs/tail.jsonl": lines, "logs/hits.jsonl": lines[:1]})
    shell = next(f for f in found if f.rule == "web-shell")
    assert (shell.severity, shell.confidence, shell.technique) == ("critical", "high", "T1505.003")
    assert shell.sentence == (
        "/var/www/html/uploads/shell.php was added 89 min after the container started, holds PHP code that"
        " runs what a request says and was requested twice."
    )
    assert [(ref.path.split("/", 3)[3], ref.line) for ref in shell.evidence] == [
        (item, 2),
        ("logs/hits.jsonl", 1),
        ("logs/tail.jsonl", 4),
    ]
    assert shell.next.endswith("'containers=shop keyword=shell.php'")


def test_a_web_shell_that_docker_diff_does_not_show(tmp_path: Path) -> None:
    rows = [file("/var/www/html/a.php", code="php", head=SHELL, in_diff=False, kind="C", mtime=BEFORE)]
    found = findings_of(tmp_path, {"layer.jsonl": rows})
    assert grades(found) == {"web-shell": "high"}
    assert "is not shown by docker diff" in found[0].sentence


CODE_FILES: list[tuple[dict[str, Any], str | None]] = [
    (file("/var/www/html/new.php", code="php", head="<?php echo 1;"), "medium"),
    (file("/var/www/html/uploads/p.php", code="php", head="<?php echo 1;"), "medium"),
    (file("/var/www/html/setup.php", code="php", head="<?php echo 1;", ctime=SOON), "low"),
    (file("/usr/local/tomcat/webapps/ROOT/x.jsp", code="jsp", head="<%= 1 %>"), "medium"),
    (file("/var/www/html/cache/views/ab12.php", code="php", head="<?php echo 1;"), None),
    (file("/var/www/html/wp-content/cache/p.php", code="php", head="<?php echo 1;"), None),
    (file("/var/www/html/storage/framework/views/1.php", code="php", head="<?php echo $x;"), None),
    (file("/var/www/html/wp-config.php", code="php", head="<?php define('A', 1);"), None),
    (file("/srv/app/__pycache__/a.pyc", code="python"), None),
    (file("/srv/app/tool.py", code="python", head="import os"), None),
    (file("/usr/local/tomcat/work/Catalina/a.jsp", code="jsp"), None),
    (file("/opt/app/new.php", code="php"), None),
    (file("/var/www/html/cache/x.php", code="php", head=SHELL), "high"),
    (file("/var/www/html/style.css"), None),
    (file("/usr/lib/cgi-bin/x.sh", code="shell", head="#!/bin/sh"), "medium"),
]


@pytest.mark.parametrize(("row", "severity"), CODE_FILES)
def test_code_in_the_web_root(tmp_path: Path, row: dict[str, Any], severity: str | None) -> None:
    found = findings_of(tmp_path, {"layer.jsonl": [row]})
    assert [f.severity for f in found] == ([severity] if severity else [])


def test_an_application_unpacked_at_the_start_accuses_nobody(tmp_path: Path) -> None:
    head = "<?php $a = $_GET['a']; exec('convert');"
    rows = [file(f"/var/www/html/wp-{n}.php", code="php", head=head, ctime=SOON) for n in range(60)]
    lines = log('"GET /wp-3.php HTTP/1.1" 200 1')
    found = findings_of(tmp_path, {"volumes.jsonl": rows, "logs/tail.jsonl": lines})
    assert max(severity_level(f.severity) for f in found) <= severity_level("low")


def test_many_ordinary_files_are_one_finding(tmp_path: Path) -> None:
    rows = [file(f"/var/www/html/plugin/{n}.php", code="php", head="<?php") for n in range(300)]
    found = findings_of(tmp_path, {"layer.jsonl": rows})
    assert grades(found) == {"web-code-changed": "medium"}
    assert found[0].sentence.startswith("300 files with server-side code")
    assert len(found[0].evidence) == 20


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("/var/www/html/a.php", "/var/www/html"),
        ("/var/www/site/a.php", "/var/www"),
        ("/var/wwwx/a.php", None),
        ("/etc/a.php", None),
    ],
)
def test_the_longest_web_root_is_taken(path: str, root: str | None) -> None:
    assert web_root(path) == root


# ---- executables


@pytest.mark.parametrize(
    ("state", "path", "items", "severity"),
    [
        ("image", "/usr/bin/x", {}, None),
        ("unknown", "/usr/bin/x", {}, None),
        ("upper", "/opt/x", {"changes.jsonl": [{"path": "/opt/x", "kind": "A"}]}, "high"),
        ("upper", "/usr/bin/x", {"changes.jsonl": [{"path": "/usr/bin/x", "kind": "C"}]}, "high"),
        ("deleted", "/tmp/x", {}, "high"),
        ("deleted", "/tmp/x (deleted)", {}, "high"),
        ("deleted", "/usr/sbin/nginx", {"changes.jsonl": [{"path": "/usr/sbin/nginx", "kind": "C"}]}, "low"),
        ("deleted", "/usr/sbin/nginx", {"changes.jsonl": [{"path": "/usr/sbin/nginx", "kind": "D"}]}, "low"),
        ("memfd", "/memfd:x", {}, "high"),
        ("volume", "/data/x", {}, None),
        ("volume", "/data/x", {"volumes.jsonl": [file("/data/x", ctime=BEFORE)]}, None),
        ("volume", "/data/x", {"volumes.jsonl": [file("/data/x", ctime=SOON)]}, "low"),
        ("volume", "/data/x", {"volumes.jsonl": [file("/data/x", ctime=LATER)]}, "high"),
        ("volume", "/dev/shm/x", {}, "high"),
        ("volume", "/scratch/x", {}, "high"),
    ],
)
def test_executables(
    tmp_path: Path, state: str, path: str, items: dict[str, Any], severity: str | None
) -> None:
    rows = [process(100, 1, "/sbin/tini"), process(101, 100, path, state=state)]
    mounts = [
        {"Type": "volume", "Destination": "/data"},
        {"Type": "tmpfs", "Destination": "/scratch"},
    ]
    found = findings_of(tmp_path, {"processes.jsonl": rows, "inspect.json": inspect(mounts=mounts), **items})
    assert grades(found) == ({f"{state}-executable": severity} if severity else {})


def test_copies_of_one_executable_are_one_finding(tmp_path: Path) -> None:
    rows = [process(101 + n, 1, "/tmp/x", state="deleted") for n in range(5)]
    found = findings_of(tmp_path, {"processes.jsonl": rows})
    assert len(found) == 1
    assert found[0].sentence == (
        "x (PID 101 and 4 more) runs from /tmp/x, a file that was not in the image and is deleted."
    )


def test_a_container_made_of_a_copied_file_accuses_nobody_much(tmp_path: Path) -> None:
    rows = [process(100, 1, "/app", state="upper")]
    layer = [file("/app", ctime=BEFORE)]
    assert grades(findings_of(tmp_path, {"processes.jsonl": rows, "layer.jsonl": layer})) == {
        "upper-executable": "low"
    }


def test_runc_on_its_way_is_no_program_in_memory(tmp_path: Path) -> None:
    runc = "/memfd:runc_cloned:/proc/self/exe"
    own = process(100, 1, "/sbin/tini")
    starting = process(101, 9, runc, "runc", "init", state="memfd", capabilities="0000003fffffffff")
    assert findings_of(tmp_path / "a", {"processes.jsonl": [own, starting]}) == []
    inside = process(101, 100, runc, "runc", "init", state="memfd")
    assert grades(findings_of(tmp_path / "b", {"processes.jsonl": [own, inside]})) == {
        "memfd-executable": "high"
    }


def test_a_deleted_program_with_a_connection(tmp_path: Path) -> None:
    rows = [process(101, 1, "/tmp/x", state="deleted")]
    socket = {"state": "ESTABLISHED", "remote_address": "10.1.1.1", "remote_port": 443, "pid": 101}
    found = findings_of(tmp_path, {"processes.jsonl": rows, "sockets.jsonl": [socket]})
    assert grades(found) == {"deleted-executable": "high", "deleted-executable-connection": "high"}


# ---- unseen edits and dropped files


@pytest.mark.parametrize(
    ("row", "severity"),
    [
        (file("/usr/bin/ls", executable=True, code="elf", in_diff=False, content_changed=True), "high"),
        (file("/app/a.py", code="python", in_diff=False, content_changed=True), "high"),
        (file("/etc/app.conf", in_diff=False, content_changed=True), "medium"),
        (file("/var/lib/x.db", in_diff=False, content_changed=True), "low"),
        (file("/usr/bin/ls", executable=True, code="elf", in_diff=False, content_changed=False), None),
        (file("/usr/bin/ls", executable=True, code="elf", in_diff=False), None),
    ],
)
def test_edits_with_the_time_set_back(tmp_path: Path, row: dict[str, Any], severity: str | None) -> None:
    found = grades(findings_of(tmp_path, {"layer.jsonl": [row | {"kind": "C"}]}))
    assert found == ({"edited-unseen": severity} if severity else {})


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/tmp/x", True),
        ("/dev/shm/.x", True),
        ("/tmp/libnetty_x86_64.so", False),
        ("/usr/local/bin/x", False),
    ],
)
def test_executables_in_folders_for_temporary_files(tmp_path: Path, path: str, told: bool) -> None:
    rows = [file(path, executable=True, code="elf")]
    found = grades(findings_of(tmp_path, {"layer.jsonl": rows}))
    assert found == ({"dropped-executable": "medium"} if told else {})


def test_a_huge_layer_is_read_quickly(tmp_path: Path) -> None:
    rows = [file(f"/usr/lib/node_modules/p{n}/README-{'x' * 60}.md") for n in range(100_000)]
    rows[60_000] = file("/var/www/html/a.php", code="php", head=SHELL)
    items = {"layer.jsonl": rows, "inspect.json": inspect()}
    findings_of(tmp_path, {**items, "layer.jsonl": rows[:10]})
    began = time.process_time()
    found = findings_of(tmp_path, items)
    assert grades(found) == {"web-shell": "high"}
    assert time.process_time() - began < 6  # most of it is writing the rows
