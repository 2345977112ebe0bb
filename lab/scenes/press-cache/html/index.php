<?php
// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
$page = preg_replace("/[^A-Za-z]/", "", $_GET["page"] ?? "Start");
$compiled = __DIR__ . "/templates_c/" . sha1($page) . ".tpl.php";
if (!file_exists($compiled)) {
    file_put_contents($compiled, "<?php /* compiled from $page.tpl */ echo htmlspecialchars(\$this->title ?? '$page'), \"\\n\"; ?>");
    file_put_contents(__DIR__ . "/var/cache/settings.php", "<?php return " . var_export(["page" => $page, "time" => time()], true) . ";");
    copy(__DIR__ . "/logo.png", __DIR__ . "/uploads/$page.png");
}
echo "<title>$page</title>";
