# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._engine import sdk
from ansible_collections.cordon.docker.plugins.module_utils._errors import SdkMissing

_SCRIPT = """
import sys
sys.path[:0] = {path!r}
from ansible_collections.cordon.docker.plugins.module_utils._engine import sdk
from ansible_collections.cordon.docker.plugins.module_utils._errors import SdkMissing
archive = sys.stdin.read() or None
try:
    print("loaded", sdk.load(archive, allowed={allowed}).marker)
except SdkMissing as exc:
    print("missing", exc)
print([name for name in sys.modules if name == "chardet"])
"""


def archive(**sources: str) -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, source in sources.items():
            packed.writestr(f"{name}.py", source)
    return base64.b64encode(buffer.getvalue()).decode()


def package(root: Path, name: str, source: str) -> None:
    (root / name).mkdir(parents=True)
    (root / name / "__init__.py").write_text(source)


TRAVELLED = {
    "docker/__init__": "__version__ = '7.1.0'",
    "docker/api/__init__": "",
    "docker/api/client": "import requests\nmarker = 'travelled'",
    "requests/__init__": "__version__ = '2.32.4'",
    "requests/adapters": "",
    "urllib3/__init__": "__version__ = '2.2.3'",
    "urllib3/util/__init__": "",
    "urllib3/util/ssl_": "def create_urllib3_context(): ...",
}


def run(tmp_path: Path, given: str, allowed: bool = True, *, host: bool = True) -> str:
    """In a Python of its own that has only what the test put there."""
    collections = str(Path(sdk.__file__).parents[6])
    path = [str(tmp_path), collections]
    script = _SCRIPT.format(path=path, allowed=allowed)
    if not host:
        script = script.replace(
            "sys.path[:0] =", "sys.path = [p for p in sys.path if 'site-packages' not in p]; sys.path[:0] ="
        )
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", script], input=given, capture_output=True, text=True, check=True
    )
    assert not done.stderr
    return done.stdout


def test_what_travelled_is_used_where_the_host_has_none(tmp_path: Path) -> None:
    assert run(tmp_path, archive(**TRAVELLED), host=False).startswith("loaded travelled")
    assert list(tmp_path.iterdir()) == []


def test_the_host_s_own_is_preferred_where_it_works(tmp_path: Path) -> None:
    for name, source in (
        ("docker", "__version__ = '7.1.0'"),
        ("requests", "__version__ = '2.32.4'"),
        ("urllib3", "__version__ = '2'"),
    ):
        package(tmp_path, name, source)
    package(tmp_path / "docker", "api", "")
    (tmp_path / "docker" / "api" / "client.py").write_text("marker = 'host'")
    (tmp_path / "requests" / "adapters.py").touch()
    package(tmp_path / "urllib3", "util", "")
    (tmp_path / "urllib3" / "util" / "ssl_.py").write_text("create_urllib3_context = None")
    assert run(tmp_path, archive(**TRAVELLED), host=False).startswith("loaded host")
    (tmp_path / "docker" / "__init__.py").write_text("__version__ = '5.0.3'")
    assert run(tmp_path, archive(**TRAVELLED), host=False).startswith("loaded travelled")
    assert "docker 5.0.3, requests 2.32.4" in run(tmp_path, "", host=False)
    (tmp_path / "docker" / "__init__.py").write_text("import nothing_such")
    assert run(tmp_path, archive(**TRAVELLED), host=False).startswith("loaded travelled")


def test_nothing_to_be_had_is_a_sentence(tmp_path: Path) -> None:
    assert "has no docker SDK. The controller has none to send either" in run(tmp_path, "", host=False)
    assert "ship_sdk: true" in run(tmp_path, "", allowed=False, host=False)


@pytest.mark.parametrize("damaged", ["x", "AAAA", "é"])
def test_what_travelled_may_arrive_damaged(damaged: str) -> None:
    with pytest.raises(SdkMissing, match="damaged"):
        sdk._unpack(damaged)


@pytest.mark.parametrize(
    ("docker", "requests", "urllib3", "works"),
    [
        ((7, 1, 0), (2, 32, 4), (2, 2, 3), True),
        ((7, 0, 0), (2, 32, 3), (2, 0, 7), False),
        ((7, 0, 0), (2, 31, 0), (2, 0, 7), True),
        ((5, 0, 3), (2, 28, 1), (1, 26, 12), True),
        ((5, 0, 3), (2, 31, 0), (2, 0, 7), False),
        ((1, 10, 6), (2, 18, 0), (1, 22), False),
    ],
)
def test_which_versions_work_together(
    docker: tuple[int, ...], requests: tuple[int, ...], urllib3: tuple[int, ...], works: bool
) -> None:
    assert sdk.works_together(docker, requests, urllib3) is works
