# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All rules, one family a file. A rule reads one container's evidence and yields signs; it never raises for
what the evidence holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.rules import (
    connections,
    escaped,
    executables,
    exposure,
    hidden_files,
    logs,
    processes,
    relays,
    resources,
    starting,
    tunnels,
    web_files,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import Sign

Rule = Callable[[ContainerEvidence], Iterator[Sign]]

ALL: tuple[Rule, ...] = (
    processes.shells_on_sockets,
    relays.relayed,
    processes.shells_under_services,
    processes.disguised,
    processes.outside_the_cgroup,
    processes.miners,
    connections.outbound_by_shells,
    connections.outbound_by_deleted,
    tunnels.tunnels_of_others,
    executables.foreign,
    web_files.web_shells,
    hidden_files.edited_unseen,
    hidden_files.dropped_executables,
    starting.changed,
    starting.preloaded,
    logs.jndi_lookups,
    logs.attempts,
    resources.busy,
    escaped.left,
    escaped.host_programs,
    escaped.engine_clients,
    escaped.strays,
    exposure.privileges,
    exposure.namespaces,
    exposure.mounts,
    exposure.devices,
    exposure.confinement,
    exposure.unexpected_capabilities,
)
