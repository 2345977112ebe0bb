# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives are read back by Python's own tarfile, which was not asked when they were written."""

from __future__ import annotations

import tarfile
from io import BytesIO
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.module_utils._preserve import tar

NAME = st.binary(min_size=1, max_size=300).filter(
    lambda raw: b"\0" not in raw and not raw.startswith(b"/") and not raw.endswith(b"/")
)
# tarfile joins what it reads with a slash; a name that is only that is no file's.
TIME = st.integers(-(10**20), 10**20)
ATTRIBUTE = st.tuples(st.text("abcdefgh.=%é ", min_size=1, max_size=40), st.binary(max_size=600))


def read_back(*parts: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=BytesIO(b"".join((*parts, tar.END)))) as archive:
        return archive.getmembers()


@given(
    name=NAME,
    content=st.binary(max_size=2000),
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 2**32 - 1),
    gid=st.integers(0, 2**32 - 1),
    mtime=TIME,
    attributes=st.lists(ATTRIBUTE, max_size=3, unique_by=lambda pair: pair[0]),
)
def test_any_file_is_read_back(
    name: bytes,
    content: bytes,
    mode: int,
    uid: int,
    gid: int,
    mtime: int,
    attributes: list[tuple[str, bytes]],
) -> None:
    xattrs = tuple((key.encode(), value) for key, value in attributes)
    member = tar.Member(
        name, mode=mode, uid=uid, gid=gid, size=len(content), mtime_ns=mtime, ctime_ns=5, xattrs=xattrs
    )
    raw = tar.header(member) + content + tar.padding(len(content))
    assert len(raw) % tar.BLOCK == 0
    with tarfile.open(fileobj=BytesIO(raw + tar.END), errors="surrogateescape") as archive:
        found = archive.getmembers()[0]
        file = archive.extractfile(found)
        assert file is not None
        assert file.read() == content
    assert found.name.encode("utf-8", "surrogateescape") == name
    assert (found.mode, found.uid, found.gid, found.size) == (mode, uid, gid, len(content))
    kept = found.pax_headers.get("mtime")
    assert kept is None or nanoseconds(kept) == mtime
    assert kept is not None or found.mtime * 10**9 == mtime
    for key, value in attributes:
        escaped = key.replace("%", "%25").replace("=", "%3D")
        assert found.pax_headers[f"SCHILY.xattr.{escaped}"].encode("utf-8", "surrogateescape") == value


def nanoseconds(decimal: str) -> int:
    whole, _dot, fraction = decimal.lstrip("-").partition(".")
    value = int(whole) * 10**9 + int((fraction or "0").ljust(9, "0"))
    return -value if decimal.startswith("-") else value


@given(
    st.lists(st.tuples(st.integers(1, 5000), st.binary(min_size=1, max_size=3000)), max_size=8),
    st.integers(0, 9),
)
def test_holes_are_read_back_as_zeros(parts: list[tuple[int, bytes]], tail: int) -> None:
    """``parts`` are a hole and the data that follows it."""
    starts = list(accumulate(hole + len(data) for hole, data in parts))
    pieces = [(end - len(data), len(data)) for end, (_hole, data) in zip(starts, parts)]
    whole = b"".join(b"\0" * hole + data for hole, data in parts) + b"\0" * tail
    member, numbers = tar.sparse(tar.Member(b"deep/er/file"), len(whole), pieces)
    data = b"".join(data for _hole, data in parts)
    raw = tar.header(member) + numbers + data + tar.padding(len(data)) + tar.END
    with tarfile.open(fileobj=BytesIO(raw)) as archive:
        found = archive.getmembers()[0]
        file = archive.extractfile(found)
        assert file is not None
        assert (found.name, found.size) == ("deep/er/file", len(whole))
        assert file.read() == whole


def test_links_and_devices() -> None:
    long = b"../" * 60 + b"target\xff"
    found = read_back(
        tar.header(tar.Member(b"link", tar.SYMLINK, target=long)),
        tar.header(tar.Member(b"same", tar.HARD_LINK, target=b"link")),
        tar.header(tar.Member(b"dev", tar.CHARACTER, major=10, minor=200)),
        tar.header(tar.Member(b"pipe", tar.FIFO)),
        tar.header(tar.Member(b"folder/", tar.FOLDER, mode=0o1777)),
    )
    assert found[0].linkname.encode("utf-8", "surrogateescape") == long
    assert found[1].islnk()
    assert found[1].linkname == "link"
    assert (found[2].devmajor, found[2].devminor) == (10, 200)
    assert found[3].isfifo()
    assert (found[4].isdir(), found[4].mode) == (True, 0o1777)


def test_a_file_beyond_eight_gigabytes_says_its_size() -> None:
    head = tar.header(tar.Member(b"huge", size=1 << 43))
    assert b"size=8796093022208\n" in head
