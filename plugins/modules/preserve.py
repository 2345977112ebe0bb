#!/usr/bin/python
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: preserve
short_description: Stream bulk evidence of the containers of a host into a case
version_added: 0.1.0
author:
  - The cordon.docker authors (@cordon-collections)
description:
  - Reads file systems, changed layers, volumes, logs, executables, memory and more of the containers of a host, and
    streams them to the controller, where each item is hashed again and sealed in the case.
  - Nothing is written to the host's disk. Whatever the size of an item, at most O(staged_bytes) of it are on the host
    at a time, in memory; over SSH nothing but what a pipe holds.
  - The module starts a sender that goes on in the background until the action plugin of the same name has everything,
    and that ends by itself, leaving nothing, once nobody takes what it sends.
  - What an earlier run of the same case brought is not sent again where the source still begins with the same bytes.
    Image layers that the case holds, from whatever host, are not sent again either.
  - Each item asked for has an outcome, V(collected), V(empty), V(missing), V(failed) or V(truncated), with the reason.
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
  items:
    description:
      - The items to preserve. Without it, all but V(filesystem), V(committed_image), V(capture) and V(bind_content).
    type: list
    elements: str
    choices:
      - network
      - processes
      - executables
      - deleted_files
      - memory
      - capture
      - tmpfs
      - inspect
      - layer
      - layer_list
      - layer_diff
      - volumes
      - binds
      - bind_content
      - logs
      - history
      - filesystem
      - engine
      - image
      - committed_image
  item_bytes:
    description:
      - How many bytes one item may have; more is cut.
      - Without it, 8 GiB where O(items) is not given, and no bound where it is.
    type: int
  total_bytes:
    description:
      - How many bytes all items of a host together may have.
    type: int
    default: 1125899906842624
  hash_bytes:
    description:
      - Files up to this many bytes are hashed in the listing of a layer.
    type: int
    default: 1073741824
  memory:
    description:
      - Of which processes the memory is taken, as PIDs that the host numbers, V(drift) for those whose executable was
        not in the image, or V(all).
      - Memory is only read of processes that are paused or stopped.
    type: list
    elements: str
    default: [drift]
  memory_bytes:
    description:
      - How many bytes of memory are read of one process.
    type: int
    default: 2147483648
  bind_content:
    description:
      - Destinations in the container of bind mounts whose content is taken, V(*) for all.
    type: list
    elements: str
    default: []
  capture_seconds:
    description:
      - For how many seconds packets are captured.
    type: int
    default: 10
  capture_bytes:
    description:
      - How many bytes of packets are captured on one link.
    type: int
    default: 67108864
  committed_images:
    description:
      - Names of committed images to take. Without any, those that C(cordon.docker.container_commit) made.
    type: list
    elements: str
    default: []
  staged_bytes:
    description:
      - How many bytes may wait on the host to be fetched, where the connection fetches files.
    type: int
    default: 67108864
  chunk_bytes:
    description:
      - How many bytes are fetched at a time, where the connection fetches files.
    type: int
    default: 16777216
  compress:
    description:
      - Whether to compress what is sent. With V(auto), it is once the link turns out to be slower than compressing.
    type: str
    choices: [auto, always, never]
    default: auto
  transfer:
    description:
      - How the evidence travels. V(pipe) streams it through the connection's own ssh command and stages nothing.
        V(chunks) fetches numbered files, which works with every connection that can transfer files.
      - With V(auto), it is a pipe where the connection is C(ansible.builtin.ssh) without a password, or
        C(ansible.builtin.local).
    type: str
    choices: [auto, pipe, chunks]
    default: auto
  bytes_per_second:
    description:
      - How fast a host may send, V(0) for as fast as it can. Times O(senders) that is the bound of all together.
      - Used by the action plugin only.
    type: int
    default: 0
  senders:
    description:
      - How many hosts may send into the case at a time. The others wait for their turn.
      - Used by the action plugin only.
    type: int
    default: 8
  reserve_bytes:
    description:
      - How many bytes stay free on the controller's file system. Before they are touched, a host stops being listened
        to; what is whole by then stays whole.
      - Used by the action plugin only.
    type: int
    default: 268435456
  idle_seconds:
    description:
      - For how many seconds either side may be silent before the other leaves it.
    type: int
    default: 120
  budget:
    description:
      - How many seconds a host may take for everything.
      - Used by the action plugin only.
    type: int
    default: 86400
  stage_dir:
    description:
      - The folder on the host in which a private folder is made for what waits to be fetched.
      - Without it, the first of C(/dev/shm), C(/run) and the folder for temporary files that has room.
    type: path
  stage_owner:
    description:
      - The user of the host who fetches; the private folder is handed to that user.
      - Without it, the user that C(sudo) was called by, or the one the module runs as.
    type: str
  controller_time:
    description:
      - The controller's clock, RFC 3339, for the offset of the host's.
    type: str
  room_bytes:
    description:
      - How many bytes the controller has room for. The action plugin fills this in.
    type: int
    default: 1125899906842624
  known:
    description:
      - What the controller has of items already. The action plugin fills this in.
    type: list
    elements: dict
    default: []
  _library:
    description:
      - The part of this collection that runs on the host, as a zip in base64. The action plugin fills this in.
    type: str
