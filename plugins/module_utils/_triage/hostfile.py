# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""host.json: the machine, its clock against the controller's, its engine, and what was asked."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._host.facts import host_facts

from .options import TriageOptions


def host_document(
    options: TriageOptions, answers: Mapping[str, Any] | None, versions: Mapping[str, str], seconds: float
) -> dict[str, Any]:
    """``answers`` are the engine's own about itself, null where they were not had; ``seconds`` is what the
    collection took."""
    facts = host_facts()
    facts["controller_time"] = options.asked_controller_time
    facts["clock_offset_seconds"] = options.clock_offset
    facts["engine"] = engine_facts(answers or {}, versions)
    facts["asked"] = dict(options.asked)
    facts["seconds"] = round(seconds, 3)
    return facts


def engine_facts(answers: Mapping[str, Any], versions: Mapping[str, str]) -> dict[str, Any]:
    """Named values of the engine's answers to /version and /info; unknown is null."""
    info: Mapping[str, Any] = answers.get("info") or {}
    security = [str(option) for option in info.get("SecurityOptions") or []]
    return {
        "version": versions.get("version") or (answers.get("version") or {}).get("Version"),
        "api_version": versions.get("api_version"),
        "os": info.get("OperatingSystem"),
        "driver": info.get("Driver"),
        "root_dir": info.get("DockerRootDir"),
        "cgroup_driver": info.get("CgroupDriver"),
        "cgroup_version": info.get("CgroupVersion"),
        "rootless": any("rootless" in option for option in security),
        "security_options": security,
        "containers": {
            "running": info.get("ContainersRunning"),
            "paused": info.get("ContainersPaused"),
            "stopped": info.get("ContainersStopped"),
        },
    }
