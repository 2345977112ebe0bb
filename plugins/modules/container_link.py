#!/usr/bin/python
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_link
short_description: Set the host's end of containers' links down, or up
version_added: 0.1.0
author:
  - The cordon.docker authors (@cordon-collections)
description:
  - Finds the host's end of every link of a container through the host's C(ip), never by running anything in
    the container, and sets it down.
  - A link is only touched where both ends are veth, each has the other's number, the kernel says that the
    other end is in this very container's network namespace, and it is a port of a bridge of the engine's.
  - Refuses macvlan and ipvlan, whose other end is a NIC of the host, and host and shared networks, and says
    what would work instead.
  - Addresses, routes, published ports and established connections stay as they are. A restart of the
    container makes a new link.
  - Needs root on the host, with C(ip) and C(nsenter).
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
      - V(down) sets the links down.
      - V(up) sets them up again.
    type: str
    choices: [down, up]
    default: down
  with_sharers:
    description:
      - Whether containers that live in the network of a chosen one, as C(--network container:NAME) makes
        them, may
        be cut off with it.
    type: bool
    default: false
seealso:
  - module: cordon.docker.container_network
  - module: cordon.docker.containment
"""

EXAMPLES = r"""
- name: Pull the cable
  cordon.docker.container_link:
    containers: [dvwa]
  become: true

- name: Plug it in again
  cordon.docker.container_link:
    containers: [dvwa]
    state: up
  become: true
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
      sample: link_down
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
      sample: [{"step": "link_down", "sentence": "Set veth5e1c0d8 (number 29), the host's end of the
        container's eth0, down.", "status": "verified", "sees": "veth5e1c0d8 is down", "error": null}]
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
    container_link,
    link_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._containment.wiring import run_module


def main() -> None:
    run_module(link_argument_spec(), container_link)


if __name__ == "__main__":
    main()
