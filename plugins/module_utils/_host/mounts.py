# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mounts of a process and the layers of an overlay. Pure (proc_pid_mountinfo(5), fs/overlayfs/params.c)."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Iterable

_OCTAL = re.compile(rb"\\([0-7]{3})")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_COLON = re.compile(rb"(?<!\\134)(?<!\\):")
# Their server, or a process of the intruder's, answers each look at a file when it likes, or never.
BLOCKING_TYPES = ("fuse", "nfs", "cifs", "smb", "9p", "ceph", "afs", "glusterfs", "autofs", "virtiofs")


@dataclass(frozen=True)
class Mount:
    """One line of mountinfo. ``point`` is a path in the mount namespace, ``root`` one in the file system."""

    device: str
    root: str
    point: str
    type: str
    source: str
    options: bytes

    @property
    def may_block(self) -> bool:
        """Whether somebody else than the kernel answers for this file system."""
        return self.type.split(".", 1)[0].startswith(BLOCKING_TYPES)


@dataclass(frozen=True)
class Overlay:
    """The layers of an overlay mount as its options name them: ``lowers`` from the top to the bottom."""

    upper: str
    lowers: tuple[str, ...]

    def based_on(self, folder: str) -> Overlay:
        """With relative names, as engines use them where the options would fill a page, made absolute."""
        return Overlay(
            posixpath.join(folder, self.upper), tuple(posixpath.join(folder, lower) for lower in self.lowers)
        )

    @property
    def is_relative(self) -> bool:
        return not self.upper.startswith("/")


def _octal(raw: bytes) -> str:
    decoded = _OCTAL.sub(lambda match: bytes((int(match.group(1), 8) & 0xFF,)), raw)
    return decoded.decode("utf-8", "surrogateescape")


def parse_mountinfo(raw: bytes) -> list[Mount]:
    """Mounts in the kernel's order; a later one at the same point hides the earlier."""
    mounts = []
    for line in raw.splitlines():
        left, separator, right = line.partition(b" - ")
        fields, rest = left.split(b" "), right.split(b" ")
        if separator and len(fields) >= 6 and len(rest) >= 3:
            mounts.append(
                Mount(
                    device=fields[2].decode("ascii", "replace"),
                    root=_octal(fields[3]),
                    point=_octal(fields[4]),
                    type=rest[0].decode("utf-8", "replace"),
                    source=_octal(rest[1]),
                    options=rest[2],
                )
            )
    return mounts


def mount_at(mounts: Iterable[Mount], path: str) -> Mount | None:
    """The mount that a path lies on, by its longest mount point."""
    best: Mount | None = None
    for mount in mounts:
        point = mount.point
        inside = point == "/" or path == point or path.startswith(point + "/")
        if inside and (best is None or len(point) >= len(best.point)):
            best = mount
    return best


def overlay_of(mount: Mount) -> Overlay | None:
    """The layers of an overlay mount that has an upper one.

    Commas and colons inside a name arrive as octal from newer kernels, and as the escapes of whoever mounted it
    from older ones; ``lowerdir+`` names one layer at a time since Linux 6.5.
    """
    if mount.type != "overlay":
        return None
    upper: str | None = None
    lowers: list[str] = []
    for option in re.split(rb"(?<!\\134),", mount.options):
        name, _equals, value = option.partition(b"=")
        if name == b"upperdir":
            upper = _layer(value)
        elif name == b"lowerdir+":
            lowers.append(_layer(value))
        elif name == b"lowerdir":
            # An empty part is the second colon of "::", which begins the data-only layers: they hold no names.
            for part in _COLON.split(value):
                if not part:
                    break
                lowers.append(_layer(part))
    return None if upper is None else Overlay(upper, tuple(lowers))


def _layer(raw: bytes) -> str:
    return _ESCAPED.sub(r"\1", _octal(raw))
