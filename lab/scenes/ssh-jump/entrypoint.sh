#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

mkdir -p /root/.ssh
chmod 700 /root/.ssh
[ -f /root/.ssh/id_ed25519 ] || ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/id_ed25519
{ echo "$KEYS"; cat /root/.ssh/id_ed25519.pub; } > /root/.ssh/authorized_keys
ssh-keygen -A > /dev/null
exec /usr/sbin/sshd -D -e
