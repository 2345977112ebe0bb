#!/usr/bin/python
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_network
short_description: Disconnect containers from their networks, or connect them as they were
version_added: 0.1.0
author:
  - The cordon.docker authors (@cordon-collections)
description:
  - Disconnects by the engine (C(docker network disconnect)), which also holds when the container is started
    again.
  - Records addresses, aliases, links, MAC, driver options and priority of each network, and connects with
    them again; what could not come back is told in C(notices).
  - Host networks and networks shared with another container have nothing to disconnect and are refused.
extends_documentation_fragment:
  - cordon.docker.engine
  - cordon.docker.changed
  - cordon.docker.attributes
  - cordon.docker.attributes.engine_group
attributes:
  check_mode:
    support: full
    details:
      - The plan is returned and nothing is changed.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - A container that already is as asked is left alone.
options:
  state:
    description:
      - V(disconnected) disconnects the containers.
      - V(connected) connects them as the undo record says. A network in O(networks) that the record does not
        know is joined plainly.
    type: str
    choices: [disconnected, connected]
    default: disconnected
  networks:
    description:
      - Names or IDs of networks; all of the container's when not given.
    type: list
    elements: str
seealso:
  - module: cordon.docker.container_link
  - module: cordon.docker.container_pause
"""

EXAMPLES = r"""
- name: Cut a container off from all its networks
  cordon.docker.container_network:
    containers: [dvwa]

- name: Cut it off from one of them
  cordon.docker.container_network:
    containers: [dvwa]
    networks: [shop_default]

- name: Connect it again with the addresses and aliases it had
  cordon.docker.container_network:
    containers: [dvwa]
    state: connected
"""

RETURN = r"""
containers:
  description:
    - The containers, an entry each. The task fails when one could not be changed; the entries of the others
      are
      returned all the same.
  returned: when the engine answers
  type: list
  elements: dict
  contains:
    id:
      description: The full ID; empty where there is no such container.
      type: str
      sample: 3c1c2f5cd2d1b7fb0e4b9e9f8d9cf0f3a2fb0a5f2f4a3b0d6b7b0d2c8f1a9e4d
    name:
      description: The name, or what was asked for where there is no such container.
      type: str
      sample: dvwa
    action:
      description: What was asked for.
      type: str
      sample: disconnect
    changed:
      description: Whether anything was changed, or in check mode would be.
      type: bool
      sample: true
    failed:
      description: Whether it was refused, or could not be done and verified.
      type: bool
      sample: false
    error:
      description: Why it failed; null otherwise.
      type: str
      sample: null
    refused:
      description: The refusal, null where there was none.
      type: dict
      sample: null
    notices:
      description: What has to be known about what was done, with a C(code) for programs and a C(sentence).
      type: list
      elements: dict
      sample: [{"code": "replaced_by_compose", "sentence": "The next docker compose up of shop/web will start
        a replacement."}]
    steps:
      description:
        - Each step in order, with its C(status), which is V(planned), V(verified), V(failed), V(undone),
          V(left)
          or V(gone), what was read back (C(sees)), when it began and how long it took (C(seconds)).
      type: list
      elements: dict
      sample: [{"step": "disconnect", "sentence": "Disconnect the container from the network bridge, where it
        has 172.17.0.2.", "status": "verified", "sees": "networks: none", "error": null}]
    verified:
      description: Whether all that was done was read back and holds; null where nothing was done.
      type: bool
      sample: true
    image:
      description: The image that was made, with C(id), C(name), C(size) in bytes and number of C(layers), or
        null.
      type: dict
      sample: null
    record:
      description: What is outstanding and can be taken back, or null. The host keeps the same in
        C(/run/cordon).
      type: dict
      sample: null
    custody:
      description: A line for the custody log for each step.
      type: list
      elements: dict
      sample: []
    seconds:
      description: How long the container took.
      type: float
      sample: 0.09
"""

from ansible_collections.cordon.docker.plugins.module_utils._containment.orders import (
    container_network,
    network_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._containment.wiring import run_module


def main() -> None:
    run_module(network_argument_spec(), container_network)


if __name__ == "__main__":
    main()
