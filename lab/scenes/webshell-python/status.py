#!/usr/bin/env python3
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# A lab prop: it has the look of a web shell, and runs two commands only.
import os
import urllib.parse

query = urllib.parse.parse_qs(os.environ.get("QUERY_STRING", ""))
command = query.get("cmd", [""])[0]
print("Content-Type: text/plain\n")
if command in ("id", "uname -a"):
    print(os.popen(command).read())
