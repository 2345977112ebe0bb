#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Finishes the tree of a lab host: users, sshd and sudo. $1 is the tree.
set -eu

root=$1
for user in responder docker-member; do
    chroot "$root" useradd --create-home --shell /bin/bash "$user"
    # A locked password ("!") bars key logins too; "*" only bars passwords.
    chroot "$root" usermod --password '*' "$user"
done
chroot "$root" usermod --password '*' root
chroot "$root" usermod --append --groups docker docker-member
echo 'responder ALL=(ALL) NOPASSWD: ALL' > "$root/etc/sudoers.d/responder"
chmod 0440 "$root/etc/sudoers.d/responder"
# Each host gets keys of its own when it is raised.
rm -f "$root"/etc/ssh/ssh_host_*
cat > "$root/etc/ssh/sshd_config" <<'END'
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
MaxStartups 200
MaxSessions 200
Subsystem sftp internal-sftp
END
rm -rf "$root"/var/lib/docker "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
