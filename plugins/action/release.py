# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import ClassVar

from ansible_collections.cordon.docker.plugins.action.triage import ActionModule as Triage
from ansible_collections.cordon.docker.plugins.plugin_utils._case import records
from ansible_collections.cordon.docker.plugins.plugin_utils._containment.options import SELECTION
from ansible_collections.cordon.docker.plugins.plugin_utils._containment_action import ContainmentAction, Job


class ActionModule(ContainmentAction):
    """Takes back what the case's and the host's own records tell, last step first."""

    verb = "release"
    collector = Triage
    spec: ClassVar = {**SELECTION}

    def carry_out(self, job: Job) -> None:
        kept = records.of_host(job.asked.case.path, job.asked.host)
        # A container that is gone has no name on the host any more, but it may have left a barrier there.
        by_name = {record.name: record.container for record in kept}
        asked = job.own["containers"]
        named = None if asked is None else [by_name.get(name.lstrip("/"), name) for name in asked]
        select = {} if job.own["select"] is None else {"select": job.own["select"]}
        self.act(job, "release", named, records=[record.to_json() for record in kept], **select)
