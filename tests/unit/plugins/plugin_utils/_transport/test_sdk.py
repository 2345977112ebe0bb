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

from ansible_collections.cordon.docker.plugins.module_utils._errors import SdkMissing
from ansible_collections.cordon.docker.plugins.plugin_utils._transport import sdk

# A host that has nothing but Python: what travelled is imported, a client is made, and no file is written.
_HOST = """
import sys
sys.path[:] = [path for path in sys.path if "site-packages" not in path] + [{collections!r}]
from ansible_collections.cordon.docker.plugins.module_utils._engine import sdk
archive = sys.stdin.read()
sdk.load(archive)
for address, tls in (("unix:///run/none.sock", {{}}), ("tcp://192.0.2.7:2376", {{"verify": True}})):
    print(sdk.api_client(address, 5, 4, **tls).base_url)
print(sdk.load_jmespath(archive).search("[?a==`1`].b", [{{"a": 1, "b": "found"}}]))
print(sorted(name for name in ("charset_normalizer", "chardet", "docker.models", "yaml") if sys.modules.get(name)))
"""


def test_it_is_python_sources_and_small() -> None:
    data = sdk.sdk_archive()
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert names == sorted(names)
    assert all(name.endswith(".py") for name in names)
    assert {name.split("/")[0] for name in names} == {*sdk.PACKAGES, "certifi"}
    assert len(data) < 350_000


def test_the_same_versions_give_the_same_bytes() -> None:
    first = sdk.sdk_archive()
    sdk.sdk_archive.cache_clear()
    assert sdk.sdk_archive() == first


def test_a_bare_host_can_use_it(tmp_path: Path) -> None:
    collections = str(Path(sdk.__file__).parents[6])
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-W", "error", "-c", _HOST.format(collections=collections)],
        input=base64.b64encode(sdk.sdk_archive()).decode(),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "http+docker://localhost",
        "https://192.0.2.7:2376",
        "['found']",
        "[]",
    ]
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    sdk.sdk_archive.cache_clear()
    with pytest.raises(SdkMissing, match="has no docker to send along"):
        sdk.sdk_archive()
