// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Tables of evidence, the process tree, logs in context. Rows that a finding points at are marked and never cut away.

const ROWS_AT_FIRST = 30;
const CONTEXT = 3;
const ALIKE = 3;

/** A table with a caption for those who do not see it; long ones begin short. `cells` makes the cells of a row. */
function grid(caption, heads, rows, cells, mark = () => null, first = ROWS_AT_FIRST) {
  if (!rows.length) return el("p", { class: "dim" }, "Nothing.");
  const body = el("tbody", {});
  const table = el("table", { class: "grid" }, el("caption", { class: "unseen" }, caption),
    el("thead", {}, el("tr", {}, heads.map((name) => el("th", { scope: "col" }, name)))), body);
  const line = (row) => {
    const severity = mark(row);
    return el("tr", { class: severity ? `hit ${severity}` : null, "data-row": row.i ? [`${row.i}:${row.n}`, ...(row.also || [])].join(" ") : null }, cells(row));
  };
  const marked = rows.filter((row) => mark(row));
  const start = rows.length > first ? [...marked, ...rows.filter((row) => !mark(row)).slice(0, Math.max(0, first - marked.length))] : rows;
  put(body, start.map(line));
  const whole = el("div", { class: "wide" }, table);
  if (start.length === rows.length) return whole;
  const all = () => {
    body.replaceChildren();
    put(body, rows.map(line));
    more.remove();
  };
  const more = el("button", { type: "button", class: "more expand", onclick: all }, `Show all ${rows.length.toLocaleString("en")}`);
  return el("div", {}, whole, more);
}

function outcomeTable(rows) {
  const order = ["failed", "truncated", "missing", "collected", "empty"];
  const sorted = rows.slice().sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status));
  const count = (status) => rows.filter((row) => row.status === status).length;
  const bad = (row) => ["failed", "truncated", "missing"].includes(row.status);
  const words = order.filter(count).map((status) => `${count(status)} ${status}`).join(", ");
  const lost = sorted.filter(bad);
  const cells = (row) => [el("td", { class: "mono" }, word(row.item)), el("td", {}, el("span", { class: bad(row) ? "badge lost" : "badge" }, row.status)),
    el("td", {}, word(row.reason || "")), el("td", { class: "number" }, row.bytes ? bytes(row.bytes) : ""), el("td", { class: "number" }, Number.isFinite(row.seconds) ? `${row.seconds.toFixed(3)} s` : "")];
  const heads = ["Item", "Outcome", "Why", "Size", "Took"];
  return el("div", {}, el("p", { class: lost.length ? null : "dim" }, words ? `${words}.` : "No outcomes are recorded."),
    lost.length > 0 && grid("What is missing", heads, lost, cells),
    rows.length > lost.length && el("details", {}, el("summary", {}, `${many(rows.length - lost.length, "item")} as asked`), grid("What was collected", heads, sorted.filter((row) => !bad(row)), cells, undefined, 100)));
}

const commandOf = (row) => (row.cmd && row.cmd.length ? row.cmd.join(" ") : `[${row.comm || "?"}]`);

/** Processes as parent and child; the branch from the root down to what a finding points at is marked. */
function processTree(rows, sockets, mark) {
  const byPid = new Map(rows.map((row) => [row.pid, row]));
  const children = new Map();
  const roots = [];
  for (const row of rows) {
    if (row.ppid !== row.pid && byPid.has(row.ppid)) {
      if (!children.has(row.ppid)) children.set(row.ppid, []);
      children.get(row.ppid).push(row);
    } else roots.push(row);
  }
  const bad = new Set();
  for (const row of rows.filter((one) => mark(one))) {
    for (let at = row; at && !bad.has(at.pid); at = at.ppid === at.pid ? null : byPid.get(at.ppid)) bad.add(at.pid);
  }
  const seen = new Set();
  const branch = (members, depth) => {
    const list = el("ul", { class: "tree" });
    const groups = new Map();
    for (const row of members) {
      if (seen.has(row.pid)) continue;
      seen.add(row.pid);
      const plain = !bad.has(row.pid) && !children.has(row.pid);
      const key = plain ? commandOf(row) : row.pid;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(row);
    }
    for (const group of groups.values()) {
      const shown = group.length > ALIKE ? group.slice(0, 1) : group;
      put(list, shown.map((row) => {
        const more = shown.length < group.length ? el("span", { class: "dim" }, ` and ${group.length - 1} more like it`) : null;
        const node = el("li", { class: bad.has(row.pid) ? "bad" : null }, processLine(row, sockets, mark(row), more));
        if (children.has(row.pid) && depth < 60) put(node, branch(children.get(row.pid), depth + 1));
        return node;
      }));
    }
    return list;
  };
  const whole = branch(roots, 0);
  const loose = rows.filter((row) => !seen.has(row.pid));
  if (loose.length) put(whole, loose.map((row) => el("li", {}, processLine(row, sockets, mark(row), null))));
  return whole;
}

