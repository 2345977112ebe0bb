# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SSH keys of the lab: made on the spot, kept for the next run, never in the repository."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from .settings import CACHE, RUN, Host
from .shell import run

# Hosts are prepared at the same time, and share the responder's key.
_MAKING = threading.Lock()


@dataclass(frozen=True)
class Keys:
    """A folder with the responder's key and one key per host, which every lab of the machine shares."""

    folder: Path = CACHE / "keys"

    @property
    def identity(self) -> Path:
        """The private key that opens every account of the lab."""
        return self.folder / "responder"

    @property
    def known_hosts(self) -> Path:
        """The hosts' real keys, so that connections can insist on them."""
        return RUN / "known_hosts"

    @property
    def public(self) -> str:
        """The line for authorized_keys."""
        return _pair(self.identity)[1]

    def of_host(self, host: Host) -> str:
        """The private key of a host's sshd."""
        return _pair(self.folder / f"host-{host.name}")[0]

    def pin(self, hosts: list[Host]) -> None:
        """Write known_hosts for the fleet."""
        lines = []
        for host in hosts:
            kind, key = _pair(self.folder / f"host-{host.name}")[1].split()[:2]
            lines.append(f"{host.name},{host.address} {kind} {key}\n")
        RUN.mkdir(parents=True, exist_ok=True)
        self.known_hosts.write_text("".join(lines))


def _pair(path: Path) -> tuple[str, str]:
    public = path.with_name(f"{path.name}.pub")
    with _MAKING:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = path.with_name(f"{path.name}.new")
            new.unlink(missing_ok=True)
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", new])
            # The private half last: where it is, the pair is whole.
            new.with_name(f"{new.name}.pub").replace(public)
            new.replace(path)
    return path.read_text(), public.read_text()
