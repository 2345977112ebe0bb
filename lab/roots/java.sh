#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Cuts the Java runtime out of the JDK (80 MB instead of 330) and drops the rest. $1 is the tree.
set -eu

root=$1
mount -t proc proc "$root/proc"
mkdir -p "$root/opt/java"
chroot "$root" sh -c '/usr/lib/jvm/java-17-openjdk-*/bin/jlink \
    --add-modules java.base,java.logging,jdk.compiler,jdk.httpserver \
    --strip-java-debug-attributes --no-header-files --no-man-pages --output /opt/java/openjdk'
umount "$root/proc"
rm -rf "$root"/usr/lib/jvm "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
