# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks a case without Ansible: `python3 plugins/plugin_utils/_verify evidence/INC-7`.

`python3 -m zipapp plugins/plugin_utils/_verify -o verify.pyz` makes one file of it, to hand to somebody else.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

# The folder, or the archive, becomes a package under a name of its own, wherever it lies.
_NAME = "cordon_verify"
_package = ModuleType(_NAME)
_package.__path__ = [str(Path(__file__).parent)]
sys.modules[_NAME] = _package

if __name__ == "__main__":
    sys.exit(importlib.import_module(f"{_NAME}.command").main(sys.argv[1:]))
