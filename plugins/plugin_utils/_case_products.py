# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that is derived from the evidence of a case, written anew: the one place that knows what there is.

What one part cannot do keeps none of the others from being done; it is said, and fails the run where it was asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError, describe
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import dump_line
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import (
    baseline,
    correlations,
    database,
    sigma,
    sigma_compile,
    suppress,
    timeline,
    yara,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evaluate import evaluate, write_findings
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import Finding
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.ranking import rank
from ansible_collections.cordon.docker.plugins.plugin_utils._case import files
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._exchange import csv, navigator, stix
from ansible_collections.cordon.docker.plugins.plugin_utils._report import commands, html
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.receive import measure

T = TypeVar("T")

SIGMA = "sigma.jsonl"
YARA = "yara.jsonl"
EXPORTS: dict[str, Callable[[Path], Path]] = {
    "csv": csv.write_csv,
    "navigator": navigator.write_navigator,
    "stix": stix.write_stix,
}


@dataclass(frozen=True)
class Options:
    """What the responder brings, rules and files that allow findings, and what is to be made of the findings."""

    sigma_rules: tuple[Path, ...] = ()
    yara_rules: tuple[Path, ...] = ()
    suppress: tuple[Path, ...] = ()
    window: timeline.Window = field(default_factory=timeline.Window)
    exports: tuple[str, ...] = ()

    @classmethod
    def of(cls, args: dict[str, Any]) -> Options:
        """From a task's arguments that have passed SPEC. Raises InvalidOption."""
        rules, yara_rules, allowed = (
            tuple(Path.cwd() / path for path in args[name] or ())
            for name in ("sigma_rules", "yara_rules", "suppress")
        )
        window = timeline.Window.of(args["timeline_from"], args["timeline_to"], time.time())
        return cls(rules, yara_rules, allowed, window, tuple(dict.fromkeys(args["exports"] or ())))


SPEC: dict[str, dict[str, Any]] = {
    "sigma_rules": {"type": "list", "elements": "path"},
    "yara_rules": {"type": "list", "elements": "path"},
    "suppress": {"type": "list", "elements": "path"},
    "timeline_from": {"type": "str"},
    "timeline_to": {"type": "str"},
    "exports": {"type": "list", "elements": "str", "choices": list(EXPORTS)},
}


@dataclass
class Products:
    """`notes` are sentences for the table, `faults` what was asked for and could not be done; `told` goes to the
    custody log."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def active(self) -> list[Finding]:
        """Those that nobody allowed."""
        return [finding for finding in self.findings if finding.suppressed is None]


def write_products(case: Case, options: Options) -> Products:
    """Evaluate the case, and write all that follows from it.

    Raises InvalidOption for a suppress.yml that cannot be read as one, and what evaluating raises.
    """
    entries = suppress.load(case.path, options.suppress)
    products = Products()
    found = evaluate(case.path)
    found += _part(products, "The baselines", False, lambda: baseline.evaluate(case.path), [])
    found += _sigma(case, options, products)
    found += _yara(case, options, products)
    ranked = [finding for entry in rank(found) for finding in entry.findings]
    applied = suppress.apply(ranked, entries)
    products.findings = applied.findings
    products.notes += applied.told
    if applied.counts:
        products.told["suppressed"] = sum(applied.counts.values())
        sources = suppress.files_of(case.path, options.suppress)
        products.told["suppress_sha256"] = {path.name: measure(path)[1] for path in sources}
    write_findings(case.path, applied.findings)
    _views(case, products, options.window)
    for name in options.exports:
        _part(products, f"The export {name}", True, partial(EXPORTS[name], case.path), None)
    return products


def write_views(case: Case) -> list[str]:
    """Correlations, timeline and report anew, after a run that did something else than collect: what could not be."""
    products = Products()
    _views(case, products, timeline.Window())
    return products.notes


def _views(case: Case, products: Products, window: timeline.Window) -> None:
    """What people look at. It reads findings.jsonl, which is written by now, and the report reads the other two."""
    views: tuple[tuple[str, Callable[[], Path]], ...] = (
        ("The correlations", lambda: correlations.write_correlations(case.path)),
        ("The timeline", lambda: timeline.write_timeline(case.path, window)),
        ("The report", lambda: html.write_report(case.path, commands.command)),
    )
    for what, write in views:
        _part(products, what, False, write, None)


def _sigma(case: Case, options: Options, products: Products) -> list[Finding]:
    """case.sqlite, and the rules over it: ours where pySigma is there, the responder's in any case."""
    asked = bool(options.sigma_rules)
    built = _part(products, f"{database.NAME}", asked, lambda: database.build(case.path), None)
    if built is None or not (asked or sigma_compile.is_available()):
        return []
    paths = [sigma_compile.OWN_RULES, *options.sigma_rules]
    outcome = _part(products, "The Sigma rules", asked, lambda: sigma.run(built, paths), sigma.Outcome())
    if outcome.rules:
        files.replace(case.path / SIGMA, b"".join(dump_line(rule.to_json()) for rule in outcome.rules))
        products.told["sigma"] = outcome.counts
        if asked:
            products.notes.append(f"{outcome.told} Which and why: {SIGMA}")
    return outcome.findings


def _yara(case: Case, options: Options, products: Products) -> list[Finding]:
    if not options.yara_rules:
        return []
    outcome = _part(
        products, "The YARA rules", True, lambda: yara.run(case.path, options.yara_rules), yara.Outcome()
    )
    files.replace(case.path / YARA, b"".join(dump_line(row) for row in outcome.rows))
    products.told["yara"] = outcome.counts
    products.notes.append(f"{outcome.told} What was not looked at and why: {YARA}")
    return outcome.findings


def _part(products: Products, what: str, asked: bool, work: Callable[[], T], otherwise: T) -> T:
    """What a part makes; where it fails, a fault if it was asked for, else a note."""
    try:
        return work()
    except CordonError as exc:
        (products.faults if asked else products.notes).append(describe(exc))
    except Exception as exc:  # noqa: BLE001 - evidence is hostile, and a view that fails must not cost the table
        (products.faults if asked else products.notes).append(f"{what} could not be used: {describe(exc)}")
    return otherwise