function processLine(row, sockets, severity, more) {
  const odd = row.exe_state && row.exe_state !== "image" ? el("span", { class: "badge lost" }, `executable: ${row.exe_state}`) : null;
  const peers = sockets.filter((socket) => socket.pid === row.pid && socket.remote_port);
  return el("div", { class: severity ? `proc hit ${severity}` : "proc", "data-row": `${row.i}:${row.n}` },
    severity && chip(severity), el("span", { class: "pid" }, String(row.pid)), el("span", { class: "dim" }, word(row.user ?? "")),
    word(commandOf(row), "mono cmd"), odd, row.outside && el("span", { class: "badge lost" }, "outside its cgroup"),
    peers.slice(0, 5).map((socket) => el("span", { class: "peer" }, `→ ${socket.remote_address}:${socket.remote_port}`)),
    el("span", { class: "dim time" }, when(row.started)), more);
}

const NOWHERE = ["0.0.0.0", "::", "*", "", undefined];

function socketTable(rows, mark) {
  const listening = (row) => NOWHERE.includes(row.remote_address) || !row.remote_port;
  const sorted = rows.slice().sort((a, b) => listening(a) - listening(b));
  const end = (address, port) => `${String(address ?? "").includes(":") ? `[${address}]` : address ?? ""}:${port ?? ""}`;
  return grid("Connections", ["", "State", "Here", "", "There", "Process"], sorted, (row) => [
    el("td", { class: "dim" }, word(row.protocol)), el("td", {}, word(row.state)), el("td", { class: "mono" }, word(end(row.local_address, row.local_port))),
    el("td", { class: "dim" }, listening(row) ? "" : "↔"), el("td", { class: "mono" }, listening(row) ? "" : word(end(row.remote_address, row.remote_port))),
    el("td", {}, row.pid ? [el("span", { class: "pid" }, String(row.pid)), word(row.process ?? "")] : el("span", { class: "dim" }, "nobody seen"))], mark);
}

const CHANGE = new Map([["A", "added"], ["C", "changed"], ["D", "deleted"]]);

function fileTable(rows, mark) {
  const whole = merged(rows, mark);
  const newest = (a, b) => String(b.ctime || "").localeCompare(String(a.ctime || ""));
  const sorted = whole.sort((a, b) => Boolean(b.mark) - Boolean(a.mark) || newest(a, b));
  return grid("Changed files", ["", "Path", "Size", "Changed", "Modified"], sorted, (row) => {
    const back = row.mtime && row.ctime && Date.parse(row.ctime) - Date.parse(row.mtime) > 864e5 && row.kind !== "D";
    return [
      el("td", {}, el("span", { class: `change ${CHANGE.has(row.kind) ? row.kind : "V"}` }, CHANGE.get(row.kind) || (row.volume ? "volume" : "in layer"))),
      el("td", {}, word(row.path, "mono"), row.target && el("span", { class: "dim" }, " → ", word(row.target, "mono")),
        row.executable && el("span", { class: "badge" }, "executable"), row.code && el("span", { class: "badge" }, row.code), row.volume && el("span", { class: "badge" }, `volume ${row.volume}`),
        row.sha256 && el("div", { class: "dim mono hash" }, row.sha256), row.head && codeHead(row.head, row.mark)),
      el("td", { class: "number" }, row.bytes === undefined ? "" : bytes(row.bytes)), el("td", { class: "time" }, when(row.ctime)),
      el("td", { class: back ? "time odd" : "time", title: back ? "Modified more than a day before it was changed: unpacked, copied, or set back." : null }, when(row.mtime))];
  }, (row) => row.mark);
}

