// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What hosts and containers have in common, as a graph and as a table.

const GRAPH_WIDTH = 1120;
const GRAPH_NODES = 160;
const PATH_STEPS = 12;

async function showGraph() {
  const body = $("#graph .body");
  const told = state.told.correlations;
  if (!told) {
    put(body, el("p", { class: "dim" }, "Hosts were not compared with each other yet: there is no correlations.jsonl in this case."));
    return;
  }
  const rows = await rowsOf(told.block);
  if (!rows.length) {
    put(body, el("p", { class: "dim" }, "No trace is on more than one host or container."));
    return;
  }
  const sorted = rows.map((row) => ({ ...row, hosts: new Set(row.members.map((member) => member.host)).size })).sort((a, b) => b.hosts - a.hosts || b.members.length - a.members.length);
  const links = network(sorted);
  const cut = links.left ? ` ${many(links.left, "more trace")} would not fit; the table has them.` : "";
  put(body, el("p", { class: "dim" }, `Containers that share a trace are joined by it; a ring marks who had it first, arrows the likely path. Drag to move, Ctrl and the wheel to zoom.${cut}`),
    pathList(links.path), el("div", { id: "network" }, drawNetwork(links)), graphTable(sorted, told));
}

/** The likely path: containers by the first dated trace of theirs, the earliest first. */
function likelyPath(rows) {
  const earliest = new Map();
  for (const row of rows) {
    for (const member of row.members) {
      const at = Date.parse(member.time);
      const key = `${member.host} ${member.id}`;
      if (Number.isFinite(at) && !(earliest.get(key)?.at <= at)) earliest.set(key, { key, at, member });
    }
  }
  return [...earliest.values()].sort((a, b) => a.at - b.at).slice(0, PATH_STEPS);
}

function pathList(path) {
  if (path.length < 2) return null;
  const steps = path.map((step, number) => [number ? el("span", { class: "arrow", "aria-label": "then" }, " → ") : "", memberLink(step.member), el("span", { class: "dim time" }, ` ${when(step.member.time)}`)]);
  return el("p", { class: "path" }, el("strong", {}, "Likely path: "), steps, el("span", { class: "dim" }, " – by when each first shows a shared trace."));
}

/** Traces and containers as nodes, as many as can be read. */
function network(rows) {
  const nodes = new Map();
  const links = [];
  let left = 0;
  for (const [number, row] of rows.entries()) {
    const fresh = row.members.filter((member) => !nodes.has(`${member.host} ${member.id}`)).length;
    if (nodes.size + fresh + 1 > GRAPH_NODES) {
      left += 1;
      continue;
    }
    const trace = { key: `trace ${number}`, kind: "trace", label: row.value, row };
    nodes.set(trace.key, trace);
    for (const member of row.members) {
      const key = `${member.host} ${member.id}`;
      const place = state.told.containers.findIndex((one) => one.host === member.host && one.id === member.id);
      if (!nodes.has(key)) nodes.set(key, { key, kind: "container", label: `${member.name || member.id || "host"}`, host: member.host, number: place, grade: place >= 0 ? grade(state.told.containers[place]) : "quiet" });
      links.push({ source: key, target: trace.key, first: row.first.host === member.host && row.first.id === member.id, time: member.time });
    }
  }
  const path = likelyPath(rows);
  const steps = path.slice(1).map((step, number) => ({ from: nodes.get(path[number].key), to: nodes.get(step.key) })).filter((step) => step.from && step.to);
  return { nodes: [...nodes.values()], links, left, path, steps };
}

const clip = (text, longest) => (text.length > longest ? `${text.slice(0, longest - 1)}…` : text);

