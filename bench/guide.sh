#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The responder's guide, steps 1.1 to 1.6, as one loop that somebody would send over ssh today. Runs on the host.
docker ps --all --no-trunc
for name in $(docker ps --all --format '{{.Names}}'); do
    docker inspect "$name"
    docker stats --no-stream "$name"
    docker top "$name"
    docker logs "$name" 2>&1 | grep jndi
    docker diff "$name"
done
