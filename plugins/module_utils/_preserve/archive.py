# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder as a pax archive: all files with owner, mode, times, extended attributes, holes and hard links.

Pipes, sockets and devices are members, never opened. Of an overlay's upper layer, what was deleted is a member
``.wh.<name>`` and a folder that hides what lies below it holds ``.wh..wh..opq``, as image layers have it (OCI image
specification, layer.md); such a member carries the record ``CORDON.deleted``, which a file that the intruder only
named so does not. Where something else is mounted, there is an empty folder with the record ``CORDON.type=mount``.
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Collection, Iterator

from ansible_collections.cordon.docker.plugins.module_utils._errors import describe
from ansible_collections.cordon.docker.plugins.module_utils._host.beneath import open_regular
from ansible_collections.cordon.docker.plugins.module_utils._host.files import file_type

from . import tar
from .content import is_sparse, joined, note_changes, pieces, read_pieces, total
from .notes import Notes
from .tree import Entry, walk

_LINKS = 20_000
_DELETED = (b"CORDON.deleted", b"1")
_KINDS = {
    stat.S_IFDIR: tar.FOLDER,
    stat.S_IFLNK: tar.SYMLINK,
    stat.S_IFIFO: tar.FIFO,
    stat.S_IFCHR: tar.CHARACTER,
    stat.S_IFBLK: tar.BLOCK_DEVICE,
}


@dataclass
class Bounds:
    """``left`` is how many bytes of content may still be stored; ``option`` names what bounds them."""

    left: int
    option: str


@dataclass
class _Archive:
    """``layer`` is the prefix of the overlay's own attributes, null for a plain folder."""

    bounds: Bounds
    notes: Notes
    layer: str | None = None
    left_out: Collection[tuple[int, int]] = ()
    links: dict[tuple[int, int], bytes] = field(default_factory=dict)


def archive(
    root: int,
    bounds: Bounds,
    notes: Notes,
    layer: str | None = None,
    left_out: Collection[tuple[int, int]] = (),
) -> Iterator[bytes]:
    """The archive of an open folder, which stays the caller's, in chunks of 256 KiB at most.

    ``layer``: the folder is an overlay's upper layer, whose marks are attributes of this prefix, ``trusted`` or
    ``user``. ``left_out`` are folders not to be entered, by device and inode. The same folder gives the same bytes.
    Raises OSError where the folder itself cannot be read.
    """
    return joined(_members(root, _Archive(bounds, notes, layer, left_out)))


def estimate(root: int, seconds: float = 0.25) -> int | None:
    """About how many bytes the archive of an open folder will have, null where counting takes longer than this.

    For progress: files may come and go until it is read.
    """
    ends = time.monotonic() + seconds
    size = 4 * tar.BLOCK
    for entry in walk(root, Notes([])):
        # Its blocks of header, and of its content what is on disk: holes are not stored.
        size += 3 * tar.BLOCK
        if stat.S_ISREG(entry.status.st_mode):
            held = min(entry.status.st_size, entry.status.st_blocks * 512)
            size += held + -held % tar.BLOCK
        if time.monotonic() > ends:
            return None
    return size


def archive_one(parent: int, name: str, bounds: Bounds, notes: Notes) -> Iterator[bytes]:
    """The archive of one name in an open folder that is no folder itself. Raises OSError where it is gone."""
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    parts = _one(Entry(name, name, parent, status), _Archive(bounds, notes))
    return joined(chain(parts, (tar.END,)))


def archive_open(handle: int, name: str, bounds: Bounds, notes: Notes) -> Iterator[bytes]:
    """The archive of one open file that may have no name any more, under the name given."""
    status = os.fstat(handle)
    parts = _content(handle, status, name, os.fsencode(name), (), _Archive(bounds, notes))
    return joined(chain(parts, (tar.END,)))


def _members(root: int, into: _Archive) -> Iterator[bytes]:
    status = os.fstat(root)
    attributes = xattrs(f"/proc/self/fd/{root}", follow=True)
    yield tar.header(_member(b"./", tar.FOLDER, status, attributes))
    for entry in walk(root, into.notes, into.left_out):
        yield from _whole(entry, into)
    yield tar.END


def _whole(entry: Entry, into: _Archive) -> Iterator[bytes]:
    """A member, or a note: whatever goes wrong before its header leaves the member out, never half of it."""
    try:
        yield from _one(entry, into)
    except FileNotFoundError:
        into.notes.add(f"{entry.path} vanished while it was read")
    except OSError as exc:
        into.notes.add(f"{entry.path} could not be read: {describe(exc)}")


