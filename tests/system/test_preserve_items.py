# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is preserved of the staged break-ins, by the host's half alone: strangers' tools read it, oracles agree."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fleet import LAB, Fleet
from on_host import Product, preserve


def seat(fleet: Fleet, scene: str) -> str:
    for host in fleet.hosts:
        if scene in fleet.hostvars[host]["lab_scenes"]:
            return host
    pytest.skip(f"the scene {scene} is not staged")


@contextmanager
def paused(fleet: Fleet, host: str, name: str) -> Iterator[None]:
    fleet.shell(host, "docker", "pause", name)
    try:
        yield
    finally:
        fleet.shell(host, "docker", "unpause", name)


def only(found: list[Product], item: str) -> Product:
    (product,) = [one for one in found if one.item == item and one.container is not None]
    return whole(product)


def whole(product: Product) -> Product:
    assert product.error is None, product
    assert product.notes == [], product
    assert product.file is not None, product
    return product


def inside(path: Path | None) -> dict[str, tarfile.TarInfo]:
    assert path is not None
    with tarfile.open(path) as archive:
        return {member.name: member for member in archive}


def read(path: Path | None, name: str) -> bytes:
    assert path is not None
    with tarfile.open(path) as archive:
        file = archive.extractfile(name)
        assert file is not None
        return file.read()


def test_the_web_shell_is_in_the_layer(fleet: Fleet, tmp_path: Path) -> None:
    host = seat(fleet, "dvwa")
    asked = {"containers": ["dvwa"], "items": ["layer", "layer_list", "layer_diff", "filesystem", "inspect"]}
    with paused(fleet, host, "dvwa"):
        found = preserve(host, tmp_path, **asked)
        shell = fleet.shell(host, "docker", "cp", "dvwa:/var/www/html/hackable/uploads/shell.php", "-")
    place = "var/www/html/hackable/uploads/shell.php"
    kept = read(only(found, "layer").file, place)
    assert kept in shell.encode()
    assert b"<?php" in kept
    listed = only(found, "layer_list").file
    assert listed is not None
    rows = {row["path"]: row for row in map(json.loads, listed.read_text().splitlines())}
    assert rows[f"/{place}"]["sha256"] == hashlib.sha256(kept).hexdigest()
    assert rows[f"/{place}"]["kind"] == "A"
    assert read(only(found, "filesystem").file, place) == kept
    compared = json.loads(only(found, "layer_diff").file.read_bytes())  # type: ignore[union-attr]
    assert compared["counts"] == {"hidden_edits": 0, "only_disk": 0, "only_engine": 0, "other_kind": 0}


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_hidden_edit_a_deletion_a_volume_and_memory(fleet: Fleet, tmp_path: Path, number: int) -> None:
    """The same on engines 20.10, 26 and 28."""
    host = fleet.hosts[number % len(fleet.hosts)]
    fleet.container(host, "kept", "--tmpfs", "/scratch", "--volume", "/data", "--volume", "named:/named")
    script = (
        "cp -p /etc/passwd /tmp/old; sed -i s/root:x/toor:x/ /etc/passwd; touch -r /tmp/old /etc/passwd; "
        "rm /etc/group; mkdir /new; echo payload > /dev/shm/p; echo scratch > /scratch/s; echo dev > /dev/d; "
        "echo v > /data/v; echo n > /named/n; ln -s /etc/shadow /new/link; mkfifo /new/pipe; "
        "dd if=/dev/zero of=/new/sparse bs=1 count=1 seek=1099511627775"
    )
    fleet.shell(host, "docker", "exec", "kept", "sh", "-c", script)
    try:
        with paused(fleet, host, "kept"):
            names = ["layer", "layer_list", "layer_diff", "volumes", "tmpfs", "network", "logs", "processes"]
            found = preserve(host, tmp_path, containers=["kept"], items=names)
            claimed = fleet.shell(host, "docker", "diff", "kept")
        layer = inside(only(found, "layer").file)
        assert layer["etc/.wh.group"].pax_headers["CORDON.deleted"] == "1"
        assert layer["new/link"].linkname == "/etc/shadow"
        assert layer["new/pipe"].isfifo()
        assert layer["new/sparse"].size == 1 << 40
        compared = json.loads(only(found, "layer_diff").file.read_bytes())  # type: ignore[union-attr]
        assert "/etc/passwd" not in claimed.split()
        assert [row["path"] for row in compared["hidden_edits"]] == ["/etc/passwd"]
        assert compared["only_engine"] == []
        volumes = [whole(one) for one in found if one.item == "volumes"]
        assert {name for one in volumes for name in inside(one.file)} == {".", "v", "n"}
        memory = {
            name for one in found if one.item == "tmpfs" and one.path for name in inside(whole(one).file)
        }
        assert {"p", "s", "d"} <= memory
        assert "proc/tcp" in inside(only(found, "network").file)
        addresses = json.loads(read(only(found, "network").file, "ip/addresses.json"))
        assert {link["ifname"] for link in addresses} == {"lo", "eth0"}
    finally:
        fleet.remove(host, "kept")
        fleet.shell(host, "docker", "volume", "rm", "named", check=False)


