#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

while :; do
    find /var/log/apache2 -name "site.log.*" -mtime +3 -delete
    sleep 30
done &
exec apache2 -D FOREGROUND
