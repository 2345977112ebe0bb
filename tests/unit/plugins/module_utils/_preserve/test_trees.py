# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError
from ansible_collections.cordon.docker.plugins.module_utils._evidence.outcome import Outcome
from ansible_collections.cordon.docker.plugins.module_utils._host.mounts import Mount, parse_mountinfo
from ansible_collections.cordon.docker.plugins.module_utils._preserve import trees
from ansible_collections.cordon.docker.plugins.module_utils._preserve.item import Item
from ansible_collections.cordon.docker.tests.unit.plugins.module_utils._preserve.worlds import (
    content,
    extracted,
    members,
    mounts_of,
    process_of,
    subject,
    view,
)


def mount(kind: str, source: Path, destination: str, **more: Any) -> dict[str, Any]:
    return {"Type": kind, "Source": str(source), "Destination": destination, "RW": True, **more}


def data(root: Path, name: str) -> Path:
    folder = root / "volumes" / name / "_data"
    folder.mkdir(parents=True)
    (folder / "shell.php").write_bytes(b"<?php system($_GET['c']);")
    return folder


def test_named_and_anonymous_volumes(tmp_path: Path) -> None:
    anonymous = "f" * 64
    found = subject(
        {
            "Mounts": [
                mount("volume", data(tmp_path, "html"), "/var/www/html", Name="html"),
                mount("volume", data(tmp_path, anonymous), "/data", Name=anonymous),
                mount("bind", tmp_path, "/host"),
            ]
        }
    )
    items = list(trees.volumes(view(found, info={"DockerRootDir": str(tmp_path)}), found))
    paths = [item.path for item in items]
    assert paths == [f"containers/cccccccccccc/volumes/{name}.tar" for name in ("1-html", f"2-{anonymous}")]
    assert extracted(content(items[0]), "shell.php").startswith(b"<?php")
    assert isinstance(items[0], Item)
    assert items[0].note == "The volume html, mounted at /var/www/html."


def test_a_volume_elsewhere_is_not_read_on_the_engines_word(tmp_path: Path) -> None:
    """The engine may be the intruder's: / as a volume would be the whole host."""
    found = subject({"Mounts": [mount("volume", Path("/etc"), "/data", Name="x")]})
    (row,) = trees.volumes(view(found, info={"DockerRootDir": str(tmp_path)}), found)
    assert isinstance(row, Outcome)
    assert "outside of its own folder" in str(row.reason)


def test_folders_of_the_host_are_listed_and_read_when_asked(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "file").write_bytes(b"content")
    (tmp_path / "single").write_bytes(b"one file")
    found = subject(
        {
            "Mounts": [
                mount("bind", tmp_path / "shared", "/shared", Propagation="rprivate"),
                mount("bind", tmp_path / "single", "/etc/single"),
                mount("bind", tmp_path / "gone", "/gone"),
            ]
        }
    )
    asked = view(found, bind_content=["/etc/single", "/gone", "/shared"])
    (listed,) = trees.binds(asked, found)
    rows = json.loads(content(listed))
    assert [row.get("type") for row in rows] == ["dir", "file", None]
    assert "No such file" in rows[2]["reason"]
    folder, single, gone = trees.bind_content(asked, found)
    assert extracted(content(folder), "file") == b"content"
    assert extracted(content(single), "single") == b"one file"
    assert isinstance(gone, Outcome)
    assert list(trees.bind_content(view(found), found)) == []


def test_a_shared_folder_that_holds_the_engines_is_read_without_it(tmp_path: Path) -> None:
    (tmp_path / "var/lib/docker/overlay2").mkdir(parents=True)
    (tmp_path / "var/lib/other").mkdir()
    found = subject({"Mounts": [mount("bind", tmp_path, "/host")]})
    asked = view(found, bind_content=["*"], info={"DockerRootDir": str(tmp_path / "var/lib/docker")})
    (item,) = trees.bind_content(asked, found)
    assert isinstance(item, Item)
    assert "var/lib/docker/overlay2" not in members(content(item))
    assert item.notes == ["var/lib/docker is the engine's own folder and is not part of this item"]


