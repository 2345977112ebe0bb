#!/usr/bin/python
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_info
short_description: What runs on a Docker host, and how it is set up
version_added: 0.1.0
author:
  - The cordon.docker authors (@cordon-collections)
description:
  - Tells for each container what C(docker ps) shows and what a responder reads from C(docker inspect), by
    name.
  - Takes running, paused and exited containers.
extends_documentation_fragment:
  - cordon.docker.engine
  - cordon.docker.containers
  - cordon.docker.attributes
  - cordon.docker.attributes.info
  - cordon.docker.attributes.engine_group
options:
  inspect:
    description:
      - Whether to return the engine's whole inspect document too.
      - It holds the container's environment, and so its secrets.
    type: bool
    default: false
seealso:
  - module: cordon.docker.container_stats_info
  - module: cordon.docker.container_top_info
  - module: cordon.docker.container_logs_info
  - module: cordon.docker.container_diff_info
"""

EXAMPLES = r"""
- name: Show what runs on the host
  cordon.docker.container_info:
  register: all_containers

- name: Show where the web shop's files are on the host
  cordon.docker.container_info:
    containers: [shop]
  register: shop

- name: Show the paths
  ansible.builtin.debug:
    msg: "{{ shop.containers[0].mounts | map(attribute='source') }}"

- name: Find the containers made from an image
  cordon.docker.container_info:
    select: "[?Config.Image=='sagikazarmark/dvwa']"

- name: Find the privileged containers, with all that the engine says about them
  cordon.docker.container_info:
    select: "[?HostConfig.Privileged]"
    inspect: true
