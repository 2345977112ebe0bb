# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Which containers a module changes, and what it goes by when it takes a change back.
    DOCUMENTATION = r"""
options:
  containers:
    description:
      - Names or IDs of the containers to change. An ID may be cut short as far as it is unique.
      - Excludes O(select).
    type: list
    elements: str
    aliases: [names, name]
  select:
    description:
      - A JMESPath expression over the list of the inspect documents of all containers, which gives those to
        change.
      - Excludes O(containers).
    type: str
  parallel:
    description:
      - How many containers are worked on at once, from 1 to 64.
    type: int
    default: 8
  case:
    description:
      - The name of the case, for the undo record and for images.
    type: str
    default: ""
  records:
    description:
      - Undo records of earlier results, which are used together with those that the
        host keeps in C(/run/cordon). A host's own are gone after it was booted.
    type: list
    elements: dict
seealso:
  - name: JMESPath
    description: The language of O(select).
    link: https://jmespath.org/specification.html
  - module: cordon.docker.containment
"""