function drawNetwork({ nodes, links, steps }) {
  const high = Math.min(640, 260 + nodes.length * 14);
  const force = d3.forceSimulation(nodes).force("link", d3.forceLink(links).id((node) => node.key).distance(90)).force("charge", d3.forceManyBody().strength(-420))
    .force("x", d3.forceX().strength(0.05)).force("y", d3.forceY().strength(0.11)).force("collide", d3.forceCollide(44)).stop();
  force.tick(300);
  const [left, right] = d3.extent(nodes, (node) => node.x);
  const [top, bottom] = d3.extent(nodes, (node) => node.y);
  const scale = Math.min(1.6, (GRAPH_WIDTH - 260) / Math.max(right - left, 1), (high - 90) / Math.max(bottom - top, 1));
  const svg = d3.create("svg").attr("viewBox", `0 0 ${GRAPH_WIDTH} ${high}`).attr("class", "network").attr("role", "img").attr("aria-label", `${many(nodes.length, "node")} and ${many(links.length, "link")}; the table below says the same.`);
  const inner = svg.append("g");
  for (const node of nodes) {
    node.x = GRAPH_WIDTH / 2 + (node.x - (left + right) / 2) * scale;
    node.y = (high - 24) / 2 + (node.y - (top + bottom) / 2) * scale;
  }
  inner.append("g").selectAll("line").data(links).join("line").attr("class", (link) => (link.first ? "link first" : "link"))
    .attr("x1", (link) => link.source.x).attr("y1", (link) => link.source.y).attr("x2", (link) => link.target.x).attr("y2", (link) => link.target.y);
  svg.append("defs").append("marker").attr("id", "tip").attr("viewBox", "0 0 8 8").attr("refX", 8).attr("refY", 4).attr("markerWidth", 8).attr("markerHeight", 8).attr("orient", "auto")
    .append("path").attr("d", "M0,0L8,4L0,8z");
  inner.append("g").selectAll("path").data(steps).join("path").attr("class", "step").attr("d", arc).attr("marker-end", "url(#tip)");
  const firsts = new Set(links.filter((link) => link.first).map((link) => link.source.key));
  const made = inner.append("g").selectAll("g").data(nodes).join("g").attr("class", (node) => `node ${node.kind} ${node.grade || ""}`).attr("transform", (node) => `translate(${node.x},${node.y})`)
    .on("click", (event, node) => { if (node.kind === "container" && node.number >= 0) openCard(node.number); });
  made.filter((node) => firsts.has(node.key)).append("circle").attr("r", 15).attr("class", "ring");
  made.filter((node) => node.kind === "container").append("circle").attr("r", 10);
  made.filter((node) => node.kind === "trace").append("rect").attr("x", -7).attr("y", -7).attr("width", 14).attr("height", 14).attr("transform", "rotate(45)");
  made.append("text").attr("y", 26).text((node) => visible(clip(node.label, 28)));
  made.filter((node) => node.host).append("text").attr("class", "sub").attr("y", 39).text((node) => visible(clip(node.host, 28)));
  made.filter((node) => node.kind === "trace").append("text").attr("class", "sub").attr("y", 39).text((node) => visible(node.row.kind));
  made.append("title").text((node) => visible(node.row ? node.row.sentence : `${node.label} on ${node.host}`));
  svg.call(d3.zoom().scaleExtent([0.3, 8]).filter((event) => (event.type === "wheel" ? event.ctrlKey || event.metaKey : !event.button)).on("zoom", ({ transform }) => inner.attr("transform", transform)));
  return svg.node();
}

/** A bow from one container to the next, ending short of it. */
function arc({ from, to }) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const far = Math.hypot(dx, dy) || 1;
  const bow = [from.x + dx / 2 - dy * 0.22, from.y + dy / 2 + dx * 0.22];
  const [ex, ey] = [to.x - bow[0], to.y - bow[1]];
  const rest = (Math.hypot(ex, ey) - Math.min(17, far / 3)) / (Math.hypot(ex, ey) || 1);
  return `M${from.x},${from.y}Q${bow[0]},${bow[1]} ${bow[0] + ex * rest},${bow[1] + ey * rest}`;
}

function graphTable(rows, told) {
  const cells = (row) => [el("td", {}, word(row.kind)), el("td", {}, word(row.value ?? "", "mono"), el("div", { class: "dim" }, word(row.sentence))),
    el("td", {}, memberLink(row.first), el("div", { class: "dim time" }, when(row.first.time))),
    el("td", {}, el("ul", { class: "plain" }, row.members.slice(0, 12).map((member) => el("li", {}, memberLink(member), " ", el("span", { class: "dim time" }, when(member.time))))),
      row.members.length + row.more > 12 ? el("span", { class: "dim" }, `and ${row.members.length + row.more - 12} more`) : "")];
  const left = told.total - told.shown;
  return el("div", {}, el("h3", {}, many(told.total, "shared trace")), grid("Shared traces", ["Kind", "What", "First", "Where"], rows, cells, undefined, 15), left > 0 && el("p", { class: "dim" }, `${left} more are in correlations.jsonl.`));
}

function memberLink(member) {
  const number = state.told.containers.findIndex((one) => one.host === member.host && one.id === member.id);
  const item = member.path.split("/").slice(3).join("/");
  const label = [word(member.name || member.id || "host"), " on ", word(member.host)];
  return number >= 0 ? el("button", { type: "button", class: "link", onclick: () => openCard(number, item || null, member.line) }, label) : el("span", {}, label);
}
