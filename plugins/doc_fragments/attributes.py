# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The attributes of all modules; a module says what it supports in the fragments below.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
  diff_mode:
    description: Returns details on what has changed, or possibly needs changing, in C(diff) mode.
  idempotent:
    description: When run twice in a row, with no changes in between, the second run reports C(changed=false).
  action_group:
    description: Belongs to an action group, so that C(module_defaults) sets options for all of its modules.
"""

    # For modules that only read.
    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module does not change anything on the host, in check mode or out of it.
  diff_mode:
    support: N/A
    details:
      - This module does not change anything on the host.
  idempotent:
    support: full
    details:
      - This module does not change anything on the host.
"""

    ENGINE_GROUP = r"""
options: {}
attributes:
  action_group:
    support: full
    membership:
      - cordon.docker.docker
"""
