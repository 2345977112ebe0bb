# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders and what to make of files in them."""

from __future__ import annotations

import re

TEMPORARY = ("/tmp/", "/var/tmp/", "/dev/shm/", "/run/", "/var/run/", "/dev/mqueue/")

# Programs unpack native libraries there by themselves (Java's JNA, Netty, Snappy).
LIBRARY = re.compile(r"\.(?:so|node|jnilib)(?:\.[0-9.]+)?$|/(?:jna-[0-9]+|\.?hsperfdata_[^/]+|_MEI\w+)/")

SETTINGS = ("/etc/", "/root/", "/home/", "/usr/lib/", "/lib/", "/opt/")
