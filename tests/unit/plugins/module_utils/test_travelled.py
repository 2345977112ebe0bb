# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import io
import sys
import zipfile
from typing import Iterator

import pytest

from ansible_collections.cordon.docker.plugins.module_utils import _travelled
from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError

PACKAGE = str(_travelled.__package__)


def archive(**sources: str) -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, source in sources.items():
            packed.writestr(f"{PACKAGE.replace('.', '/')}/{name}.py", source)
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    finders, modules = list(sys.meta_path), set(sys.modules)
    yield
    sys.meta_path[:] = finders
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def test_what_is_not_there_comes_from_the_archive() -> None:
    sent = archive(
        **{
            "_far/__init__": "",
            "_far/run": "from . import near\nanswer = near.answer",
            "_far/near": "answer = 42",
        }
    )
    assert _travelled.host_library(sent, "_far.run").answer == 42


def test_what_is_there_is_not_replaced() -> None:
    sent = archive(_errors="CordonError = None", _far2="from . import _errors\nfound = _errors.CordonError")
    assert _travelled.host_library(sent, "_far2").found is CordonError


def test_a_module_without_its_action_plugin_says_so() -> None:
    with pytest.raises(CordonError, match="action plugin"):
        _travelled.host_library(None, "_triage.run")


@pytest.mark.parametrize("damaged", ["####", "AAAA", base64.b64encode(b"PK\x03\x04 no zip").decode()])
def test_a_damaged_archive_is_no_traceback(damaged: str) -> None:
    with pytest.raises(CordonError, match="damaged"):
        _travelled.host_library(damaged, "_triage.run")
