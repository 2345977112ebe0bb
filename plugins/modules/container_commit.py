#!/usr/bin/python
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_commit
short_description: Keep containers' file systems as images
version_added: 0.1.0
author:
  - The cordon.docker authors (@cordon-collections)
description:
  - Pauses the container, verifies that the pause held, and commits it (C(docker commit)), so that the scene
    is kept.
  - Labels the image with case, container, engine and time, and with what is not inside (volumes, binds and
    tmpfs never are).
  - The image carries the environment of the container, and the secrets in it.
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
      - A container that is paused, or does not run, is kept once; one that runs is kept each time.
options:
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
  - module: cordon.docker.container_kill
"""

EXAMPLES = r"""
- name: Keep the scene
  cordon.docker.container_commit:
    containers: [dvwa]
    case: INC-7
  register: kept

- name: Show the image
  ansible.builtin.debug:
    msg: "{{ kept.containers[0].image }}"
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
      sample: commit
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
      sample: [{"step": "commit", "sentence": "Keep the file system.", "status": "verified", "sees": "image
        sha256:458fc6f7cbfd", "error": null}]
    verified:
      description: Whether all that was done was read back and holds; null where nothing was done.
      type: bool
      sample: true
    image:
      description: The image that was made, with C(id), C(name), C(size) in bytes and number of C(layers), or
        null.
      type: dict
      sample: {"id": "sha256:458fc6f7cbfd13f7ef673cac26565fa2b38b3d2cf08ad0b1e1b7881afefd271e", "name":
        "cordon/inc-7:3c1c2f5cd2d1-20260203T040506Z", "size": 214748364, "layers": 5}
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
    commit_argument_spec,
    container_commit,
)
from ansible_collections.cordon.docker.plugins.module_utils._containment.wiring import run_module


def main() -> None:
    run_module(commit_argument_spec(), container_commit)


if __name__ == "__main__":
    main()
