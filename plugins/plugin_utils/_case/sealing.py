# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run is sealed when it is closed, as the responder asked for it: the same for every playbook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError, describe
from ansible_collections.cordon.docker.plugins.plugin_utils._case import encryption, stamping, store
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case, storing
from ansible_collections.cordon.docker.plugins.plugin_utils._case.seal import Seal, seal
from ansible_collections.cordon.docker.plugins.plugin_utils._case.signing import Signer

# The option of the actions that open and close a case, and of their roles.
SPEC: Mapping[str, Any] = {
    "type": "dict",
    "options": {
        "sign_key": {"type": "str", "no_log": False},
        "timestamp_url": {"type": "str"},
        "encrypt_to": {"type": "list", "elements": "str"},
        "evidence_store": {"type": "str"},
    },
}


@dataclass(frozen=True)
class Sealing:
    """What was asked for; nothing of it is an unsigned seal in the case's own folder."""

    signer: Signer | None = None
    timestamp_url: str | None = None
    recipients: encryption.Recipients | None = None
    store: store.Store | None = None

    @classmethod
    def of(cls, asked: Mapping[str, Any] | None) -> Sealing:
        """Raises CordonError for what would fail at the end of the run: a key, a library, an address."""
        asked = asked or {}
        key, url, place = (asked.get(name) for name in ("sign_key", "timestamp_url", "evidence_store"))
        recipients = [text for text in asked.get("encrypt_to") or () if text]
        if url:
            stamping.check_url(url)
        return cls(
            signer=Signer.of(Path(key).expanduser()) if key else None,
            timestamp_url=url or None,
            recipients=encryption.Recipients.of(recipients) if recipients else None,
            store=store.Store.of(place) if place else None,
        )


@dataclass
class Ending:
    """How the end of a run was sealed. `faults` are sentences: the evidence is safe, and something is missing."""

    seal: Seal | None = None
    stored: str | None = None
    faults: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """What the responder reads below the table."""
        sealed = [self.seal.sentence()] if self.seal else []
        return "\n".join([*sealed, *([self.stored] if self.stored else []), *self.faults])

    @property
    def result(self) -> dict[str, Any]:
        """What the task returns of it."""
        return {"seal": {"number": self.seal.number, "sha256": self.seal.sha256} if self.seal else None}


def finish(case: Case, asked: Mapping[str, Any] | None, ending: Ending) -> None:
    """Encrypt, seal and store. What goes wrong is told by the ending, since the run has a table to show."""
    try:
        sealing = Sealing.of(asked)
        if sealing.recipients is not None:
            encryption.encrypt_bags(case.path, sealing.recipients)
        ending.seal = seal(case.path, sealing.signer, sealing.timestamp_url)
        if ending.seal.fault:
            ending.faults += (f"There is no time stamp: {ending.seal.fault}",)
        if sealing.store is not None:
            ending.stored = sealing.store.push(case.path)
    except OSError as exc:
        ending.faults += (f"The case could not be sealed: {storing(case.path, exc)}",)
    except CordonError as exc:
        ending.faults += (f"The case could not be sealed as asked: {describe(exc)}",)
