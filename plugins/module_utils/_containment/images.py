# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The planner's part for images: keeping the scene. Pure."""

from __future__ import annotations

import json
import re

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption

from .decision import Decision, Notice, Plan, Refusal
from .record import Record
from .seen import Sight, Wanted
from .steps import Commit, Pause, Step, Unpause

LABEL = "cordon.docker."
CONTAINER_LABEL = f"{LABEL}container"
STATE_LABEL = f"{LABEL}state"
_REPOSITORY = re.compile(r"[a-z0-9]+([._/:-]+[a-z0-9]+)*\Z")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")


def commit(wanted: Wanted, sight: Sight, record: Record) -> Decision:
    """Pause, keep, and let run again what ran. Raises InvalidOption for a name no image can have."""
    del record
    if sight.restarting:
        why = "The container is between two starts: what would be kept is a moment nobody chose."
        return Refusal(
            sight.id, wanted.verb, "restarting", why, "Kill or isolate it first, which ends its restarts."
        )
    kept = sight.commits.get(sight.state_token) if sight.state_token else None
    if kept and not wanted.again and not (wanted.pause and sight.running and not sight.paused):
        sentence = f"This very state is kept already, as {kept}."
        return Plan(sight.id, wanted.verb, notices=(Notice("kept_already", sentence),))
    freeze = wanted.pause and sight.running and not sight.paused
    if freeze and sight.host.rootless and sight.host.cgroup_version == 1:
        why = "A rootless engine on cgroup version 1 cannot freeze processes while it commits."
        return Refusal(sight.id, wanted.verb, "rootless_cgroups", why, "", "pause=false")
    repository, tag = name(wanted, sight)
    keep = Commit(sight.id, repository, tag, labels(wanted, sight), wanted.commit_timeout)
    steps: tuple[Step, ...] = (Pause(sight.id), keep, Unpause(sight.id)) if freeze else (keep,)
    return Plan(sight.id, wanted.verb, steps, _notices(wanted, sight))


def name(wanted: Wanted, sight: Sight) -> tuple[str, str]:
    """``cordon/<case>:<id12>-<time>`` unless named otherwise; a repository's letters are small."""
    case = re.sub(r"[^a-z0-9]+", "-", wanted.case.lower()).strip("-") or "no-case"
    repository = wanted.repository or f"cordon/{case}"
    stamp = re.sub(r"[^0-9TZ]", "", wanted.time.split(".")[0] + "Z")
    tag = wanted.tag or f"{sight.id[:12]}-{stamp}"
    if not _REPOSITORY.match(repository):
        raise InvalidOption(
            f"repository cannot be {repository!r}: small letters, digits, and . _ - / between."
        )
    if not _TAG.match(tag):
        raise InvalidOption(f"tag cannot be {tag!r}: at most 128 letters, digits, and . _ -.")
    return repository, tag


def labels(wanted: Wanted, sight: Sight) -> tuple[tuple[str, ...], ...]:
    """What the image says of itself, among it what is not inside (volumes, binds and tmpfs never are)."""
    found = {
        "case": wanted.case,
        "container": sight.id,
        "name": sight.name,
        "engine": wanted.engine,
        "time": wanted.time,
        "paused": "true" if sight.paused or (wanted.pause and sight.running) else "false",
        # The state's name is known where it holds still; the image is found again by it.
        "state": "" if wanted.pause and sight.running and not sight.paused else sight.state_token,
        "not_inside": json.dumps(not_inside(sight), sort_keys=True),
    }
    return tuple(sorted((LABEL + key, value) for key, value in found.items()))


def not_inside(sight: Sight) -> list[dict[str, str]]:
    mounts = [
        {
            "type": str(mount.get("Type", "")),
            "source": str(mount.get("Name") or mount.get("Source") or ""),
            "destination": str(mount.get("Destination", "")),
        }
        for mount in sight.inspect.get("Mounts") or ()
    ]
    known = {mount["destination"] for mount in mounts}
    memory = [str(path) for path in self_made(sight) if path not in known]
    mounts.extend({"type": "tmpfs", "source": "", "destination": path} for path in memory)
    return sorted(mounts, key=lambda mount: mount["destination"])


def self_made(sight: Sight) -> tuple[str, ...]:
    """File systems in memory that the engine mounts without listing them as mounts."""
    return (*sorted(sight.host_config.get("Tmpfs") or {}), "/dev/shm")


def _notices(wanted: Wanted, sight: Sight) -> tuple[Notice, ...]:
    found = [Notice("secrets", "The image carries the container's environment, and the secrets in it.")]
    outside = [mount["destination"] for mount in not_inside(sight) if mount["destination"] != "/dev/shm"]
    if outside:
        found.append(Notice("not_inside", f"Not in the image: {', '.join(outside)}. Preserve these apart."))
    if sight.running and not sight.paused and not wanted.pause:
        found.append(
            Notice("not_paused", "The container runs on meanwhile: files may differ among themselves.")
        )
    return tuple(found)
