#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Containers in each state, with each kind of change.
set -eu
run() { docker run -d "$@" >/dev/null; }
run --name tm-paused acme/base:1
docker pause tm-paused >/dev/null
docker run --name tm-exited acme/base:1 sh -c 'echo last words; echo x > /left' >/dev/null
docker create --name tm-created acme/base:1 >/dev/null
run --name tm-hostnet --network host acme/base:1
run --name tm-owner acme/base:1 sh -c 'sleep 3600 | nc -l -p 7777'
run --name tm-shared --network container:tm-owner acme/base:1
run --name tm-none --network none --log-driver none acme/base:1
run --name tm-changed -v tm-volume:/var/www/html acme/base:1
docker exec tm-changed sh -c '
    mkdir -p /new/deep; echo x > /new/deep/file; ln -s /etc/shadow /new/link; mkfifo /new/pipe
    rm -rf /var/spool; mkdir /var/spool; echo n > /var/spool/n
    cp -p /etc/passwd /tmp/was; tr r R < /tmp/was > /etc/passwd; touch -r /tmp/was /etc/passwd
    echo "<?php system(1);" > /var/www/html/shell.php'