def test_the_deleted_executable_is_the_file_that_ran(fleet: Fleet, tmp_path: Path) -> None:
    host = seat(fleet, "miner")
    pid = fleet.shell(host, "pgrep", "-f", "/tmp/kdevtmpfsi").split()[0]
    expected = fleet.shell(host, "sha256sum", f"/proc/{pid}/exe").split()[0]
    found = preserve(
        host, tmp_path, containers=["miner"], items=["executables", "processes", "deleted_files"]
    )
    kept = [whole(one) for one in found if one.item == "executables" and "; deleted." in str(one.reason)]
    assert [hashlib.sha256(one.file.read_bytes()).hexdigest() for one in kept if one.file] == [expected]
    processes = inside(only(found, "processes").file)
    assert {f"{pid}/maps", f"{pid}/environ", f"{pid}/cmdline", f"{pid}/status"} <= set(processes)


def test_memory_of_a_paused_java_is_a_core(fleet: Fleet, tmp_path: Path) -> None:
    host = seat(fleet, "log4shell")
    top = fleet.shell(host, "docker", "top", "log4shell", "-o", "pid,comm").splitlines()
    (pid,) = [line.split()[0] for line in top if line.split()[1] == "java"]
    running = preserve(host, tmp_path / "running", containers=["log4shell"], items=["memory"], memory=[pid])
    assert [one.status for one in running] == ["missing"]
    with paused(fleet, host, "log4shell"):
        found = preserve(host, tmp_path, containers=["log4shell"], items=["memory"], memory=[pid])
    core = only(found, "memory").file
    assert core is not None
    shown = subprocess.run(
        ["readelf", "-W", "-h", "-l", "-n", core], capture_output=True, text=True, check=True
    )
    assert "CORE (Core file)" in shown.stdout
    assert "NT_PRSTATUS" in shown.stdout
    assert b"jndi:ldap" in core.read_bytes()
    if shutil.which("gdb"):
        done = subprocess.run(
            ["gdb", "-batch", "-ex", "info threads", "-c", core], capture_output=True, text=True, check=True
        )
        assert f"LWP {pid}" in done.stdout


def layers_of(fleet: Fleet, host: str) -> str:
    """Image IDs are hashes of other documents in the containerd image store; the layers are the same everywhere."""
    return fleet.shell(
        host, "docker", "image", "inspect", "--format", "{{.RootFS.Layers}} {{.Config.Labels}}", "kept:scene"
    )