def _one(entry: Entry, into: _Archive) -> Iterator[bytes]:
    path, status = os.fsencode(entry.path), entry.status
    if entry.foreign:
        member = _member(path + b"/", tar.FOLDER, status, ())
        yield tar.header(replace(member, records=((b"CORDON.type", b"mount"),)))
        return
    attributes = xattrs(f"/proc/self/fd/{entry.parent}/{entry.name}", follow=False)
    if into.layer is not None and _is_whiteout(status, attributes, into.layer):
        yield tar.header(_marker(_beside(path, os.fsencode(entry.name)), status))
        return
    if stat.S_ISREG(status.st_mode):
        yield from _file(entry, path, attributes, into)
        return
    if stat.S_ISSOCK(status.st_mode):
        # An archive has no kind for it: it is kept as a pipe that says what it was.
        member = _member(path, tar.FIFO, status, attributes)
        yield tar.header(replace(member, records=((b"CORDON.type", b"socket"),)))
        return
    kind = _KINDS[stat.S_IFMT(status.st_mode)]
    name = path + b"/" if kind == tar.FOLDER else path
    member = _member(name, kind, status, attributes)
    if kind == tar.SYMLINK:
        member = replace(member, target=os.fsencode(os.readlink(entry.name, dir_fd=entry.parent)))
    elif kind in (tar.CHARACTER, tar.BLOCK_DEVICE):
        member = replace(member, major=os.major(status.st_rdev), minor=os.minor(status.st_rdev))
    yield tar.header(member)
    if into.layer is not None and _value(attributes, f"{into.layer}.overlay.opaque") in (b"y", b"x"):
        yield tar.header(_marker(path + b"/.wh..wh..opq", status))


def _file(entry: Entry, path: bytes, attributes: tuple[tar.Record, ...], into: _Archive) -> Iterator[bytes]:
    key = (entry.status.st_dev, entry.status.st_ino)
    first = into.links.get(key) if entry.status.st_nlink > 1 else None
    if first is not None:
        link = replace(_member(path, tar.HARD_LINK, entry.status, ()), target=first)
        yield tar.header(link)
        return
    if into.layer is not None and _value(attributes, f"{into.layer}.overlay.metacopy") is not None:
        into.notes.add(
            f"{entry.path} has its content in the image: only owner, mode and times are changed here"
        )
    handle = open_regular(entry.parent, entry.name)
    try:
        status = os.fstat(handle)
        yield from _content(handle, status, entry.path, path, attributes, into)
        note_changes(handle, status, entry.path, into.notes)
    finally:
        os.close(handle)
    if status.st_nlink > 1 and len(into.links) < _LINKS and key == (status.st_dev, status.st_ino):
        into.links[key] = path


def _content(
    handle: int,
    status: os.stat_result,
    shown: str,
    path: bytes,
    attributes: tuple[tar.Record, ...],
    into: _Archive,
) -> Iterator[bytes]:
    wanted, complete = pieces(handle, status.st_size) if is_sparse(status) else ([(0, status.st_size)], True)
    size = total(wanted)
    if size > into.bounds.left:
        into.notes.add(f"{shown} ({size} bytes) was left out: {into.bounds.option} is used up")
        return
    if not complete:
        into.notes.add(f"{shown} is cut into more than {len(wanted)} pieces: the data of the first are kept")
    into.bounds.left -= size
    member = replace(_member(path, tar.FILE, status, attributes), size=status.st_size)
    if size < status.st_size:
        member, numbers = tar.sparse(member, status.st_size, wanted)
        yield tar.header(member)
        yield numbers
    else:
        yield tar.header(member)
    yield from read_pieces(handle, wanted, shown, into.notes)
    yield tar.padding(size)


def _member(
    name: bytes, kind: bytes, status: os.stat_result, attributes: tuple[tar.Record, ...]
) -> tar.Member:
    # The time of access is left out: reading may set it, and the same source shall give the same bytes.
    return tar.Member(
        name=name,
        kind=kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        xattrs=attributes,
    )


def _marker(name: bytes, status: os.stat_result) -> tar.Member:
    return replace(_member(name, tar.FILE, status, ()), records=(_DELETED,))


def _beside(path: bytes, name: bytes) -> bytes:
    return path[: len(path) - len(name)] + b".wh." + name


def _is_whiteout(status: os.stat_result, attributes: tuple[tar.Record, ...], layer: str) -> bool:
    """A device 0:0, or since Linux 6.7 an empty file with an attribute (Documentation/filesystems/overlayfs.rst)."""
    marked = _value(attributes, f"{layer}.overlay.whiteout") is not None
    return file_type(status) == "whiteout" or (
        marked and stat.S_ISREG(status.st_mode) and status.st_size == 0
    )


def _value(attributes: tuple[tar.Record, ...], name: str) -> bytes | None:
    return dict(attributes).get(name.encode())


def xattrs(path: str, *, follow: bool) -> tuple[tar.Record, ...]:
    """The extended attributes of a file, sorted by name; none where its file system has none.

    ``path`` goes through a handle of ours in /proc/self/fd, so that nothing is opened and no link is followed.
    """
    try:
        names = sorted(os.listxattr(path, follow_symlinks=follow))
    except OSError:
        return ()
    found = ((os.fsencode(name), _xattr(path, name, follow)) for name in names)
    return tuple((name, value) for name, value in found if value is not None)


def _xattr(path: str, name: str, follow: bool) -> bytes | None:
    try:
        return os.getxattr(path, name, follow_symlinks=follow)
    except OSError:
        return None
