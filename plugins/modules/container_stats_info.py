#!/usr/bin/python
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_stats_info
short_description: What containers use of a host
version_added: 0.1.0
author:
  - The cordon.docker authors (@cordon-collections)
description:
  - Tells for each container what C(docker stats) shows, as numbers.
  - Takes two samples of all containers at once, so that many take as long as one.
  - A container that does not run uses nothing, which is no error.
extends_documentation_fragment:
  - cordon.docker.engine
  - cordon.docker.containers
  - cordon.docker.attributes
  - cordon.docker.attributes.info
  - cordon.docker.attributes.engine_group
options:
  interval:
    description:
      - How many seconds lie between the two samples, from 0.1 to 60. The CPU use is that of this time.
      - Engine 20.10 answers only once a second, so that less than V(1.0) gains nothing there.
    type: float
    default: 1.0
seealso:
  - module: cordon.docker.container_info
  - module: cordon.docker.container_top_info
"""

EXAMPLES = r"""
- name: Show what the containers use
  cordon.docker.container_stats_info:
  register: stats

- name: Show those that keep a core busy
  ansible.builtin.debug:
    msg: "{{ stats.containers | selectattr('cpu_percent', 'gt', 90) | map(attribute='name') }}"

- name: Look at one for ten seconds
  cordon.docker.container_stats_info:
    containers: [miner]
    interval: 10
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
      sample: miner
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
    cpu_percent:
      description: CPU time used between the samples; V(100) is one core kept busy.
      type: float
      sample: 198.7
    cpus_online:
      description: How many cores the host has.
      type: int
      sample: 2
    memory_bytes:
      description: Memory in use in bytes, without page cache that can be dropped.
      type: int
      sample: 11202560
    memory_limit_bytes:
      description: How many bytes it may use; those of the host where there is no limit.
      type: int
      sample: 25277030400
    memory_percent:
      description: What is used of the limit.
      type: float
      sample: 0.04
    network:
      description: What it received and sent since it was started, over all its interfaces.
      type: dict
      contains:
        rx_bytes:
          description: Bytes received.
          type: int
          sample: 1046
        tx_bytes:
          description: Bytes sent.
          type: int
          sample: 26
    block:
      description: What it read from and wrote to disks since it was started.
      type: dict
      contains:
        read_bytes:
          description: Bytes read.
          type: int
          sample: 8192
        write_bytes:
          description: Bytes written.
          type: int
          sample: 4096
    pids:
      description: How many processes and threads it has.
      type: int
      sample: 3
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cordon.docker.plugins.module_utils._engine.info import (
    container_stats_info,
    stats_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import SELECTION_EXCLUSIVE
from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError


def main() -> None:
    module = AnsibleModule(
        argument_spec=stats_argument_spec(),
        mutually_exclusive=[SELECTION_EXCLUSIVE],
        supports_check_mode=True,
    )
    try:
        answer = container_stats_info(module.params)
    except CordonError as exc:
        module.fail_json(msg=str(exc))
    if answer.failure:
        module.fail_json(msg=answer.failure, containers=answer.containers)
    module.exit_json(changed=False, containers=answer.containers)


if __name__ == "__main__":
    main()
