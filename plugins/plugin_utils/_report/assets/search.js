// Copyright (c) The cordon.docker authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Search over everything: findings first, then the evidence of every container, block after block.

const HITS_EACH = 8;
const HITS_ALL = 400;
const SHOWN_KINDS = { process: "process", socket: "connection", file: "file", hit: "log", log: "log", facts: "configuration", outcome: "outcome" };
let searching = 0;

/** What is looked for: words that all have to be there, "several words" as one; host: and in: narrow it down. */
function parseQuery(text) {
  const query = { words: [], host: "", kind: "" };
  for (const [, quoted, plain] of text.matchAll(/"([^"]+)"|(\S+)/g)) {
    const part = (quoted || plain).toLowerCase();
    const narrow = quoted ? null : /^(host|in):(.+)$/.exec(part);
    if (narrow) query[narrow[1] === "host" ? "host" : "kind"] = narrow[2];
    else query.words.push(part);
  }
  return query;
}

function haystack(row) {
  const parts = [];
  for (const [key, value] of Object.entries(row)) {
    if (key === "k" || key === "i" || key === "n") continue;
    if (typeof value === "string" || typeof value === "number") parts.push(value);
    else if (Array.isArray(value)) parts.push(value.join(" "));
  }
  return parts.join(" ");
}

const holds = (text, words) => {
  const low = text.toLowerCase();
  return words.every((part) => low.includes(part));
};

async function search(text) {
  searching += 1;
  const turn = searching;
  const panel = $("#results");
  const query = parseQuery(text);
  if (!query.words.length) {
    panel.hidden = true;
    panel.replaceChildren();
    say("");
    return;
  }
  const list = el("ol", { class: "found" });
  const tally = el("p", { class: "tally", role: "status" }, "Searching …");
  panel.replaceChildren(el("div", { class: "inner" }, tally, list));
  panel.hidden = false;
  let hits = findingHits(query, list);
  const { containers } = state.told;
  for (const [number, one] of containers.entries()) {
    if (hits >= HITS_ALL) break;
    if (!one.block || (query.host && !one.host.toLowerCase().includes(query.host))) continue;
    const rows = await rowsOf(one.block);
    if (turn !== searching) return;
    hits += containerHits(query, number, one, rows, list, HITS_ALL - hits);
    if (number % 25 === 24) tally.textContent = `${hits} found so far, in ${number + 1} of ${many(containers.length, "container")} …`;
  }
  const cut = hits >= HITS_ALL ? " (the first; narrow it down with more words, host:web1 or in:log)" : "";
  tally.textContent = `${hits} ${hits === 1 ? "match" : "matches"} in findings and the evidence of ${many(containers.length, "container")}${cut}.`;
  panel.dataset.done = text;
}

function findingHits(query, list) {
  if (query.kind && query.kind !== "finding") return 0;
  let hits = 0;
  for (const finding of state.told.findings) {
    const text = `${finding.sentence} ${finding.rule} ${finding.technique} ${finding.host} ${finding.container.name} ${finding.container.image} ${finding.container.id}`;
    if ((query.host && !finding.host.toLowerCase().includes(query.host)) || !holds(text, query.words)) continue;
    hits += 1;
    if (hits > 30) continue;
    const go = () => leave(() => openCard(finding.c));
    put(list, el("li", {}, el("button", { type: "button", class: "hitline", onclick: go }, chip(finding.severity), " ", lit(finding.sentence, query.words), el("span", { class: "dim" }, ` ${finding.container.name} on ${finding.host}`))));
  }
  return hits;
}

function containerHits(query, number, one, rows, list, room) {
  let hits = 0;
  const seen = new Set();
  const name = `${one.name} ${one.host} ${one.image}`;
  for (const row of rows) {
    const kind = SHOWN_KINDS[row.k];
    if (!kind || (query.kind && kind !== query.kind && row.k !== query.kind)) continue;
    const text = haystack(row);
    if (!holds(`${text} ${name}`, query.words) || !query.words.some((part) => text.toLowerCase().includes(part))) continue;
    // The end of a log holds what matched too, and the list of changes what lies in the layer.
    const twin = kind === "log" ? `${row.time} ${row.line}` : kind === "file" ? row.path : null;
    if (twin !== null && seen.has(twin) && row.i !== "layer.jsonl" && row.i !== "logs/hits.jsonl") continue;
    if (twin !== null) seen.add(twin);
    hits += 1;
    if (hits > Math.min(HITS_EACH, room)) continue;
    const go = () => leave(() => openCard(number, row.i || null, row.n || null));
    put(list, el("li", {}, el("button", { type: "button", class: "hitline", onclick: go }, el("span", { class: "badge" }, kind), " ", lit(shownOf(row, text), query.words), el("span", { class: "dim" }, ` ${one.name} on ${one.host}`))));
  }
  if (hits > HITS_EACH) put(list, el("li", { class: "dim" }, `and ${hits - HITS_EACH} more in ${visible(one.name)} on ${visible(one.host)}`));
  return hits;
}

/** What a hit shows of its row. */
function shownOf(row, text) {
  if (row.k === "process") return `${row.pid} ${commandOf(row)}`;
  if (row.k === "file") return row.path ?? text;
  return row.line ?? text;
}

/** A piece of the text around the first word found, the words marked. */
function lit(text, words) {
  const low = text.toLowerCase();
  const at = Math.max(0, Math.min(...words.map((part) => low.indexOf(part)).filter((place) => place >= 0), text.length) - 60);
  const piece = text.slice(at, at + 240);
  const made = el("bdi", { class: "mono" }, at ? "…" : "");
  const places = [];
  const lower = piece.toLowerCase();
  for (const part of words) {
    for (let place = lower.indexOf(part); place >= 0 && places.length < 50; place = lower.indexOf(part, place + part.length)) places.push([place, place + part.length]);
  }
  places.sort((a, b) => a[0] - b[0]);
  let done = 0;
  for (const [from, to] of places) {
    if (from < done) continue;
    put(made, piece.slice(done, from), el("mark", {}, piece.slice(from, to)));
    done = to;
  }
  return put(made, piece.slice(done), at + 240 < text.length ? "…" : "");
}

function leave(act) {
  $("#results").hidden = true;
  act();
}

function attachSearch() {
  const input = $("#query");
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => search(input.value), 200);
  });
  $("#find").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    search(input.value);
  });
}
