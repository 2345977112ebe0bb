#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

pid=$(cat /run/it-engine/pid 2>/dev/null)
if [ -n "$pid" ]; then
  kill -CONT "$pid" 2>/dev/null
  kill "$pid" 2>/dev/null
  for _try in $(seq 40); do
    [ -e "/proc/$pid" ] || break
    sleep 0.25
  done
fi
ip link del it-bridge 2>/dev/null
rm -rf /run/it-engine /var/lib/it-engine
