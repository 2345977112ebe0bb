#!/usr/bin/python
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: triage
short_description: Collect evidence of all containers of a host in one pass
version_added: 0.1.0
author:
  - The cordon.docker authors (@cordon-collections)
description:
  - Collects, in order of volatility, what an incident responder needs of all containers of a host, and leaves it there
    as one file for the controller to fetch. The action plugin of the same name fetches it, checks it, stores it in the
    case and removes it from the host.
  - Reads the host's C(/proc), cgroups, layers and log files, and the engine's API. Nothing of a container is executed.
  - Each item asked for has an outcome, V(collected), V(empty), V(missing), V(failed) or V(truncated), with the reason.
    One container's failure is its row, and nothing else.
extends_documentation_fragment:
  - cordon.docker.engine
  - cordon.docker.containers
  - cordon.docker.attributes
  - cordon.docker.attributes.info
  - cordon.docker.attributes.engine_group
options:
  case:
    description:
      - The case on the controller to store the evidence in, as C(cordon.docker.case_open) returns it.
      - Used by the action plugin only.
    type: path
  run:
    description:
      - The run of the case that this belongs to, as C(cordon.docker.case_open) returns it.
      - Used by the action plugin only.
    type: str
  since:
    description:
      - From when on engine events are taken and logs are searched, as a duration before now, such as V(30m), V(2h) or
        V(1d), or as an RFC 3339 time. With V(all), from their beginning.
    type: str
    default: 24h
  collectors:
    description:
      - The items to take. Without it, all are.
    type: list
    elements: str
    choices:
      - events
      - engine
      - host
      - processes
      - sockets
      - stats
      - links
      - inspect
      - top
      - changes
      - layer
      - volumes
      - log_tail
      - log_hits
      - history
      - image
  engine_views:
    description:
      - Whether to ask the engine itself for C(top) and C(diff) in any case.
      - With V(false), both are answered from the kernel where it can be read, from the same pass over C(/proc)
        and from the upper layer compared with the layers below. That does not start the host's C(ps) for each
        container, does not push events out of the engine's memory of 256, and does not walk the whole image as
        the engine's diff does. For 50 small containers, engines took 0.6 to 0.7 s for C(top) and 1.7 to 2.9 s
        for C(diff) when measured.
      - With V(true), each row of the layer says by C(in_diff) whether the engine's own diff has it.
      - The engine is asked either way where the kernel does not show the container, such as for a remote
        engine, and where the storage driver is no overlay.
    type: bool
    default: false
  log_lines:
    description:
      - How many lines of the end of each log to take.
    type: int
    default: 1000
  log_bytes:
    description:
      - How many bytes the end of each log may have.
    type: int
    default: 1048576
  log_search_bytes:
    description:
      - How many bytes of the newest part of each log are searched for O(log_patterns).
    type: int
    default: 67108864
  log_patterns:
    description:
      - Regular expressions to search the logs for, without regard to case. An empty list searches for none.
      - Without it, a built-in list looks for JNDI lookups, web shell commands, downloads that are piped to a shell,
        path traversal, SQL injection and the like.
    type: list
    elements: str
  budget:
    description:
      - How many seconds the collection may take. What was not reached by then has an outcome that says so.
    type: float
    default: 60.0
  item_bytes:
    description:
      - How many bytes one item may have; more is cut.
    type: int
    default: 67108864
  total_bytes:
    description:
      - How many bytes all items together may have before they are compressed.
    type: int
    default: 268435456
  staged_bytes:
    description:
      - How many bytes the compressed file on the host may have. It never takes more than half of what is free
        there.
    type: int
    default: 67108864
  hash_bytes:
    description:
      - Files up to this many bytes are hashed; larger ones have a reason in place of a hash.
    type: int
    default: 8388608
  stage_dir:
    description:
      - The folder on the host in which a private folder is made for the file.
      - Without it, the first of C(/dev/shm), C(/run) and the folder for temporary files that has room.
    type: path
  stage_owner:
    description:
      - The user of the host who fetches the file and removes it; the private folder is handed to that user.
      - Without it, the user that C(sudo) was called by, or the one the module runs as.
    type: str
  controller_time:
    description:
      - The controller's clock, RFC 3339, for the offset of the host's.
    type: str
  _library:
    description:
      - The part of this collection that runs on the host, as a zip in base64. The action plugin fills this in.
    type: str
"""

EXAMPLES = r"""
- name: Collect evidence of all containers
  cordon.docker.triage:
    case: "{{ opened.path }}"
    run: "{{ opened.run }}"

- name: Only of two containers, with the engine's own diff beside the layer on disk
  cordon.docker.triage:
    case: "{{ opened.path }}"
    run: "{{ opened.run }}"
    containers: [dvwa, shop]
    engine_views: true
    since: 2h
"""

RETURN = r"""
bundle:
  description: The file on the host.
  returned: success
  type: dict
  contains:
    path:
      description: Where it is.
      type: str
      sample: /dev/shm/cordon-ab12cd34/bundle.zip
    dir:
      description: The private folder it is in.
      type: str
      sample: /dev/shm/cordon-ab12cd34
    bytes:
      description: Its size.
      type: int
      sample: 183422
    sha256:
      description: Its hash.
      type: str
      sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
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
outcomes:
  description: How many items have each outcome.
  returned: success
  type: dict
  sample: {"collected": 58, "empty": 3, "missing": 9}
unknown:
  description: Names in O(containers) that the engine does not have.
  returned: success
  type: list
  elements: str
  sample: []
seconds:
  description: How long the collection took.
  returned: success
  type: float
  sample: 0.41
"""

from functools import partial

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import SELECTION_EXCLUSIVE
from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError
from ansible_collections.cordon.docker.plugins.module_utils._host.commands import whole
from ansible_collections.cordon.docker.plugins.module_utils._travelled import host_library
from ansible_collections.cordon.docker.plugins.module_utils._triage.options import (
    TriageOptions,
    whole_argument_spec,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={**whole_argument_spec(), "_library": {"type": "str", "no_log": True}},
        mutually_exclusive=[SELECTION_EXCLUSIVE],
        supports_check_mode=True,
    )
    try:
        options = TriageOptions.from_params(module.params)
        result = host_library(module.params["_library"], "_triage.run").triage(
            options, partial(whole, module.run_command)
        )
    except CordonError as exc:
        module.fail_json(msg=str(exc), exception=exc)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
