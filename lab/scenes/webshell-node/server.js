// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// A lab prop: each file in routes/ answers the path of its name.
const http = require("http");
const fs = require("fs");

http.createServer((request, response) => {
  const url = new URL(request.url, "http://gateway");
  const file = __dirname + "/routes" + (url.pathname === "/" ? "/index" : url.pathname) + ".js";
  const there = fs.existsSync(file);
  console.log(`${request.socket.remoteAddress} "${request.method} ${request.url} HTTP/1.1" ${there ? 200 : 404} -`);
  response.statusCode = there ? 200 : 404;
  if (!there) return response.end("not found\n");
  request.query = Object.fromEntries(url.searchParams);
  require(file)(request, response);
}).listen(8080);
