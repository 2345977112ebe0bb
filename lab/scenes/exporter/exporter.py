#!/usr/bin/env python3
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Listens, and has a shell ask how full the disks are.
import http.server
import subprocess
import threading


def ask() -> None:
    while True:
        subprocess.run(
            "df -P /rootfs | awk 'NR > 1 { print $5 }' > /tmp/disk; sleep 20", shell=True, check=False
        )


threading.Thread(target=ask, daemon=True).start()
http.server.HTTPServer(("", 9100), http.server.SimpleHTTPRequestHandler).serve_forever()
