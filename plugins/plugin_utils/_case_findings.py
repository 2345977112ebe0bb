# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every run that brought evidence ends with: the findings of the case, and the hosts they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._errors import describe
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import Finding
from ansible_collections.cordon.docker.plugins.plugin_utils._case import files, hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.sealing import Ending, finish
from ansible_collections.cordon.docker.plugins.plugin_utils._case_products import Options, write_products
from ansible_collections.cordon.docker.plugins.plugin_utils._report.inventory import compromised, inventory
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.receive import measure

FINDINGS = "findings.jsonl"
INVENTORY = "compromised.yml"


@dataclass(frozen=True)
class Evaluated:
    """`findings` are those that nobody allowed; `suppressed` is how many somebody did. `fault` is why there are no
    findings, where evaluating failed; `faults` what was asked for beside them and could not be done."""

    findings: list[Finding]
    compromised: list[str]
    fault: str | None = None
    suppressed: int = 0
    notes: Sequence[str] = ()
    faults: Sequence[str] = ()
    details: dict[str, Any] = field(default_factory=dict)

    def told(self, case: Case) -> dict[str, Any]:
        """What the custody log says of it."""
        sealed = {} if self.fault else {"findings_sha256": measure(case.path / FINDINGS)[1]}
        return {"compromised": self.compromised, **sealed, **self.details}


@contextmanager
def closing(case: Case, asked: Mapping[str, Any] | None = None) -> Iterator[Ending]:
    """One at a time, where several runs end in the same case, and sealed as `asked` for when done. Raises OSError."""
    ending = Ending()
    with files.locked(case.path / ".closing"):
        yield ending
        finish(case, asked, ending)


def evaluate_case(case: Case, threshold: str, options: Options | None = None) -> Evaluated:
    """Evaluate, and write findings.jsonl, compromised.yml and all else that follows from the evidence anew."""
    try:
        products = write_products(case, options or Options())
    except Exception as exc:  # noqa: BLE001 - a rule that fails must not keep the evidence from being closed
        return Evaluated([], [], describe(exc))
    findings = products.active
    chosen = compromised(findings, hosts.names(case.path), threshold)
    files.replace(case.path / INVENTORY, inventory(chosen, threshold).encode())
    suppressed = len(products.findings) - len(findings)
    return Evaluated(
        findings, chosen, None, suppressed, tuple(products.notes), tuple(products.faults), products.told
    )


def problem(case: Case, fault: str | None, unknown: Sequence[str], faults: Sequence[str] = ()) -> str | None:
    """Why a run that reached its hosts fails all the same."""
    if fault is not None:
        return f"The evidence in {case.path} is safe, but it could not be evaluated: {fault}"
    if faults:
        return " ".join(faults)
    if unknown:
        named = ", ".join(unknown)
        return f"No host that was reached has a container named {named}. What was found is in the case."
    return None
