#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Leaves busybox and what an image needs around it. $1 is the tree, of packages that were extracted, not configured.
set -eu

root=$1
cp "$root/bin/busybox" "$root/busybox" 2>/dev/null || cp "$root/usr/bin/busybox" "$root/busybox"
find "$root" -mindepth 1 -maxdepth 1 ! -name busybox -exec rm -rf {} +
mkdir -p "$root/bin" "$root/dev" "$root/etc" "$root/proc" "$root/root" "$root/sys" "$root/tmp" "$root/usr" "$root/var"
chmod 1777 "$root/tmp"
mv "$root/busybox" "$root/bin/busybox"
for applet in $("$root/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
echo 'root:x:0:0:root:/root:/bin/sh' > "$root/etc/passwd"
echo 'root:x:0:' > "$root/etc/group"
