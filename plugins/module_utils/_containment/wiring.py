# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What main() of every module that changes containers does with the module object, once for all of them."""

from __future__ import annotations

from typing import Any, Callable, Dict, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError
from ansible_collections.cordon.docker.plugins.module_utils._host.commands import whole

from .orders import NAMED, Parameters, Run, Spec

Perform = Callable[[Parameters, Run, bool], Dict[str, Any]]


def run_module(spec: Spec, perform: Perform, named: bool = True) -> None:
    """Build the module, do what it is for, and end it: the only place here that fails or exits."""
    module = AnsibleModule(
        argument_spec=spec,
        mutually_exclusive=NAMED,
        required_one_of=NAMED if named else [],
        supports_check_mode=True,
    )
    try:
        found = perform(module.params, runner(module), module.check_mode)
    except CordonError as exc:
        module.fail_json(msg=str(exc), exception=exc)
    if not module._diff:
        found.pop("diff", None)
    if found.pop("failed", False):
        module.fail_json(**found)
    module.exit_json(**found)


def runner(module: AnsibleModule) -> Run:
    """Commands through the module; the sbin folders are looked into as well, which users' paths lack."""

    def run(command: Sequence[str], given: str | None) -> tuple[int, str, str]:
        path = module.get_bin_path(command[0], opt_dirs=["/usr/sbin", "/sbin"])
        if path is None:
            return 127, "", f"{command[0]} is not on the host"
        return whole(module.run_command, [path, *command[1:]], given)

    return run
