#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Finishes the Apache and PHP tree: logs to the standard streams, so that `docker logs` has them. $1 is the tree.
set -eu

root=$1
ln -sf /proc/self/fd/1 "$root/var/log/apache2/access.log"
ln -sf /proc/self/fd/1 "$root/var/log/apache2/other_vhosts_access.log"
ln -sf /proc/self/fd/2 "$root/var/log/apache2/error.log"
echo 'ServerName localhost' > "$root/etc/apache2/conf-enabled/name.conf"
rm -f "$root/var/www/html/index.html"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
