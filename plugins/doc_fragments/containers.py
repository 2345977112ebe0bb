# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Which containers a module is about.
    DOCUMENTATION = r"""
options:
  containers:
    description:
      - Names or IDs of containers, whatever their state. An ID may be cut short as far as it is unique.
      - Without O(containers) and O(select), all containers of the engine are taken, running, paused and
        exited ones. An
        empty list takes none.
      - Excludes O(select).
    type: list
    elements: str
    aliases: [names, name]
  select:
    description:
      - A JMESPath expression over the list of the inspect documents of all containers, which gives those to
        take.
      - Excludes O(containers).
    type: str
  parallel:
    description:
      - How many calls of the engine are under way at once, from 1 to 64.
    type: int
    default: 8
seealso:
  - name: JMESPath
    description: The language of O(select).
    link: https://jmespath.org/specification.html
"""
