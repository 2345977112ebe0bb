# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Raising one host: its tree, its namespaces, its engine; and running programs on it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from . import cgroups, network
from .keys import Keys
from .roots import Root
from .settings import GATEWAY, LAB, Host
from .shell import LabError, remove_tree, run, tail_of

_SCRIPTS = LAB / "hosts"
_PATIENCE = 60.0
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    # Debian's client has no buildx; the engine's own builder needs none.
    "DOCKER_BUILDKIT": "0",
}


def prepare(host: Host, keys: Keys, neighbours: Sequence[Host]) -> None:
    """Lay out the host's state: an upper layer with what makes this host this host."""
    for name in ("upper", "work", "root", "docker"):
        (host.state / name).mkdir(parents=True, exist_ok=True)
    upper = host.state / "upper"
    daemon = {"cgroup-parent": f"/{host.cgroup}/docker", **host.engine.daemon}
    names = "".join(f"{other.address} {other.name}\n" for other in neighbours)
    _write(upper / "etc/hostname", f"{host.name}\n")
    _write(upper / "etc/machine-id", f"{uuid.uuid4().hex}\n")
    _write(upper / "etc/hosts", f"127.0.0.1 localhost\n::1 localhost\n{names}")
    # Nobody answers there, at once; without a name server an engine would give its containers a public one.
    _write(upper / "etc/resolv.conf", f"nameserver {GATEWAY}\n")
    _write(upper / "etc/docker/daemon.json", json.dumps(daemon, indent=2) + "\n")
    _write(upper / "etc/ssh/ssh_host_ed25519_key", keys.of_host(host), 0o600)
    for script, target in (("boot.sh", "usr/local/sbin/lab-boot"), ("docker.sh", "etc/init.d/docker")):
        _write(upper / target, (_SCRIPTS / script).read_text(), 0o755)
    # uid 1000 and 1001 are what the recipe's useradd gives out.
    for home, owner in (("root", 0), ("home/responder", 1000), ("home/docker-member", 1001)):
        _authorize(upper / home, owner, keys.public)


def start(host: Host, root: Root) -> None:
    """Start the host's first process; it lives until its sshd ends or the lab is taken down."""
    host.log.parent.mkdir(parents=True, exist_ok=True)
    enter = [str(_SCRIPTS / "enter.sh"), str(root.path), str(host.state), host.name]
    spaces = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
    words = [*cgroups.inside(f"{host.cgroup}/init"), *network.inside(host.namespace), *spaces, "--"]
    with host.log.open("ab") as log:
        subprocess.Popen(
            [*words, *enter],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_for_engine(host: Host) -> str:
    """Wait until the engine answers; its version."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if version := engine_version(host):
            return version
        time.sleep(0.1)
    raise LabError(
        f"The engine of {host.name} ({host.engine.token}) did not answer within {_PATIENCE:.0f} s. "
        f"Its log ends:\n{tail_of(host.engine_log)}\nThe host's own log ends:\n{tail_of(host.log)}"
    )


def first_process(host: Host) -> int | None:
    """The number, on the machine, of the host's process 1; None when the host is down."""
    for pid in cgroups.processes(f"{host.cgroup}/init"):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        for line in status.splitlines():
            if line.startswith("NSpid:") and line.split()[1:] == [str(pid), "1"]:
                return pid
    return None


def engine_version(host: Host) -> str | None:
    """What the host's engine says it is; None when the host is down or its engine does not answer."""
    pid = first_process(host)
    if pid is None:
        return None
    connection = _EngineConnection(f"/proc/{pid}/root/run/docker.sock")
    try:
        connection.request("GET", "/version")
        answer = json.loads(connection.getresponse().read())
        return str(answer["Version"])
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def words_on(host: Host, argv: Sequence[str]) -> list[str]:
    """The words that run a command on the host as root."""
    pid = first_process(host)
    if pid is None:
        raise LabError(f"The lab host {host.name} is not up: raise it with `lab/lab up`.")
    environment = {**_ENVIRONMENT, "TERM": os.environ.get("TERM", "dumb")}
    settings = [f"{name}={value}" for name, value in environment.items()]
    spaces = ["--mount", "--uts", "--ipc", "--net", "--pid"]
    group = cgroups.inside(f"{host.cgroup}/init")
    return [*group, "nsenter", "--target", str(pid), *spaces, "--", "env", "-i", *settings, *argv]


def run_on(host: Host, argv: Sequence[str], *, stdin: str | bytes | None = None, timeout: float = 120) -> str:
    """The standard output of a command on the host that must succeed."""
    return run(words_on(host, argv), stdin=stdin, timeout=timeout)


def replace_by(host: Host, argv: Sequence[str]) -> None:
    """Become a command on the host: terminal, signals and exit code are the command's own."""
    words = words_on(host, argv)
    os.execvp(words[0], words)


def forget(host: Host) -> None:
    """Remove the state of a host that is down."""
    remove_tree(host.state)


class _EngineConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(5)
        self.sock.connect(self._path)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _authorize(home: Path, owner: int, public: str) -> None:
    # Folders made in an upper layer replace the owner and mode of the folder below.
    folder = home / ".ssh"
    _write(folder / "authorized_keys", public, 0o600)
    for path, mode in ((home, 0o700), (folder, 0o700), (folder / "authorized_keys", 0o600)):
        path.chmod(mode)
        os.chown(path, owner, owner)
