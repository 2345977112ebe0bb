#!/usr/bin/env bash
# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Packs what there is and waits for the next.
gzip --keep --force --stdout /srv/invoices/Invoices.java > /tmp/report.gz
sleep 30
