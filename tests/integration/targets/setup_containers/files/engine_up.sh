#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

mkdir -p /run/it-engine/certs
cd /run/it-engine/certs || exit
for ca in ca other-ca; do
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout "$ca-key.pem" -out "$ca.pem" -subj "/CN=$ca" 2>/dev/null
done
printf 'subjectAltName=DNS:engine.example\nextendedKeyUsage=serverAuth,clientAuth\n' >extensions
for pair in server:ca client:ca stranger:other-ca; do
  who=${pair%:*} ca=${pair#*:}
  openssl req -newkey rsa:2048 -nodes -keyout "$who-key.pem" -out "$who.csr" -subj "/CN=$who" 2>/dev/null
  openssl x509 -req -in "$who.csr" -CA "$ca.pem" -CAkey "$ca-key.pem" -CAcreateserial -days 2 -extfile extensions \
    -out "$who.pem" 2>/dev/null
done
# The names that DOCKER_CERT_PATH goes by.
mkdir /run/it-engine/client
for name in ca cert key; do
  case $name in ca) file=ca ;; cert) file=client ;; key) file=client-key ;; esac
  cp "$file.pem" "/run/it-engine/client/$name.pem"
done
# The host's own daemon.json would clash with these flags.
echo '{}' >/run/it-engine/daemon.json
# With "none" it would take away the docker0 of the host's own engine.
ip link add it-bridge type bridge
ip addr add 192.0.2.1/24 dev it-bridge
nohup dockerd --config-file /run/it-engine/daemon.json --storage-driver vfs --data-root /var/lib/it-engine \
  --exec-root /run/it-engine --pidfile /run/it-engine/pid -H unix:///run/it-engine/docker.sock \
  -H tcp://127.0.0.1:2476 --tlsverify --tlscacert ca.pem --tlscert server.pem --tlskey server-key.pem \
  --bridge it-bridge --iptables=false --ip6tables=false >/run/it-engine/log 2>&1 </dev/null &
for _try in $(seq 60); do
  docker -H unix:///run/it-engine/docker.sock ps >/dev/null 2>&1 && exit 0
  sleep 0.5
done
tail -3 /run/it-engine/log >&2
exit 1
