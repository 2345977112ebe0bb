# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's end of a task that comes without Ansible's frame for modules: see plugin_utils/_transport/direct.

The frame takes a host twice as long to unpack and read as all that a cut takes there, and what is to be cut off goes
on meanwhile. What it would do is done here, as far as modules of ours need it: options left open are filled in from
the host's environment, the work is done, and the answer is one line.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._entries import ENTRIES
from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError, SdkMissing
from ansible_collections.cordon.docker.plugins.module_utils._host.commands import spawned

_TRUE = frozenset(("y", "yes", "on", "1", "true", "t"))
_KINDS: Mapping[str, Any] = {
    "str": str,
    "path": str,
    "int": int,
    "float": float,
    "bool": lambda text: text.strip().lower() in _TRUE,
}


def main(order: str) -> None:
    """Carry out an order, and answer on standard output: the token that came with it, and JSON."""
    asked = json.loads(order)
    answer = {**carry_out(asked), "python": sys.executable}
    sys.stdout.write(f"\n{asked['token']}{json.dumps(answer)}\n")
    sys.stdout.flush()


def carry_out(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the module returns, a failure included."""
    try:
        parameters = settled(asked, os.environ)
        found = ENTRIES[asked["module"]].perform(parameters, spawned, bool(asked["check_mode"]))
    except SdkMissing as exc:
        # Nothing was done by then: it can be sent after.
        return {"failed": True, "msg": str(exc), "sdk_missing": True}
    except CordonError as exc:
        return {"failed": True, "msg": str(exc)}
    if not asked["diff"]:
        found.pop("diff", None)
    return found


def settled(asked: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """The parameters with what only the host knows: variables of its environment, and what its paths mean."""
    found = dict(asked["params"])
    for name, (variables, kind, default) in asked["fallbacks"].items():
        if found.get(name) is None:
            given = next((environment[variable] for variable in variables if variable in environment), None)
            found[name] = default if given is None else _KINDS[kind](given)
    for name in asked["paths"]:
        if isinstance(found.get(name), str):
            found[name] = os.path.expanduser(os.path.expandvars(found[name]))  # noqa: PTH111
    return found