"""

EXAMPLES = r"""
- name: Preserve what the containers of the host are made of
  cordon.docker.preserve:
    case: "{{ opened.path }}"
    run: "{{ opened.run }}"

- name: Only two items of one container, at ten megabytes a second
  cordon.docker.preserve:
    case: "{{ opened.path }}"
    run: "{{ opened.run }}"
    containers: [dvwa]
    items: [layer, logs]
    bytes_per_second: 10000000
"""

RETURN = r"""
status:
  description: V(collected) where all that was asked for has an outcome, V(failed) where the transfer ended early.
  returned: always
  type: str
  sample: collected
bag:
  description: The sealed bag, relative to the case.
  returned: when something was sealed
  type: str
  sample: web1/20260102T120000Z-preserve
items:
  description: How many items have each outcome.
  returned: always
  type: dict
  sample: {"collected": 58, "empty": 3, "missing": 9}
bytes:
  description: How many bytes of evidence the bag holds.
  returned: when something was sealed
  type: int
  sample: 524288000
transferred:
  description: How many bytes came over the connection.
  returned: when something was sealed
  type: int
  sample: 104857600
known_bytes:
  description: How many bytes did not, because the case held the blob.
  returned: when something was sealed
  type: int
  sample: 419430400
earlier_bytes:
  description: How many bytes did not, because an earlier run had brought them.
  returned: when something was sealed
  type: int
  sample: 0
partial:
  description: The bytes there are of items that are not whole, by their names. The next run goes on from there.
  returned: when something was sealed
  type: dict
  sample: {}
"""

from functools import partial

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cordon.docker.plugins.module_utils._engine.options import engine_argument_spec
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import (
    SELECTION_EXCLUSIVE,
    selection_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError
from ansible_collections.cordon.docker.plugins.module_utils._host.commands import whole
from ansible_collections.cordon.docker.plugins.module_utils._preserve.choice import choice_argument_spec
from ansible_collections.cordon.docker.plugins.module_utils._preserve.options import sending_argument_spec
from ansible_collections.cordon.docker.plugins.module_utils._travelled import host_library


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **engine_argument_spec(),
            **selection_argument_spec(),
            **choice_argument_spec(),
            **sending_argument_spec(),
            "_library": {"type": "str", "no_log": True},
        },
        mutually_exclusive=[SELECTION_EXCLUSIVE],
        supports_check_mode=True,
    )
    try:
        run = host_library(module.params["_library"], "_preserve.run")
        result = run.begin(module.params, partial(whole, module.run_command))
    except CordonError as exc:
        module.fail_json(msg=str(exc), exception=exc)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
