#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

docker unpause it-paused >/dev/null 2>&1
docker ps -aq --filter name=^it- | xargs -r docker rm -f >/dev/null 2>&1
docker network rm it-net >/dev/null 2>&1
docker volume rm it-data >/dev/null 2>&1
true
