# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring what others wrote and we ship, as it is, from the npm registry, and refuse anything but what is pinned.

python -m tools.vendor           compare what is here with the pin
python -m tools.vendor --fetch   get it anew (needs npm)
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "plugins" / "plugin_utils" / "_report" / "assets"
PACKAGE = "d3@7.9.0"
# What the registry itself says of the package: dist.integrity.
INTEGRITY = "sha512-e1U46jVP+w7Iut8Jt8ri1YsPOvFpg46k+K8TpCb0P+zjCkjkPnV7WzfDJzMHy1LnA+wj5pLT1wjO901gLXeEhA=="
# Of each file: where it lies in the package, where it goes, and its SHA-256.
FILES = {
    "package/dist/d3.min.js": (
        ASSETS / "d3.min.js",
        "f2094bbf6141b359722c4fe454eb6c4b0f0e42cc10cc7af921fc158fceb86539",
    ),
    "package/LICENSE": (
        ROOT / "LICENSES" / "ISC.txt",
        "3e6849627f74ff73c257a3ae1efb574015d94fc1035c05ec3c15805165efcbc4",
    ),
}


def fetch() -> None:
    """Replace the files by those of the package. Raises SystemExit where it is not the pinned one."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        tarball = next(Path(folder).glob("*.tgz"))
        found = "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
        if found != INTEGRITY:
            sys.exit(f"{PACKAGE} is {found}, and {INTEGRITY} is pinned.")
        with tarfile.open(tarball) as archive:
            for name, (path, _dummy) in FILES.items():
                member = archive.extractfile(name)
                if member is None:
                    sys.exit(f"{PACKAGE} has no {name}.")
                path.write_bytes(member.read())


def main() -> None:
    """Exit with a sentence where a file is not what is pinned."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fetch", action="store_true")
    if parser.parse_args().fetch:
        fetch()
    for path, wanted in FILES.values():
        if hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
            sys.exit(f"{path.relative_to(ROOT)} is not what {PACKAGE} has: python -m tools.vendor --fetch")
    print(f"All of {PACKAGE} is as pinned.")


if __name__ == "__main__":
    main()
