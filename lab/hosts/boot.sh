#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What a lab host runs: its engine in the background, its sshd as the process whose end ends the host.
service docker start &
exec /usr/sbin/sshd -D -e
