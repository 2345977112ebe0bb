// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
// A lab prop: it has the look of a web shell, and runs two commands only.
const { exec } = require("child_process");
module.exports = (req, res) => {
  if (!["id", "uname -a"].includes(req.query.cmd)) return res.end();
  exec(req.query.cmd, (error, out) => res.end(out));
};
