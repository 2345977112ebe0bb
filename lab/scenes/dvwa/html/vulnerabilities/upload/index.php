<!DOCTYPE html>
<!--
Copyright (c) The cordon.docker authors
GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->
<title>File Upload :: DVWA</title>
<form method="post" enctype="multipart/form-data"><input name="uploaded" type="file"></form>
<?php echo isset($_FILES["uploaded"]) ? "uploaded" : "", "\n"; ?>
