# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stand-in for get-pip that takes pip from Python itself.

ansible-test fetches get-pip from a site of its own to fill its virtual environments, and takes a file in its
cache instead (ansible/ansible#77304), so that its tests also run where only a package index is reachable.
Runs on every Python that ansible-test tests with.
"""

from __future__ import annotations

import subprocess
import sys

# Options of get-pip that pip itself does not know.
ONLY_GET_PIP = ("--no-setuptools", "--no-wheel")


def main() -> None:
    """Bring pip in, then let it install what was asked for."""
    # In a child process: inside this one, ensurepip drops pip's configuration from the environment.
    subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
    arguments = [argument for argument in sys.argv[1:] if argument not in ONLY_GET_PIP]
    subprocess.check_call([sys.executable, "-m", "pip", "install", *arguments])


if __name__ == "__main__":
    main()
