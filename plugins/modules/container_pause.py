#!/usr/bin/python
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_pause
short_description: Freeze containers, or let them run again
version_added: 0.1.0
author:
  - The cordon.docker authors (@cordon-collections)
description:
  - Freezes every process of a container (C(docker pause)), and reads back from the engine and from the kernel
    that they are frozen.
  - A paused container still has its network, its files and its memory, and still answers a ping.
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
      - V(paused) freezes the containers.
      - V(running) lets those that are paused run again.
    type: str
    choices: [paused, running]
    default: paused
seealso:
  - module: cordon.docker.container_commit
  - module: cordon.docker.container_network
"""

EXAMPLES = r"""
- name: Freeze what the intruder runs
  cordon.docker.container_pause:
    containers: [dvwa]

- name: Freeze every container of an image
  cordon.docker.container_pause:
    select: "[?Config.Image=='sagikazarmark/dvwa']"

- name: Let it run again
  cordon.docker.container_pause:
    containers: [dvwa]
    state: running
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
      sample: pause
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
      sample: [{"step": "pause", "sentence": "Freeze every process of the container.", "status": "verified",
        "sees": "paused: True; frozen by the kernel: True", "error": null}]
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
    container_pause,
    pause_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._containment.wiring import run_module


def main() -> None:
    run_module(pause_argument_spec(), container_pause)


if __name__ == "__main__":
    main()
