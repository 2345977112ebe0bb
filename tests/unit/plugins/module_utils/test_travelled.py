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

from ansible_collections.cordon.docker.plugins.module_utils import _travelled
from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError

PACKAGE = str(_travelled.__package__)
# As on a host: a Python of its own, without the importer that Ansible puts before all others on the controller.
_SCRIPT = f"""
import sys
sys.path.insert(0, {str(Path(_travelled.__file__).parents[5])!r})
from {PACKAGE} import _errors, _travelled
print(_travelled.host_library(sys.argv[1], sys.argv[2]).found)
"""


def archive(**sources: str) -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, source in sources.items():
            packed.writestr(f"{PACKAGE.replace('.', '/')}/{name}.py", source)
    return base64.b64encode(buffer.getvalue()).decode()


def found(sent: str, name: str) -> str:
    """What the module of that name has as ``found``, imported in another Python."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", _SCRIPT, sent, name],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.strip()


def test_what_is_not_there_comes_from_the_archive() -> None:
    sent = archive(
        **{
            "_far/__init__": "",
            "_far/run": "from . import near\nfound = near.found",
            "_far/near": "found = 42",
        }
    )
    assert found(sent, "_far.run") == "42"


def test_a_package_may_be_partly_there() -> None:
    sent = archive(
        **{"_engine/_far": "from .._errors import describe\nfound = describe(ValueError('as ever'))"}
    )
    assert "as ever" in found(sent, "_engine._far")


def test_what_is_there_is_not_replaced() -> None:
    sent = archive(
        _errors="found = 'another'", _far2="from . import _errors\nfound = _errors.CordonError.__name__"
    )
    assert found(sent, "_far2") == "CordonError"


def test_a_module_without_its_action_plugin_says_so() -> None:
    with pytest.raises(CordonError, match="action plugin"):
        _travelled.host_library(None, "_triage.run")


@pytest.mark.parametrize("damaged", ["####", "AAAA", base64.b64encode(b"PK\x03\x04 no zip").decode()])
def test_a_damaged_archive_is_no_traceback(damaged: str) -> None:
    with pytest.raises(CordonError, match="damaged"):
        _travelled.host_library(damaged, "_triage.run")
