#!/usr/bin/python
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_diff_info
short_description: Which files of containers differ from their images
version_added: 0.1.0
author:
  - The cordon.docker authors (@cordon-collections)
description:
  - Tells for each container what C(docker diff) shows. Code added to a web root is a sign of a break-in.
  - The engine compares mode, owner, size and time, not content, and looks at no volume. The module
    M(cordon.docker.triage) also reads the changed layer on disk.
  - Works on paused and exited containers.
extends_documentation_fragment:
  - cordon.docker.engine
  - cordon.docker.containers
  - cordon.docker.attributes
  - cordon.docker.attributes.info
  - cordon.docker.attributes.engine_group
seealso:
  - module: cordon.docker.container_info
"""

EXAMPLES = r"""
- name: Show what was changed in the containers
  cordon.docker.container_diff_info:
  register: diff

- name: Show the PHP files added
  ansible.builtin.debug:
    msg: "{{ item.changes | selectattr('kind', 'eq', 'A') | map(attribute='path') | select('search',
      '[.]php$') }}"
  loop: "{{ diff.containers }}"
  loop_control:
    label: "{{ item.name }}"
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
      sample: dvwa
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
    changes:
      description: What differs, by path.
      type: list
      elements: dict
      contains:
        path:
          description: The path inside the container.
          type: str
          sample: /var/www/html/uploads/x.php
        kind:
          description: V(A) for added, V(C) for changed, V(D) for deleted.
          type: str
          sample: A
    counts:
      description: How many paths.
      type: dict
      contains:
        added:
          description: How many were added.
          type: int
          sample: 2
        changed:
          description: How many were changed.
          type: int
          sample: 5
        deleted:
          description: How many were deleted.
          type: int
          sample: 0
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cordon.docker.plugins.module_utils._engine.info import (
    container_diff_info,
    info_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import SELECTION_EXCLUSIVE
from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError


def main() -> None:
    module = AnsibleModule(
        argument_spec=info_argument_spec(),
        mutually_exclusive=[SELECTION_EXCLUSIVE],
        supports_check_mode=True,
    )
    try:
        answer = container_diff_info(module.params)
    except CordonError as exc:
        module.fail_json(msg=str(exc))
    if answer.failure:
        module.fail_json(msg=answer.failure, containers=answer.containers)
    module.exit_json(changed=False, containers=answer.containers)


if __name__ == "__main__":
    main()
