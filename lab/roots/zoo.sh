#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Finishes the tree of many interpreters. $1 is the tree.
set -eu

root=$1
# Each container makes its own.
rm -f "$root"/etc/ssh/ssh_host_*
rm -f "$root"/etc/cron.d/* "$root"/etc/cron.daily/*
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
mkdir -p "$root/run/sshd"
