#!/usr/bin/python
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_kill
short_description: Kill containers, and keep them from coming back
version_added: 0.1.0
author:
  - The cordon.docker authors (@cordon-collections)
description:
  - Sets the restart policy to C(no) and records what it was, sends the signal, and reads back that none of
    the container's processes is left on the host.
  - Refuses where evidence would be lost, and tells who will start a replacement (Compose, Swarm, Kubernetes,
    Nomad).
  - A paused container is only ever sent V(KILL), since the engine lets it run again to deliver any other
    signal.
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
  signal:
    description:
      - The signal, by name or number. With any other than V(KILL) the container may go on running.
    type: str
    default: KILL
  evidence:
    description:
      - Names or IDs of containers of which the case has a preserved file system. An image made by
        M(cordon.docker.container_commit) on the same engine is found without being named.
    type: list
    elements: str
  without_evidence:
    description:
      - Kill a container of which nothing is preserved.
    type: bool
    default: false
  allow_removal:
    description:
      - Kill a container that was started with C(--rm), which the engine then removes with its anonymous
        volumes.
    type: bool
    default: false
seealso:
  - module: cordon.docker.container_commit
  - module: cordon.docker.container_pause
"""

EXAMPLES = r"""
- name: Kill a container of which an image was made
  cordon.docker.container_kill:
    containers: [miner]

- name: Kill a container whose file system is in the case
  cordon.docker.container_kill:
    containers: [miner]
    evidence: [miner]

- name: Kill it, and with it what nobody preserved
  cordon.docker.container_kill:
    containers: [miner]
    without_evidence: true
    allow_removal: true
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
      sample: kill
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
      sample: {"code": "auto_remove", "why": "The container was started with --rm.", "instead": "Pause or
        isolate it, and preserve it first.", "override": "allow_removal"}
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
      sample: [{"step": "kill", "sentence": "Send KILL to the container's first process.", "status":
        "verified", "sees": "the container is exited; no process of it is left", "error": null}]
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
    container_kill,
    kill_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._containment.wiring import run_module


def main() -> None:
    run_module(kill_argument_spec(), container_kill)


if __name__ == "__main__":
    main()
