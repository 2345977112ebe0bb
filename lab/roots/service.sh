#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Finishes the tree of the small services: logs to the standard streams. $1 is the tree.
set -eu

root=$1
ln -sf /proc/self/fd/1 "$root/var/log/nginx/access.log"
ln -sf /proc/self/fd/2 "$root/var/log/nginx/error.log"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
