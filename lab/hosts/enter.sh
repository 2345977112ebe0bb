#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# First process of a lab host, already in namespaces of its own: makes the host's root and moves into it.
#   $1 lower layer (shared)   $2 the host's state   $3 the host's name
set -eu

lower=$1 state=$2 name=$3
mount --make-rprivate /
hostname "$name"
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$state/upper,workdir=$state/work" "$state/root"
cd "$state/root"

mount -t proc -o nosuid,nodev,noexec proc proc
# A fresh sysfs shows this network namespace's devices; a bind of the machine's would show the machine's.
mount -t sysfs -o nosuid,nodev,noexec sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
# A fresh /dev: through a bind of the real one a chmod in here would reach the machine.
mount -t tmpfs -o mode=0755,size=16m tmpfs dev
for device in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 0666 "dev/${device%:*}" c 1 "${device#*:}"
done
mknod -m 0666 dev/tty c 5 0
mkdir dev/pts dev/shm dev/mqueue
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t mqueue mqueue dev/mqueue
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
mount -t tmpfs -o mode=0755 tmpfs run
mkdir -p run/lock run/sshd var/lib/docker
# overlay2 refuses to lie on an overlay, so the engine's data comes from the machine's own file system.
mount --bind "$state/docker" var/lib/docker

# criu and runc need a real root, not a chroot.
pivot_root . .
umount -l .
# Mounts with propagation, as systemd sets them up on a real host.
mount --make-rshared /
cd /
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    tini -g -- /usr/local/sbin/lab-boot
