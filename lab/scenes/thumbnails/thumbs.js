// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

const http = require("http");
const { exec } = require("child_process");

const pack = () => exec("gzip --stdout /srv/thumbs/thumbs.js > /tmp/thumbs.gz; sleep 20", pack);
pack();
http.createServer((request, response) => response.end("thumbs\n")).listen(8080);
