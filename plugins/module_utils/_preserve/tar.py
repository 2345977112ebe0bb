# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Members of a POSIX.1-2001 (pax) archive as bytes. Pure.

Python's own tarfile rounds times to a float, knows no holes when it writes, and wants a file; here a name is any
bytes, a time is nanoseconds, and holes are written as GNU tar's sparse format 1.0, which tarfile, GNU tar,
libarchive and Go read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Sequence, Tuple

BLOCK = 512
END = b"\0" * (2 * BLOCK)
FILE = b"0"
HARD_LINK = b"1"
SYMLINK = b"2"
CHARACTER = b"3"
BLOCK_DEVICE = b"4"
FOLDER = b"5"
FIFO = b"6"
_EXTENDED = b"x"
_OCTAL_11 = 8**11 - 1
_OCTAL_7 = 8**7 - 1
Record = Tuple[bytes, bytes]
Piece = Tuple[int, int]


@dataclass(frozen=True)
class Member:
    """``name`` is without a leading slash; ``size`` is what follows in the archive, holes of a sparse file not
    counted; times are nanoseconds since 1970; ``xattrs`` and ``records`` are kept as pax records."""

    name: bytes
    kind: bytes = FILE
    mode: int = 0o600
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime_ns: int = 0
    atime_ns: int | None = None
    ctime_ns: int | None = None
    target: bytes = b""
    major: int = 0
    minor: int = 0
    xattrs: tuple[Record, ...] = ()
    records: tuple[Record, ...] = ()


def header(member: Member) -> bytes:
    """What precedes a member's content: its pax records where it needs any, then its ustar block."""
    records, name, target = _records(member)
    if not records:
        return _block(member, name, target)
    body = b"".join(map(_record, records))
    extended = Member(b"PaxHeaders/" + name[-80:].lstrip(b"/"), _EXTENDED, 0o644, size=len(body))
    return _block(extended, extended.name, b"") + body + padding(len(body)) + _block(member, name, target)


def padding(size: int) -> bytes:
    """What follows content of ``size`` bytes up to the next block."""
    return b"\0" * (-size % BLOCK)


def sparse(member: Member, apparent: int, pieces: Sequence[Piece]) -> tuple[Member, bytes]:
    """A file with holes, by the pieces (offset, length) that hold data, and the map that precedes their content.

    ``apparent`` is the file's size. The map names an empty piece at the end, as GNU tar does.
    """
    every = [*pieces, (apparent, 0)] if not pieces or sum(pieces[-1]) < apparent else list(pieces)
    numbers = [len(every), *(number for piece in every for number in piece)]
    text = b"".join(b"%d\n" % number for number in numbers)
    text += padding(len(text))
    folder, slash, name = member.name.rpartition(b"/")
    records = (
        (b"GNU.sparse.major", b"1"),
        (b"GNU.sparse.minor", b"0"),
        (b"GNU.sparse.name", member.name),
        (b"GNU.sparse.realsize", b"%d" % apparent),
    )
    size = len(text) + sum(length for _offset, length in every)
    stored = folder + slash + b"GNUSparseFile.0/" + name
    return replace(member, name=stored, size=size, records=(*member.records, *records)), text


def seconds(nanoseconds: int) -> bytes:
    """Decimal seconds of a pax time, exact, also before 1970."""
    whole, rest = divmod(abs(nanoseconds), 1_000_000_000)
    sign = b"-" if nanoseconds < 0 else b""
    return sign + (b"%d.%09d" % (whole, rest) if rest else b"%d" % whole)


def _records(member: Member) -> tuple[list[Record], bytes, bytes]:
    """The pax records a member needs, and its name and target as the ustar block can hold them."""
    records: list[Record] = []
    binary = not (_is_text(member.name) and _is_text(member.target))
    if binary or any(not _is_text(value) for key, value in member.records if key == b"GNU.sparse.name"):
        records.append((b"hdrcharset", b"BINARY"))
    name, target = member.name, member.target
    if len(name) > 100 or not name.isascii():
        records.append((b"path", name))
        name = _ascii(name)[:100]
    if len(target) > 100 or not target.isascii():
        records.append((b"linkpath", target))
        target = _ascii(target)[:100]
    whole, rest = divmod(member.mtime_ns, 1_000_000_000)
    if rest or not 0 <= whole <= _OCTAL_11:
        records.append((b"mtime", seconds(member.mtime_ns)))
    for key, time in ((b"atime", member.atime_ns), (b"ctime", member.ctime_ns)):
        if time is not None:
            records.append((key, seconds(time)))
    for key, number, most in (
        (b"size", member.size, _OCTAL_11),
        (b"uid", member.uid, _OCTAL_7),
        (b"gid", member.gid, _OCTAL_7),
    ):
        if number > most:
            records.append((key, b"%d" % number))
    records.extend((b"SCHILY.xattr." + _keyword(key), value) for key, value in member.xattrs)
    return [*records, *member.records], name, target


def _block(member: Member, name: bytes, target: bytes) -> bytes:
    mtime = min(max(member.mtime_ns // 1_000_000_000, 0), _OCTAL_11)
    fields = [
        name.ljust(100, b"\0"),
        b"%07o\0" % (member.mode & 0o7777),
        b"%07o\0" % (member.uid if member.uid <= _OCTAL_7 else 0),
        b"%07o\0" % (member.gid if member.gid <= _OCTAL_7 else 0),
        b"%011o\0" % (member.size if member.size <= _OCTAL_11 else 0),
        b"%011o\0" % mtime,
        b" " * 8,
        member.kind,
        target.ljust(100, b"\0"),
        b"ustar\x0000",
        b"\0" * 64,
        b"%07o\0" % (member.major & _OCTAL_7),
        b"%07o\0" % (member.minor & _OCTAL_7),
    ]
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _record(record: Record) -> bytes:
    """``length keyword=value``, where the length counts itself."""
    rest = b" " + record[0] + b"=" + record[1] + b"\n"
    length = len(rest) + 1
    while length != len(rest) + len(b"%d" % length):
        length = len(rest) + len(b"%d" % length)
    return b"%d" % length + rest


def _keyword(name: bytes) -> bytes:
    """As GNU tar writes names that hold what ends a keyword."""
    return name.replace(b"%", b"%25").replace(b"=", b"%3D")


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _ascii(raw: bytes) -> bytes:
    return bytes(byte if byte < 0x80 else 0x3F for byte in raw)
