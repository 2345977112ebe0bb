#!/usr/bin/python
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hunt
short_description: Look for indicators of compromise in all containers of a host in one pass
version_added: 0.2.0
author:
  - The cordon.docker authors (@cordon-collections)
description:
  - Looks for hashes, paths, processes, addresses, images and log lines in all containers of a host, and sends what it
    found back with its answer, in one remote execution. The action plugin of the same name seals it in the case.
  - Reads the host's C(/proc), layers, volumes and log files, and the engine's API. Nothing of a container is executed,
    and nothing is left on the host.
  - Each kind of indicator has an outcome in each container, V(collected) where something was found, V(empty) where
    nothing was, and V(missing), V(failed) or V(truncated) with the reason where it could not be looked at in full.
extends_documentation_fragment:
  - cordon.docker.engine
  - cordon.docker.containers
  - cordon.docker.attributes
  - cordon.docker.attributes.info
  - cordon.docker.attributes.engine_group
options:
  case:
    description:
      - The case on the controller to store the answer in, as C(cordon.docker.case_open) returns it.
      - Used by the action plugin only.
    type: path
  run:
    description:
      - The run of the case that this belongs to, as C(cordon.docker.case_open) returns it.
      - Used by the action plugin only.
    type: str
  sha256:
    description:
      - SHA-256 hashes to compare with the executables of running processes, also deleted ones and those in memory,
        with the files that a container added or changed, with the files in its volumes, and with the digests of its
        image.
      - Files of the image itself are hashed only while they run.
    type: list
    elements: str
  path:
    description:
      - Regular expressions for paths of the files that a container added, changed or deleted, of the files in its
        volumes, and of the executables and open files of its processes.
    type: list
    elements: str
  process:
    description:
      - Regular expressions for the command lines, executables and names of processes.
    type: list
    elements: str
  remote:
    description:
      - Addresses or networks, such as V(203.0.113.7) or V(10.0.0.0/8), at the other end of a socket.
    type: list
    elements: str
  image:
    description:
      - Regular expressions for names, tags, IDs and digests of images.
    type: list
    elements: str
  log:
    description:
      - Regular expressions for lines of the log.
    type: list
    elements: str
  since:
    description:
      - From when on logs are searched, as a duration before now, such as V(30m), V(2h) or V(1d), or as an RFC 3339
        time. With V(all), from their beginning.
    type: str
    default: all
  budget:
    description:
      - How many seconds the hunt may take. What was not reached by then has an outcome that says so.
    type: float
    default: 120.0
  hash_bytes:
    description:
      - Files up to this many bytes are hashed.
    type: int
    default: 67108864
  hash_total_bytes:
    description:
      - How many bytes of files are hashed on the host in all, executables of processes aside.
    type: int
    default: 4294967296
  log_search_bytes:
    description:
      - How many bytes of the newest part of each log are searched.
    type: int
    default: 268435456
  answer_bytes:
    description:
      - How many bytes the compressed answer may have.
    type: int
    default: 4194304
  stage_dir:
    description:
      - The folder on the host in which a private folder is made while the answer is put together.
      - Without it, the first of C(/dev/shm), C(/run) and the folder for temporary files that has room.
    type: path
  controller_time:
    description:
      - The controller's clock, RFC 3339, for the offset of the host's.
    type: str
  _library:
    description:
      - The part of this collection that runs on the host, as a zip in base64. The action plugin fills this in.
    type: str
seealso:
  - module: cordon.docker.triage
"""

EXAMPLES = r"""
- name: Who talks to that network, or runs that program?
  cordon.docker.hunt:
    case: "{{ opened.path }}"
    run: "{{ opened.run }}"
    remote: [203.0.113.0/24]
    process: ['\bkdevtmpfsi\b']
    sha256: [9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08]
"""

RETURN = r"""
bundle:
  description: The answer, as a zip.
  returned: success
  type: dict
  contains:
    path:
      description: Where it was put together.
      type: str
      sample: /dev/shm/cordon-ab12cd34/bundle.zip
    dir:
      description: The private folder that it was in, and that is gone.
      type: str
      sample: /dev/shm/cordon-ab12cd34
    bytes:
      description: Its size.
      type: int
      sample: 1834
    sha256:
      description: Its hash.
      type: str
      sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    content:
      description: The zip in base64.
      type: str
      sample: UEsDBA==
host:
  description: The host and its engine, in brief.
  returned: success
  type: dict
  sample: {"hostname": "web1", "clock_offset_seconds": 0.2}
containers:
  description: How many containers were found in each state.
  returned: success
  type: dict
  sample: {"running": 4, "exited": 1}
hits:
  description: How many hits there are of each kind that was asked for.
  returned: success
  type: dict
  sample: {"remote": 1, "process": 0}
outcomes:
  description: How many items have each outcome.
  returned: success
  type: dict
  sample: {"collected": 2, "empty": 13}
unknown:
  description: Names in O(containers) that the engine does not have.
  returned: success
  type: list
  elements: str
  sample: []
seconds:
  description: How long it took.
  returned: success
  type: float
  sample: 0.21
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import SELECTION_EXCLUSIVE
from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError
from ansible_collections.cordon.docker.plugins.module_utils._hunt.options import (
    HuntOptions,
    whole_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._travelled import host_library


def main() -> None:
    module = AnsibleModule(
        argument_spec={**whole_argument_spec(), "_library": {"type": "str", "no_log": True}},
        mutually_exclusive=[SELECTION_EXCLUSIVE],
        supports_check_mode=True,
    )
    try:
        options = HuntOptions.from_params(module.params)
        result = host_library(module.params["_library"], "_hunt.run").hunt(options)
    except CordonError as exc:
        module.fail_json(msg=str(exc), exception=exc)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
