# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# A lab prop: answers what the lab's own intruder asks, which is an echo and nothing else.
import socket
import subprocess
import sys

connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
for line in connection.makefile():
    if line.startswith("echo "):
        connection.sendall(subprocess.run(line, shell=True, capture_output=True, check=False).stdout)
