#!/usr/bin/python
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_top_info
short_description: Which processes run in containers
version_added: 0.1.0
author:
  - The cordon.docker authors (@cordon-collections)
description:
  - Tells for each container what C(docker top) shows, by name. A shell beneath a server is a sign of a
    break-in.
  - The engine runs the B(host's) C(ps) for it, nothing of the container, and does so for paused containers
    too.
  - A container that does not run has no processes, which is no error.
extends_documentation_fragment:
  - cordon.docker.engine
  - cordon.docker.containers
  - cordon.docker.attributes
  - cordon.docker.attributes.info
  - cordon.docker.attributes.engine_group
options:
  ps_args:
    description:
      - Options for the host's C(ps), which have to make it show a column titled C(PID).
      - Without them the engine uses C(-ef).
    type: str
seealso:
  - module: cordon.docker.container_info
  - module: cordon.docker.container_stats_info
"""

EXAMPLES = r"""
- name: Show the processes of all containers
  cordon.docker.container_top_info:
  register: top

- name: Show the shells
  ansible.builtin.debug:
    msg: "{{ top.containers | map(attribute='processes') | flatten | selectattr('command', 'match', '.*sh(
      |$)') }}"

- name: Show the threads, too
  cordon.docker.container_top_info:
    containers: [log4shell]
    ps_args: -eLo pid,ppid,lwp,user,comm
"""

RETURN = r"""
containers:
  description:
    - The containers, an entry each, in the order they were named, or by name.
    - The task fails when one could not be asked about; the entries of the others are returned all the same.
  returned: when the engine answers
  type: list
  elements: dict
  contains:
    id:
      description: The ID, null where there is no such container.
      type: str
      sample: 3c1c2f5cd2d1b7fb0e4b9e9f8d9cf0f3a2fb0a5f2f4a3b0d6b7b0d2c8f1a9e4d
    name:
      description: The name, or what was asked for where there is no such container.
      type: str
      sample: log4shell
    state:
      description: Such as V(running), V(paused) or V(exited).
      type: str
      sample: running
    failed:
      description: Whether the container could not be asked about.
      type: bool
      sample: false
    error:
      description: Why it could not; null otherwise.
      type: str
      sample: null
    processes:
      description:
        - The processes, in the order of the host's C(ps). Columns that are not named here appear under their
          titles in
          lower case.
      type: list
      elements: dict
      contains:
        pid:
          description: The process, as the host numbers it.
          type: int
          sample: 3601
        ppid:
          description: Its parent, as the host numbers it; null where C(ps) was not asked for it.
          type: int
          sample: 3580
        user:
          description: Its user, by the names the host knows.
          type: str
          sample: root
        command:
          description: Its command line.
          type: str
          sample: bash -i
        started:
          description: When it was started, in the words of C(ps).
          type: str
          sample: "04:05"
        cpu_time:
          description: CPU time it used.
          type: str
          sample: 00:00:01
        cpu:
          description: The column C(C) of C(ps).
          type: str
          sample: "0"
        tty:
          description: Its terminal.
          type: str
          sample: "?"
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cordon.docker.plugins.module_utils._engine.info import (
    container_top_info,
    top_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import SELECTION_EXCLUSIVE
from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError


def main() -> None:
    module = AnsibleModule(
        argument_spec=top_argument_spec(),
        mutually_exclusive=[SELECTION_EXCLUSIVE],
        supports_check_mode=True,
    )
    try:
        answer = container_top_info(module.params)
    except CordonError as exc:
        module.fail_json(msg=str(exc))
    if answer.failure:
        module.fail_json(msg=answer.failure, containers=answer.containers)
    module.exit_json(changed=False, containers=answer.containers)


if __name__ == "__main__":
    main()
