# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.cordon.docker.plugins.plugin_utils._engine_action import EngineAction


class ActionModule(EngineAction):
    """The module of the same name, with the SDK sent along."""