/** A file that both the layer and the list of changes tell of is one row, with the graver mark of the two. */
function merged(rows, mark) {
  const known = new Map();
  const found = [];
  for (const row of rows) {
    const severity = mark(row);
    const twin = row.i === "changes.jsonl" ? known.get(row.path) : null;
    if (!twin) {
      const made = { ...row, mark: severity, also: [] };
      if (row.i === "layer.jsonl") known.set(row.path, made);
      found.push(made);
      continue;
    }
    twin.also.push(`${row.i}:${row.n}`);
    if (severity && (!twin.mark || SEVERITIES.indexOf(severity) < SEVERITIES.indexOf(twin.mark))) twin.mark = severity;
  }
  return found;
}

function codeHead(head, open) {
  const lines = el("pre", {});
  head.split("\n").forEach((line, number) => put(lines, number ? document.createElement("br") : null, line.replaceAll("\t", "    ")));
  return el("details", { open: Boolean(open) }, el("summary", {}, "Its first lines"), lines);
}

/** The end of the log with the lines that match a pattern in their place, and what stood around them. */
function logView(tail, hits, mark) {
  const key = (row) => `${row.time} ${row.line}`;
  const inTail = new Map();
  for (const row of tail) inTail.set(key(row), row);
  const loose = hits.filter((row) => !inTail.has(key(row)));
  const hot = new Map();
  for (const row of hits) hot.set(key(row), row);
  const lit = (row) => mark(row) || (hot.has(key(row)) && mark(hot.get(key(row)))) || (hot.has(key(row)) ? "pattern" : null);
  const show = new Set();
  tail.forEach((row, number) => {
    if (!lit(row)) return;
    for (let at = number - CONTEXT; at <= number + CONTEXT; at += 1) show.add(at);
  });
  if (!show.size) for (let at = Math.max(0, tail.length - 12); at < tail.length; at += 1) show.add(at);
  const box = el("div", { class: "log", role: "region", tabindex: "0", "aria-label": "Log lines" });
  const fill = (all) => {
    box.replaceChildren();
    if (loose.length) {
      put(box, el("p", { class: "dim" }, "Older lines that match:"));
      const cut = all ? loose : [...loose.filter((row) => mark(row)), ...loose.filter((row) => !mark(row))].slice(0, 40);
      put(box, cut.sort((a, b) => a.n - b.n).map((row) => logLine(row, mark(row) || "pattern", hot)));
      if (tail.length) put(box, el("p", { class: "dim" }, "The end of the log:"));
    }
    let gap = false;
    tail.forEach((row, number) => {
      if (!all && !show.has(number)) {
        gap = true;
        return;
      }
      if (gap) put(box, el("div", { class: "gap", "aria-hidden": "true" }, "⋯"));
      gap = false;
      put(box, logLine(row, lit(row), hot));
    });
  };
  fill(false);
  const hidden = tail.length - show.size + Math.max(0, loose.length - 40);
  if (hidden <= 0) return box;
  const more = el("button", { type: "button", class: "more expand", onclick: () => { fill(true); more.remove(); } }, `Show all ${many(tail.length + loose.length, "line")}`);
  return el("div", {}, box, more);
}

function logLine(row, severity, hot) {
  const twin = hot.get(`${row.time} ${row.line}`);
  const names = [`${row.i}:${row.n}`, twin && twin !== row ? `${twin.i}:${twin.n}` : null].filter(Boolean).join(" ");
  return el("div", { class: severity ? `line hit ${severity}` : "line", "data-row": names },
    el("span", { class: "dim time" }, when(row.time)), el("span", { class: "dim stream" }, row.stream === "stderr" ? "err" : ""), word(row.line, "mono"));
}
