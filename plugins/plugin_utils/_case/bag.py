# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes a BagIt bag (RFC 8493): payload below data/, hashed as it is written, then sealed by manifests."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import TracebackType

from ansible_collections.cordon.docker.plugins.plugin_utils._case import files

_DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


class PayloadFile:
    """One payload file being written. Left by an exception, or discarded, it is not part of the bag."""

    def __init__(self, bag: BagWriter, name: PurePosixPath) -> None:
        self._bag = bag
        self._name = name
        self._path = bag.folder / "data" / name
        self._descriptor = files.create(self._path)
        self._digest = hashlib.sha256()
        self._kept = True
        self.bytes = 0

    def __enter__(self) -> PayloadFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
        if kind is None and self._kept:
            self._bag.payload[f"data/{self._name}"] = (self.sha256, self.bytes)
        else:
            self._path.unlink()

    def write(self, data: bytes) -> None:
        files.write_all(self._descriptor, data)
        self._digest.update(data)
        self.bytes += len(data)

    def discard(self) -> None:
        self._kept = False

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class BagWriter:
    """A bag in a folder of its own. `payload` has the SHA-256 and the size of each file by its path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.payload: dict[str, tuple[str, int]] = {}
        self._folders = {PurePosixPath()}

    @classmethod
    def create(cls, folder: Path) -> BagWriter:
        """A bag in a new folder; raises OSError."""
        folder.mkdir(mode=files.PRIVATE_FOLDER)
        (folder / "data").mkdir(mode=files.PRIVATE_FOLDER)
        return cls(folder)

    def new_file(self, name: PurePosixPath) -> PayloadFile:
        """A new payload file below data/; the name has passed safe_path. Raises OSError."""
        self._make_folder(name.parent)
        return PayloadFile(self, name)

    def adopt(self, source: Path, name: str, sha256: str) -> None:
        """Make a file of the same file system, whose hash is known, part of the payload by moving it."""
        size = source.stat().st_size
        source.rename(self.folder / "data" / name)
        self.payload[f"data/{name}"] = (sha256, size)

    def share(self, source: Path, name: PurePosixPath, size: int, sha256: str) -> None:
        """Make a file of the same file system part of the payload without taking it from where it is.

        Where the file system has no second names, it is moved. Raises OSError."""
        self._make_folder(name.parent)
        place = self.folder / "data" / name
        try:
            os.link(source, place, follow_symlinks=False)
        except OSError:
            source.rename(place)
        self.payload[f"data/{name}"] = (sha256, size)

    def seal(self, info: Mapping[str, str]) -> str:
        """Write the tag files and return the SHA-256 of the tag manifest, which stands for the whole bag.

        `info` goes to bag-info.txt; its values are single lines. Raises OSError.
        """
        octets = sum(size for dummy, size in self.payload.values())
        lines = {**info, "Payload-Oxum": f"{octets}.{len(self.payload)}"}
        tags = {
            "bagit.txt": _DECLARATION,
            "bag-info.txt": "".join(f"{key}: {value}\n" for key, value in lines.items()).encode(),
            "manifest-sha256.txt": _manifest(
                {path: sha256 for path, (sha256, dummy) in self.payload.items()}
            ),
        }
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in tags.items()}
        tags["tagmanifest-sha256.txt"] = _manifest(digests)
        for name, content in tags.items():
            files.write_new(self.folder / name, content)
        return hashlib.sha256(tags["tagmanifest-sha256.txt"]).hexdigest()

    def _make_folder(self, name: PurePosixPath) -> None:
        if name not in self._folders:
            self._make_folder(name.parent)
            (self.folder / "data" / name).mkdir(mode=files.PRIVATE_FOLDER)
            self._folders.add(name)


def _manifest(digests: Mapping[str, str]) -> bytes:
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests)).encode()
