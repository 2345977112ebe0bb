# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be asked of a containment: its own options, those of the engine, and those of a triage before it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.cordon.docker.plugins.module_utils._engine.options import engine_argument_spec
from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption
from ansible_collections.cordon.docker.plugins.module_utils._triage.options import triage_argument_spec
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import SEVERITIES

Spec = Mapping[str, Mapping[str, Any]]

LEVELS = {
    "pause": "pause",
    "isolate": "isolate",
    "disconnect": "disconnect",
    "link": "link_down",
    "kill": "kill",
}
SELECTION: Spec = {"containers": {"type": "list", "elements": "str"}, "select": {"type": "str"}}
THRESHOLD: Spec = {"threshold": {"type": "str", "default": "high", "choices": list(SEVERITIES)}}
OVERRIDES: Spec = {
    "with_sharers": {"type": "bool", "default": False},
    "allow_removal": {"type": "bool", "default": False},
    "reason": {"type": "str", "default": ""},
}
_BOTH: Spec = {"parallel": {"type": "int", "default": 8}}
_OF_TRIAGE = frozenset(triage_argument_spec()) - {"case", "run", "stage_owner", "controller_time"}


@dataclass(frozen=True)
class Options:
    """`own` are checked and complete; the others go on as they are, to the modules that know them."""

    own: Mapping[str, Any]
    engine: Mapping[str, Any]
    triage: Mapping[str, Any]

    @classmethod
    def of(cls, args: Mapping[str, Any], spec: Spec) -> Options:
        """Raises InvalidOption with a sentence for each option that cannot be used."""
        spec = {**_BOTH, **spec}
        engine_names = _names(engine_argument_spec())
        engine = {name: value for name, value in args.items() if name in engine_names}
        triage = {name: value for name, value in args.items() if name in _OF_TRIAGE and name not in spec}
        own = {name: value for name, value in args.items() if name not in engine and name not in triage}
        checked = ArgumentSpecValidator(dict(spec), mutually_exclusive=[("containers", "select")]).validate(
            own
        )
        if checked.error_messages:
            raise InvalidOption("; ".join(checked.error_messages))
        parallel = {"parallel": checked.validated_parameters["parallel"]}
        return cls(checked.validated_parameters, {**engine, **parallel}, triage)


def explained(own: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """What of the evidence is waived, with the reason. Raises InvalidOption where there is no reason."""
    waived = {name: True for name in overrides if own.get(name)}
    if waived and not str(own["reason"]).strip():
        named = " and ".join(waived)
        raise InvalidOption(
            f'{named} gives up evidence, and the custody log has to say why: add -e reason="…", one sentence.'
        )
    return waived


def _names(spec: Spec) -> frozenset[str]:
    return frozenset(name for key, option in spec.items() for name in (key, *option.get("aliases", ())))
