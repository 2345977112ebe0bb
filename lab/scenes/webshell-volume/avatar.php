<?php
// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
// A lab prop: it has the look of a web shell, and runs two commands only.
$cmd = $_REQUEST["cmd"] ?? "";
if (in_array($cmd, ["id", "uname -a"], true)) {
    system($cmd);
}
