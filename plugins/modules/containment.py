#!/usr/bin/python
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: containment
short_description: Contain and release many containers of a host in one execution
version_added: 0.1.0
author:
  - The cordon.docker authors (@cordon-collections)
description:
  - What the other modules that change containers do, and besides O(action=isolate), O(action=hold) and
    O(action=release), for all chosen containers at once.
  - Each action is planned, gone through step by step, read back from the engine and the kernel, and taken
    back where it does not hold.
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
    support: partial
    details:
      - As the modules named after the actions; a commit of a running container makes an image each time.
options:
  action:
    description:
      - V(isolate) cuts a container off by the best means for its kind of network. Where the network is its
        own, its
        links are set down on the host, and a barrier (nftables) is put into its network namespace, which also
          stops
        raw frames and the engine's DNS resolver. Where others share the network, or it is the host's, the
          barrier is
        put around the container's own sockets. Where the container could take a barrier down (C(NET_ADMIN)),
          it is
        disconnected. Where none is safe it is refused.
      - V(hold) sets the restart policy to C(no).
      - V(release) takes back what the undo records tell, last step first. Without O(containers) and O(select)
        it takes
        all containers that have one.
      - V(pause), V(unpause), V(disconnect), V(connect), V(link_down), V(link_up), V(kill) and V(commit) are
        what the
        modules named after them do.
    type: str
    required: true
    choices: [commit, connect, disconnect, hold, isolate, kill, link_down, link_up, pause, unpause, release]
  networks:
    description:
      - Names or IDs of networks; all of the container's when not given.
    type: list
    elements: str
  with_sharers:
    description:
      - Whether containers that live in the network of a chosen one, as C(--network container:NAME) makes
        them, may
        be cut off with it.
    type: bool
    default: false
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
  pause:
    description:
      - Pause a running container while it is kept, and let it run again afterwards. One that is paused
        already
        stays so.
    type: bool
    default: true
  again:
    description:
      - Make another image of a state that was kept already.
    type: bool
    default: false
  repository:
    description:
      - The image's name; C(cordon/CASE) in small letters when not given.
    type: str
  tag:
    description:
      - The image's tag; the first 12 digits of the container's ID and the time in UTC when not given.
    type: str
  commit_timeout:
    description:
      - How long making the image may take, in seconds.
    type: int
    default: 600
seealso:
  - module: cordon.docker.container_pause
  - module: cordon.docker.container_network
  - module: cordon.docker.container_link
  - module: cordon.docker.container_kill
  - module: cordon.docker.container_commit
"""

EXAMPLES = r"""
- name: Cut containers off, each by the best means
  cordon.docker.containment:
    action: isolate
    containers: [dvwa, log4shell]
    case: INC-7
  become: true
  register: isolated

- name: See what it would do
  cordon.docker.containment:
    action: isolate
    containers: [dvwa]
  become: true
  check_mode: true

- name: Take back all that was done on this host
  cordon.docker.containment:
    action: release
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
      sample: isolate
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
    containment,
    containment_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._containment.wiring import run_module


def main() -> None:
    run_module(containment_argument_spec(), containment, named=False)


if __name__ == "__main__":
    main()