def load(host: str, archive: Path) -> str:
    with archive.open("rb") as file:
        done = subprocess.run(
            [LAB, "shell", host, "docker", "load"], stdin=file, capture_output=True, text=True, check=True
        )
    return done.stdout


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_image_loads_on_every_other_engine(fleet: Fleet, tmp_path: Path, number: int) -> None:
    host = fleet.hosts[number % len(fleet.hosts)]
    fleet.container(host, "kept")
    fleet.shell(host, "docker", "exec", "kept", "sh", "-c", "echo '<?php needle' > /shell.php; rm /etc/group")
    try:
        fleet.shell(host, "docker", "commit", "--change", "LABEL x=y", "kept", "kept:scene")
        found = preserve(
            host,
            tmp_path,
            containers=["kept"],
            items=["image", "committed_image", "history"],
            committed_images=["kept:scene"],
        )
        (image,) = [whole(one) for one in found if one.item == "image"]
        (committed,) = [whole(one) for one in found if one.item == "committed_image"]
        assert image.file is not None
        assert committed.file is not None
        # Layers are blobs known by their hash, and the base's are those of the committed image too.
        assert image.blobs
        assert set(image.blobs) <= set(committed.blobs)
        for blob in committed.blobs:
            assert hashlib.sha256(read(committed.file, f"blobs/sha256/{blob[0]}")).hexdigest() == blob[0]
        if shutil.which("skopeo"):
            for form in ("docker-archive", "oci-archive"):
                subprocess.run(["skopeo", "inspect", f"{form}:{image.file}"], check=True, capture_output=True)
        layers = layers_of(fleet, host)
        for other in fleet.hosts:
            fleet.shell(other, "docker", "image", "rm", "--force", "kept:scene", check=False)
            assert "kept:scene" in load(other, committed.file)
            assert layers_of(fleet, other) == layers
            fleet.container(other, "loaded", image="kept:scene")
            assert "needle" in fleet.shell(other, "docker", "cp", "loaded:/shell.php", "-")
            fleet.remove(other, "loaded")
            fleet.shell(other, "docker", "image", "rm", "--force", "kept:scene", check=False)
    finally:
        fleet.remove(host, "kept", "loaded")
        fleet.shell(host, "docker", "image", "rm", "--force", "kept:scene", check=False)


def test_a_capture_is_read_by_tcpdump(fleet: Fleet, tmp_path: Path) -> None:
    host = fleet.hosts[0]
    fleet.container(host, "talker")
    gateway = inspected(fleet, host, "talker")["NetworkSettings"]["Gateway"]
    talk = f"while :; do echo needle | nc -w 1 {gateway} 9; done"
    fleet.shell(host, "docker", "exec", "--detach", "talker", "sh", "-c", talk)
    try:
        found = preserve(host, tmp_path, containers=["talker"], items=["capture"], capture_seconds=3)
    finally:
        fleet.remove(host, "talker")
    capture = only(found, "capture").file
    assert capture is not None
    if shutil.which("tcpdump") is None:
        assert capture.stat().st_size > 24
        pytest.skip("tcpdump is not installed")
    done = subprocess.run(["tcpdump", "-n", "-r", capture], capture_output=True, text=True, check=True)
    assert f"> {gateway}.9: Flags [S]" in done.stdout


def inspected(fleet: Fleet, host: str, name: str) -> dict[str, Any]:
    (document,) = json.loads(fleet.shell(host, "docker", "inspect", name))
    return dict(document)


def test_nothing_of_it_is_left_on_the_host(fleet: Fleet, tmp_path: Path) -> None:
    """Not a file, and not a byte less of its disk."""
    host = fleet.hosts[0]
    # Where an engine would keep an image that it saves; what Python itself keeps does not count.
    places = "/ /var/lib/docker/tmp /var/lib/docker/image"
    look = f"find {places} -xdev -newer /tmp/mark -type f | grep -v -e __pycache__ -e ^/var/log/ || true"
    fleet.container(host, "kept")
    try:
        fleet.shell(host, "touch", "/tmp/mark")
        found = preserve(
            host, tmp_path, containers=["kept"], items=["layer", "image", "processes", "logs", "network"]
        )
        assert {one.item for one in found if one.path} == {"layer", "image", "processes", "logs", "network"}
        assert fleet.shell(host, "sh", "-c", look).split() == []
    finally:
        fleet.shell(host, "rm", "-f", "/tmp/mark")
        fleet.remove(host, "kept")