@pytest.mark.parametrize("kind", ["fuse.sshfs", "nfs4"])
def test_what_a_server_answers_for_is_not_read(tmp_path: Path, kind: str) -> None:
    found = subject({"Mounts": [mount("volume", data(tmp_path, "x"), "/x")]})
    mounts = [Mount("0:5", "/", str(tmp_path), kind, "evil", b"rw")]
    (row,) = trees.volumes(view(found, info={"DockerRootDir": str(tmp_path)}, host_mounts=mounts), found)
    assert isinstance(row, Outcome)
    assert "hold up a reader" in str(row.reason)


def test_a_path_that_climbs_is_refused() -> None:
    found = subject({"Mounts": [mount("volume", Path("/var/lib/docker/volumes/../../.."), "/x")]})
    (row,) = trees.volumes(view(found), found)
    assert isinstance(row, Outcome)
    assert "no path" in str(row.reason)


def test_file_systems_in_memory_are_read_through_the_process() -> None:
    """The test's own /dev/shm, as if it were the container's."""
    own = Path(f"/dev/shm/cordon-test-{os.getpid()}")
    mounts = [one for one in mounts_of(os.getpid()) if one.point == "/dev/shm"]
    if not mounts or mounts[-1].type != "tmpfs":
        pytest.skip("no /dev/shm here")
    own.mkdir()
    (own / "payload").write_bytes(b"in memory only")
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        found = subject(processes=[process_of(child.pid)], mounts=mounts)
        (item,) = trees.tmpfs(view(found), found)
        assert isinstance(item, Item)
        assert item.path == "containers/cccccccccccc/tmpfs/1-dev-shm.tar"
        assert extracted(content(item), f"{own.name}/payload") == b"in memory only"
    finally:
        child.kill()
        child.wait()
        (own / "payload").unlink()
        own.rmdir()


def test_another_file_system_in_place_of_the_memory_is_not_read(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        mounts = [Mount("0:9999", "/", str(tmp_path), "tmpfs", "tmpfs", b"rw")]
        found = subject(processes=[process_of(child.pid)], mounts=mounts)
        (item,) = trees.tmpfs(view(found), found)
        with pytest.raises(HostError, match="no longer the tmpfs"):
            content(item)
    finally:
        child.kill()
        child.wait()


MOUNTS = b"""\
1 0 0:50 / / rw - overlay overlay rw
2 1 0:51 / /proc rw - proc proc rw
3 1 0:52 / /dev rw - tmpfs tmpfs rw
4 3 0:53 / /dev/shm rw - tmpfs shm rw
5 2 0:54 / /proc/kcore rw - tmpfs tmpfs rw
6 1 0:55 / /run/secrets rw - tmpfs tmpfs rw
7 1 0:20 /x /hostrun rw - tmpfs tmpfs rw
"""


def test_which_are_in_memory() -> None:
    child = process_of(os.getpid())
    found = subject(processes=[child], mounts=parse_mountinfo(MOUNTS))
    host = parse_mountinfo(
        b"1 0 0:20 / /run rw - tmpfs tmpfs rw\n"
        b"2 0 0:53 / /var/lib/docker/containers/x/mounts/shm rw - tmpfs shm rw\n"
    )
    products = list(trees.tmpfs(view(found, host_mounts=host), found))
    assert [one.path and one.path.rpartition("/")[2] for one in products] == [
        "1-dev.tar",
        "2-dev-shm.tar",
        None,
        "4-run-secrets.tar",
    ]
    assert isinstance(products[2], Outcome)
    assert products[2].reason == "/hostrun is the host's own, shared with the container."


def test_a_stopped_container_has_no_memory() -> None:
    found = subject(state="exited")
    (row,) = trees.tmpfs(view(found), found)
    assert isinstance(row, Outcome)
