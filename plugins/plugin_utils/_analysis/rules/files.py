# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a file of a container lies: in the image, in what was changed since, in a volume, on the host."""

from __future__ import annotations

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge import places

_MAX_LOOKED_UP = 200
# Where the host keeps what starts programs and lets people in.
_OWN = ("/etc/", "/root/", "/home/", "/var/spool/cron/")


def row_for(container: ContainerEvidence, item: str, path: str) -> tuple[int, dict[str, object]] | None:
    """The row of an item that tells of the path, with its line."""
    name = path.rpartition("/")[2]
    as_written = name.isascii() and name.isprintable() and '"' not in name and "\\" not in name
    for line, row in container.stream(item, (name.encode(),) if as_written else ()):
        if row.get("path") == path:
            return line, row
    return None


def is_of_image(container: ContainerEvidence, path: str) -> bool:
    """Whether the image holds the file as it is: nothing of it was written since, and it is on no mount."""
    if not path.startswith("/") or path.startswith(places.TEMPORARY):
        return False
    known = container.of_image
    if path not in known:
        # A host may send as many processes as it likes, and each look reads the whole layer.
        known[path] = len(known) < _MAX_LOOKED_UP and _is_of_image(container, path)
    return known[path]


def _is_of_image(container: ContainerEvidence, path: str) -> bool:
    mounts = (values.record(mount) for mount in values.items(container.inspect.get("Mounts")))
    if any(is_below(path, values.text(mount.get("Destination"))) for mount in mounts):
        return False
    return row_for(container, "layer.jsonl", path) is None


def is_read_only(container: ContainerEvidence, path: str) -> bool:
    """Whether the file lies on a mount that the container may not write to."""
    mounts = [values.record(mount) for mount in values.items(container.inspect.get("Mounts"))]
    return any(
        mount.get("RW") is False and is_below(path, values.text(mount.get("Destination"))) for mount in mounts
    )


def host_file(container: ContainerEvidence, path: str) -> str:
    """The host's path of a file below a writable bind mount, where that is one of the host's own places."""
    for mount in map(values.record, values.items(container.inspect.get("Mounts"))):
        source, destination = values.text(mount.get("Source")), values.text(mount.get("Destination"))
        if mount.get("Type") != "bind" or mount.get("RW") is False or not is_below(path, destination):
            continue
        there = source.rstrip("/") + path[len(destination.rstrip("/")) :]
        return there if there.startswith(_OWN) else ""
    return ""


def is_below(path: str, folder: str) -> bool:
    """Whether the path is the folder or lies in it; nothing lies in an empty one."""
    return bool(folder) and (path == folder or path.startswith(folder.rstrip("/") + "/"))