"""

RETURN = r"""
containers:
  description:
    - The containers, an entry each, in the order they were named, or by name.
    - The task fails when one could not be had; the entries of the others are returned all the same.
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
    failed:
      description: Whether the container could not be had.
      type: bool
      sample: false
    error:
      description: Why it could not be had; null otherwise.
      type: str
      sample: null
    image:
      description: The image as it was named when the container was made.
      type: str
      sample: sagikazarmark/dvwa:latest
    image_id:
      description: The ID of the image.
      type: str
      sample: sha256:458fc6f7cbfd13f7ef673cac26565fa2b38b3d2cf08ad0b1e1b7881afefd271e
    created:
      description: When it was made, RFC 3339 in UTC.
      type: str
      sample: "2026-02-03T04:05:06.026393110Z"
    started:
      description: When it was last started, RFC 3339 in UTC; null if never.
      type: str
      sample: "2026-02-03T04:05:06.841764166Z"
    finished:
      description: When it last ended, RFC 3339 in UTC; null if never.
      type: str
      sample: null
    status:
      description: The state in the words of C(docker ps).
      type: str
      sample: Up 3 minutes (Paused)
    state:
      description: V(created), V(running), V(paused), V(restarting), V(removing), V(exited) or V(dead).
      type: str
      sample: paused
    exit_code:
      description: What its first process returned, V(0) while it runs.
      type: int
      sample: 0
    pid:
      description: The first process, as the host numbers it; null when there is none.
      type: int
      sample: 3601
    command:
      description: What it runs, the entrypoint included.
      type: list
      elements: str
      sample: [apache2, -D, FOREGROUND]
    entrypoint:
      description: The entrypoint; empty when there is none.
      type: list
      elements: str
      sample: []
    user:
      description: The user it was set up to run as; null when the image does not say, which means root.
      type: str
      sample: www-data
    hostname:
      description: The name it calls itself.
      type: str
      sample: 3c1c2f5cd2d1
    labels:
      description: Its labels, and those of its image.
      type: dict
      sample: {"com.docker.compose.project": "shop"}
    ports:
      description: The published ports, and those only exposed, which have neither address nor port of the
        host.
      type: list
      elements: dict
      contains:
        host_ip:
          description: The address of the host it is published on.
          type: str
          sample: 0.0.0.0
        host_port:
          description: The port of the host.
          type: int
          sample: 81
        container_port:
          description: The port inside.
          type: int
          sample: 80
        protocol:
          description: V(tcp), V(udp) or V(sctp).
          type: str
          sample: tcp
    networks:
      description: The networks it is on. Addresses are null while it does not run.
      type: list
      elements: dict
      contains:
        name:
          description: The name of the network.
          type: str
          sample: bridge
        id:
          description: The ID of the network.
          type: str
          sample: 4112ab7d06924b9c1cdb995e295e66bd27414a65388876556ec69aff72f2124d
        ip_address:
          description: The IPv4 address.
          type: str
          sample: 172.17.0.4
        prefix_length:
          description: The length of the IPv4 network's prefix.
          type: int
          sample: 16
        gateway:
          description: The IPv4 gateway.
          type: str
          sample: 172.17.0.1
        ipv6_address:
          description: The IPv6 address.
          type: str
          sample: null
        ipv6_prefix_length:
          description: The length of the IPv6 network's prefix.
          type: int
          sample: null
        ipv6_gateway:
          description: The IPv6 gateway.
          type: str
          sample: null
        mac_address:
          description: The MAC address.
          type: str
          sample: 02:42:ac:11:00:04
        aliases:
          description: The names it answers to on the network.
          type: list
          elements: str
          sample: [web]
    mounts:
      description: What of the host is mounted into it.
      type: list
      elements: dict
      contains:
        type:
          description: V(bind), V(volume), V(tmpfs) or another kind the engine knows.
          type: str
          sample: volume
        name:
          description: The name of the volume.
          type: str
          sample: ledger
        source:
          description: The path on the host; null for a tmpfs.
          type: str
          sample: /var/lib/docker/volumes/ledger/_data
        destination:
          description: The path inside.
          type: str
          sample: /data
        mode:
          description: The options it was mounted with.
          type: str
          sample: z
        rw:
          description: Whether it can be written to from inside.
          type: bool
          sample: true
        propagation:
          description: How mounts beneath it spread.
          type: str
          sample: rprivate
    network_mode:
      description: V(bridge), V(host), V(none), V(container:ID) or the name of a network.
      type: str
      sample: bridge
    pid_mode:
      description: V(host) or V(container:ID) where processes are shared; null otherwise.
      type: str
      sample: null
    privileged:
      description: Whether it may do all that the host's root may.
      type: bool
      sample: false
    capabilities_added:
      description: Capabilities it was given beyond the engine's usual ones.
      type: list
      elements: str
      sample: [CAP_SYS_ADMIN]
    security_options:
      description: What was set about seccomp, AppArmor and SELinux.
      type: list
      elements: str
      sample: [seccomp=unconfined]
    restart_policy:
      description: When the engine starts it again by itself.
      type: dict
      contains:
        name:
          description: V(no), V(always), V(unless-stopped) or V(on-failure).
          type: str
          sample: always
        maximum_retries:
          description: How often, for V(on-failure).
          type: int
          sample: 0
    auto_remove:
      description: Whether it is removed, with its anonymous volumes, when it ends.
      type: bool
      sample: false
    log_driver:
      description: Where its output goes.
      type: str
      sample: json-file
    log_path:
      description: The file its output goes to, where the driver keeps one.
      type: str
      sample: /var/lib/docker/containers/3c1c2f5cd2d1/3c1c2f5cd2d1-json.log
    inspect:
      description: The engine's inspect document, as it is.
      returned: when O(inspect=true)
      type: dict
      sample: {"Id": "3c1c2f5cd2d1b7fb0e4b", "Name": "/dvwa"}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cordon.docker.plugins.module_utils._engine.info import (
    container_argument_spec,
    container_info,
)
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import SELECTION_EXCLUSIVE
from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError


def main() -> None:
    module = AnsibleModule(
        argument_spec=container_argument_spec(),
        mutually_exclusive=[SELECTION_EXCLUSIVE],
        supports_check_mode=True,
    )
    try:
        answer = container_info(module.params)
    except CordonError as exc:
        module.fail_json(msg=str(exc))
    if answer.failure:
        module.fail_json(msg=answer.failure, containers=answer.containers)
    module.exit_json(changed=False, containers=answer.containers)


if __name__ == "__main__":
    main()
